"""The tenant-isolated time-series store: append log, buffer per tenant, sorted Parquet in its own place."""

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
