"""What was done on machines: the history of maintenance that pages and charts show."""

from __future__ import annotations

from tundish_platform.maintenance.keeping import (
    LONGEST,
    MAX_PAGE,
    MaintenanceKind,
    RecordRefused,
    RecordSpec,
    RecordView,
    UnknownRecord,
    list_records,
    note_record,
    records_on,
    remove_record,
)

__all__ = [
    "LONGEST",
    "MAX_PAGE",
    "MaintenanceKind",
    "RecordRefused",
    "RecordSpec",
    "RecordView",
    "UnknownRecord",
    "list_records",
    "note_record",
    "records_on",
    "remove_record",
]
