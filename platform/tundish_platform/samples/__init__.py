"""The ground floor: the shapes that travel. Knows no database, no web and no tenant store."""

from tundish_platform.samples.alarms import AlarmPriority, AlarmReport
from tundish_platform.samples.alerts import AlertEvidence, AlertReport, Horizon, Sureness
from tundish_platform.samples.batch import (
    GAP_REASONS,
    SCHEMAS,
    GapReason,
    Origin,
    SampleBatch,
    SampleKind,
    empty_table,
)
from tundish_platform.samples.codec import (
    CodecError,
    decode_batch,
    decode_frames,
    encode_batch,
    encode_frames,
)
from tundish_platform.samples.signals import SignalInfo, SignalRole, SignalSpec
from tundish_platform.samples.status import BAD_NO_COMMUNICATION, GOOD, Severity, is_good, severity

__all__ = [
    "BAD_NO_COMMUNICATION",
    "GAP_REASONS",
    "GOOD",
    "SCHEMAS",
    "AlarmPriority",
    "AlarmReport",
    "AlertEvidence",
    "AlertReport",
    "CodecError",
    "GapReason",
    "Horizon",
    "Origin",
    "SampleBatch",
    "SampleKind",
    "Severity",
    "SignalInfo",
    "SignalRole",
    "SignalSpec",
    "Sureness",
    "decode_batch",
    "decode_frames",
    "empty_table",
    "encode_batch",
    "encode_frames",
    "is_good",
    "severity",
]
