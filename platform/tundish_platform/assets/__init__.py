"""What a tenant has: sources and the signals they declare."""

from tundish_platform.assets.places import lying_in, seen
from tundish_platform.assets.signals import (
    MAX_SIGNALS,
    SignalQuotaReached,
    SignalRefused,
    UnknownSignals,
    find_signals,
    list_signals,
    signal_kinds,
    upsert_signals,
)
from tundish_platform.assets.sources import (
    STALE_AFTER,
    Heartbeat,
    SourceInfo,
    SourceRefused,
    list_sources,
    save_heartbeat,
)

__all__ = [
    "MAX_SIGNALS",
    "STALE_AFTER",
    "Heartbeat",
    "SignalQuotaReached",
    "SignalRefused",
    "SourceInfo",
    "SourceRefused",
    "UnknownSignals",
    "find_signals",
    "list_signals",
    "list_sources",
    "lying_in",
    "save_heartbeat",
    "seen",
    "signal_kinds",
    "upsert_signals",
]
