"""The tenant-isolated time-series store: append log, buffer per tenant, sorted Parquet in its own place.

What it offers is imported when it is first asked for: a process that only appends needs little of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tundish_platform.store.log.filelog import FileLog
    from tundish_platform.store.log.interface import Log, StoreFailed, StoreFull
    from tundish_platform.store.log.records import ForeignLog, LogRecord
    from tundish_platform.store.rows import TimeOutOfRange
    from tundish_platform.store.telemetry import Appended, StoreInUse, StoreState, Telemetry
    from tundish_platform.store.write.sealer import SealSettings

__all__ = [
    "Appended",
    "FileLog",
    "ForeignLog",
    "Log",
    "LogRecord",
    "SealSettings",
    "StoreFailed",
    "StoreFull",
    "StoreInUse",
    "StoreState",
    "Telemetry",
    "TimeOutOfRange",
]

_HOMES: Final = {
    "Appended": "telemetry",
    "FileLog": "log.filelog",
    "ForeignLog": "log.records",
    "Log": "log.interface",
    "LogRecord": "log.records",
    "SealSettings": "write.sealer",
    "StoreFailed": "log.interface",
    "StoreFull": "log.interface",
    "StoreInUse": "telemetry",
    "StoreState": "telemetry",
    "Telemetry": "telemetry",
    "TimeOutOfRange": "rows",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
