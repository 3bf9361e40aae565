"""What a tenant has: sources and the signals they declare."""

from tundish_platform.assets.lookup import numbers_by_path
from tundish_platform.assets.pages import page_of_signals
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
    "numbers_by_path",
    "page_of_signals",
    "save_heartbeat",
    "signal_kinds",
    "upsert_signals",
]
