"""How rows lie in memory: large batches as they came, small ones in a row."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import Origin, SampleKind
from tundish_platform.store.rows import EARLIEST, STORED, TIMESTAMP, by_signal, micros, repeated

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_platform.samples import SampleBatch

_FIRST_ROWS: Final = 16
_US: Final = timedelta(microseconds=1)
_NUMBERS: Final = {SampleKind.NUMERIC: np.dtype(np.float64), SampleKind.INTEGER: np.dtype(np.int64)}


class Chunk:
    """Rows that are never changed: one batch as it came, or a part of a first-level file.

    Args:
        table: `STORED` columns, or the batch's own with `arrival` and `live` given apart.
        arrival: of all rows, where the table has no such column.
        live: of all rows, likewise.
        ordered: the rows are in order by signal.
    """

    __slots__ = ("_arrival", "_limits", "_live", "_ordered", "_starts", "_table")

    def __init__(
        self, table: pa.Table, arrival: datetime | None = None, *, live: bool = True, ordered: bool = False
    ) -> None:
        self._table = table
        self._arrival = arrival
        self._live = live
        self._limits: tuple[int, int] | None = None
        self._ordered: pa.Table | None = table if ordered else None
        self._starts: tuple[NDArray[Any], NDArray[Any]] | None = None

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @property
    def nbytes(self) -> int:
        """Memory of the rows, roughly."""
        return int(self._table.nbytes)

    def rows(self) -> pa.Table:
        """All rows, `STORED` columns, as they came."""
        return self._with_arrival(self._table)

    def chosen(
        self, signals: NDArray[np.uint32] | None, start: int | None, end: int | None
    ) -> pa.Table | None:
        """Rows of some signals (rising numbers) with ``start <= ts < end`` in µs; None if there is none."""
        low, high = self._time_limits()
        if (end is not None and low >= end) or (start is not None and high < start):
            return None
        inside = (start is None or low >= start) and (end is None or high < end)
        table = self._of_signals(signals)
        if table is None:
            return None
        if not inside:
            ts = micros(table["ts"])
            kept = np.ones(len(ts), dtype=bool)
            if start is not None:
                kept &= ts >= start
            if end is not None:
                kept &= ts < end
            table = table.filter(pa.array(kept))
        return self._with_arrival(table) if table.num_rows else None

    def _of_signals(self, signals: NDArray[np.uint32] | None) -> pa.Table | None:
        """Slices of the rows put in order by signal: done at the first question, kept for the next."""
        if signals is None:
            return self._table
        if self._starts is None:
            self._starts = self._in_order()
        numbers, starts = self._starts
        at = np.searchsorted(numbers, signals)
        at = at[(at < len(numbers)) & (numbers[np.minimum(at, len(numbers) - 1)] == signals)]
        if not len(at) or self._ordered is None:
            return None
        if len(at) == len(numbers):
            return self._ordered
        parts = [self._ordered.slice(starts[i], starts[i + 1] - starts[i]) for i in at.tolist()]
        return pa.concat_tables(parts)

    def _in_order(self) -> tuple[NDArray[Any], NDArray[Any]]:
        if self._ordered is None:
            order = by_signal(self._table["signal"].to_numpy())
            self._ordered = self._table.take(pa.array(order))
        column = self._ordered["signal"].to_numpy()
        starts = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
        return column[starts], np.append(starts, len(column))

    def _time_limits(self) -> tuple[int, int]:
        if self._limits is None:
            limits = pc.min_max(self._table["ts"].cast(pa.int64())).as_py()
            self._limits = limits["min"], limits["max"]
        return self._limits

    def _with_arrival(self, table: pa.Table) -> pa.Table:
        if self._arrival is None:
            return table
        count = table.num_rows
        arrival = repeated((self._arrival - EARLIEST) // _US, TIMESTAMP, count)
        live = repeated(self._live, pa.bool_(), count)
        return pa.table([*table.columns, arrival, live], schema=_stored_schema(table.schema))


class Run:
    """Rows of small batches of numbers one behind the other, in arrays that double when they are full.

    A batch of ten rows costs ten rows here; as a table of its own it would cost kilobytes.
    """

    __slots__ = ("_columns", "_count", "_kind")

    def __init__(self, kind: SampleKind) -> None:
        self._kind = kind
        self._columns = self._empty(_FIRST_ROWS)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return sum(column.nbytes for column in self._columns.values())

    def add(self, batch: SampleBatch) -> None:
        """Copy a batch's rows to the end."""
        first, count = self._count, len(batch)
        if first + count > len(self._columns["ts"]):
            self._grow(first + count)
        rows = slice(first, first + count)
        value = batch.table["value"]
        self._columns["signal"][rows] = batch.table["signal"].to_numpy()
        self._columns["ts"][rows] = micros(batch.table["ts"])
        self._columns["value"][rows] = (value.fill_null(0) if value.null_count else value).to_numpy()
        self._columns["null"][rows] = value.is_null().to_numpy() if value.null_count else False
        self._columns["status"][rows] = batch.table["status"].to_numpy()
        self._columns["arrival"][rows] = (batch.arrival - EARLIEST) // _US
        self._columns["live"][rows] = batch.origin is Origin.LIVE
        # Last, because readers look without a lock: rows below the count are never changed again.
        self._count = first + count

    def rows(self) -> pa.Table:
        """All rows, `STORED` columns, as they came."""
        return self._table(0, self._count)

    def chosen(
        self, signals: NDArray[np.uint32] | None, start: int | None, end: int | None
    ) -> pa.Table | None:
        """Rows of some signals with ``start <= ts < end`` in µs; None if there is none."""
        count = self._count
        kept = np.ones(count, dtype=bool)
        if signals is not None:
            kept &= np.isin(self._columns["signal"][:count], signals)
        if start is not None:
            kept &= self._columns["ts"][:count] >= start
        if end is not None:
            kept &= self._columns["ts"][:count] < end
        return self._table(0, count).filter(pa.array(kept)) if kept.any() else None

    def _table(self, first: int, end: int) -> pa.Table:
        part = {name: column[first:end] for name, column in self._columns.items()}
        value = pa.array(part["value"], mask=part["null"] if part["null"].any() else None)
        columns = [
            pa.array(part["signal"]),
            pa.array(part["ts"]).cast(TIMESTAMP),
            value,
            pa.array(part["status"]),
            pa.array(part["arrival"]).cast(TIMESTAMP),
            pa.array(part["live"]),
        ]
        return pa.table(columns, schema=STORED[self._kind])

    def _grow(self, needed: int) -> None:
        larger = self._empty(max(needed, 2 * len(self._columns["ts"])))
        for name, column in self._columns.items():
            larger[name][: self._count] = column[: self._count]
        self._columns = larger

    def _empty(self, rows: int) -> dict[str, NDArray[Any]]:
        types: dict[str, Any] = {
            "signal": np.uint32,
            "ts": np.int64,
            "value": _NUMBERS[self._kind],
            "null": np.bool_,
            "status": np.uint32,
            "arrival": np.int64,
            "live": np.bool_,
        }
        return {name: np.empty(rows, dtype=np.dtype(kind)) for name, kind in types.items()}


def holds_numbers(kind: SampleKind) -> bool:
    """Whether small batches of the kind can stand in a `Run`."""
    return kind in _NUMBERS


def chunk_of(batch: SampleBatch) -> Chunk:
    """A batch as it is."""
    return Chunk(batch.table, batch.arrival, live=batch.origin is Origin.LIVE)


def _stored_schema(schema: pa.Schema) -> pa.Schema:
    for stored in STORED.values():
        if stored.names[:-2] == schema.names and stored.types[:-2] == schema.types:
            return stored
    raise ValueError(f"no kind of rows has the columns {schema.names}")
