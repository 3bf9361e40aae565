"""Puts rows in order for segments: by day, in each by signal and time, each (signal, ts) once."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_platform.store.rows import merged, micros

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tundish_platform.samples import SampleKind

_DAY_US: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1)


def by_day(tables: Sequence[pa.Table], kind: SampleKind) -> Iterator[tuple[date, pa.Table]]:
    """The rows of each UTC day of source time, sorted by (signal, ts), each once.

    Cut first and sorted then: a batch mostly lies in one day, and what is sorted together stays small.

    Args:
        tables: `STORED` columns, in the order they were written: of equal rows the last holds.
        kind: of the rows.
    """
    days: dict[int, list[pa.Table]] = defaultdict(list)
    for table in tables:
        for number, rows in _cut(table):
            days[number].append(rows)
    for number in sorted(days):
        # Taken out, so that no more than one day is in memory twice.
        yield _EPOCH + timedelta(days=number), merged(days.pop(number), kind)


def _cut(table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """A table's rows by day, those of each in their order."""
    if not table.num_rows:
        return
    ts = micros(table["ts"])
    first, last = int(ts.min()) // _DAY_US, int(ts.max()) // _DAY_US
    if first == last:
        yield first, table
        return
    day = ts // _DAY_US - first
    if (day[1:] < day[:-1]).any():
        order = np.argsort(day.astype(np.min_scalar_type(last - first)), kind="stable")
        table, day = table.take(pa.array(order)), day[order]
    cuts = np.flatnonzero(day[1:] != day[:-1]) + 1
    begins, ends = [0, *cuts.tolist()], [*cuts.tolist(), len(day)]
    for begin, end in zip(begins, ends, strict=True):
        yield first + int(day[begin]), table.slice(begin, end - begin)
