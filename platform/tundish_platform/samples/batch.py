"""`SampleBatch`, the one shape that travels from connector to store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from datetime import datetime

TIMESTAMP = pa.timestamp("us", tz="UTC")


class SampleKind(StrEnum):
    """What the values of a batch are. Booleans travel as numeric 0 and 1."""

    NUMERIC = "numeric"
    INTEGER = "integer"
    TEXT = "text"
    ARRAY = "array"
    GAP = "gap"


class Origin(StrEnum):
    """How samples came: live from a machine, or from a file of the past. Adoption counts only live ones."""

    LIVE = "live"
    IMPORT = "import"


class GapReason(StrEnum):
    """Why nothing is known of a signal between two instants."""

    DISCONNECTED = "disconnected"
    SEQUENCE = "sequence"
    OVERFLOW = "overflow"
    SILENT = "silent"
    COLLECTOR_STOPPED = "collector_stopped"
    SPOOL_FULL = "spool_full"
    SEGMENT_DAMAGED = "segment_damaged"


GAP_REASONS = frozenset(reason.value for reason in GapReason)


def _value_schema(value: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            pa.field("signal", pa.uint32(), nullable=False),
            pa.field("ts", TIMESTAMP, nullable=False),
            pa.field("value", value),
            pa.field("status", pa.uint32(), nullable=False),
        ]
    )


SCHEMAS: dict[SampleKind, pa.Schema] = {
    SampleKind.NUMERIC: _value_schema(pa.float64()),
    # Whole numbers beyond 2**53 would be rounded as float64, so they keep a column type of their own.
    SampleKind.INTEGER: _value_schema(pa.int64()),
    SampleKind.TEXT: _value_schema(pa.string()),
    SampleKind.ARRAY: _value_schema(pa.list_(pa.float64())),
    SampleKind.GAP: pa.schema(
        [
            pa.field("signal", pa.uint32(), nullable=False),
            pa.field("ts", TIMESTAMP, nullable=False),
            pa.field("end", TIMESTAMP, nullable=False),
            pa.field("reason", pa.string(), nullable=False),
        ]
    ),
}


def empty_table(kind: SampleKind) -> pa.Table:
    """A table of the kind's schema without rows."""
    return SCHEMAS[kind].empty_table()


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """Samples of one kind, as columns.

    Attributes:
        kind: which schema of `SCHEMAS` the table has.
        table: Arrow columns ``signal u32, ts timestamp[us, UTC], value, status u32``; a gap batch has
            ``signal, ts, end, reason`` instead: nothing is known of the signal in ``[ts, end)``.
            ``ts`` is the source's time. ``value`` is null where the server sent a status without a value.
        arrival: when the collector received it (UTC); kept beside the source time, never in its place.
        origin: live from a machine, or imported history.

    Raises:
        ValueError: the table does not have the kind's schema, or arrival has no time zone.
    """

    kind: SampleKind
    table: pa.Table
    arrival: datetime
    origin: Origin = Origin.LIVE

    def __post_init__(self) -> None:
        if not self.table.schema.equals(SCHEMAS[self.kind]):
            raise ValueError(
                f"a {self.kind} batch needs the columns {SCHEMAS[self.kind]}, got {self.table.schema}"
            )
        if self.arrival.tzinfo is None:
            raise ValueError("arrival needs a time zone")

    def __len__(self) -> int:
        return int(self.table.num_rows)
