"""Puts rows in order for segments: by day, in each by signal and time, each (signal, ts) once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import STORED, TIMESTAMP, micros, sorted_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_DAY_US: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1)
_NUMBERS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)


def by_day(tables: Sequence[pa.Table], kind: SampleKind) -> Iterator[tuple[date, pa.Table]]:
    """The rows of each UTC day of source time, sorted by (signal, ts), each once.

    Each row is copied once, straight to its place: sorting first and cutting then would copy it three times.

    Args:
        tables: `STORED` columns, in the order they were written: of equal rows the last holds.
        kind: of the rows.
    """
    tables = [table for table in tables if table.num_rows]
    if not tables:
        return
    whole = pa.concat_tables(tables)
    ts = micros(whole["ts"])
    rows = sorted_once(whole["signal"].to_numpy(), ts)
    if rows is None:
        rows = np.arange(len(ts))
    day = (ts // _DAY_US)[rows]
    taken = _Numbers(whole, kind) if kind in _NUMBERS else _Any(whole)
    for number in _distinct(day):
        chosen = rows if day.min() == day.max() else rows[day == number]
        yield _EPOCH + timedelta(days=number), taken.take(chosen)


class _Any:
    """Rows of any kind."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def take(self, rows: NDArray[np.int64]) -> pa.Table:
        """Those rows."""
        return self._table.take(pa.array(rows))


class _Numbers:
    """Rows of numbers: numpy takes from whole columns five times as quick as Arrow from columns in chunks."""

    def __init__(self, table: pa.Table, kind: SampleKind) -> None:
        self._schema = STORED[kind]
        value = table["value"]
        self._null = value.is_null().to_numpy() if value.null_count else None
        self._columns: dict[str, NDArray[Any]] = {
            name: micros(table[name])
            if self._schema.field(name).type == TIMESTAMP
            else (value.fill_null(0) if name == "value" and value.null_count else table[name]).to_numpy()
            for name in self._schema.names
        }

    def take(self, rows: NDArray[np.int64]) -> pa.Table:
        """Those rows."""
        arrays = []
        for field in self._schema:
            column = self._columns[field.name][rows]
            mask = self._null[rows] if field.name == "value" and self._null is not None else None
            array = pa.array(column, mask=mask)
            arrays.append(array.view(TIMESTAMP) if field.type == TIMESTAMP else array)
        return pa.table(arrays, schema=self._schema)


def _distinct(day: NDArray[np.int64]) -> list[int]:
    """The days there are, rising; few, of many rows."""
    found: list[int] = []
    rest = day
    while len(rest):
        lowest = int(rest.min())
        found.append(lowest)
        rest = rest[rest > lowest] if lowest < int(rest.max()) else rest[:0]
    return found
