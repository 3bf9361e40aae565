"""The time-series store: append log, buffer per tenant, sorted Parquet in the tenant's own place."""

from tundish_platform.store.log import FileLog, Log, LogRecord, StoreFailed, StoreFull
from tundish_platform.store.rows import TimeOutOfRange
from tundish_platform.store.telemetry import StoreInUse, StoreState, Telemetry

__all__ = [
    "FileLog",
    "Log",
    "LogRecord",
    "StoreFailed",
    "StoreFull",
    "StoreInUse",
    "StoreState",
    "Telemetry",
    "TimeOutOfRange",
]
