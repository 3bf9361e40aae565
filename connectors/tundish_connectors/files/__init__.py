"""The files connector: rows from files and recordings, delivered as history."""

from tundish_connectors.files.importer import ImportReport, UndeclaredSignals, deliver
from tundish_connectors.files.long import LongFileError, read_long_file
from tundish_connectors.files.table import PathTable

__all__ = [
    "ImportReport",
    "LongFileError",
    "PathTable",
    "UndeclaredSignals",
    "deliver",
    "read_long_file",
]
