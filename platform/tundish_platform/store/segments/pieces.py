"""Gathers rows of many rollup files into one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tundish_platform.store.query.rollup import ROLLUP_SCHEMA
from tundish_platform.store.rows import TIMESTAMP
from tundish_platform.store.segments.rollupfile import NULLABLE, places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.store.segments.rollupfile import Content, Level

    Column = NDArray[Any]

# More stretches than that are read with what lies between them.
_STRETCHES: Final = 16
# A loop over more signals costs more than one pass over the rows.
_FEW: Final = 64


class Part(NamedTuple):
    """Rows of one level of one file.

    Attributes:
        content: of the file.
        level: of the file.
        signals: places in ``level.signals``.
        low, high: rows of each of them.
        stretches: ranges of rows to read, rising.
        chosen: of the rows read, those wanted; None for all.
        size: number of rows.
    """

    content: Content
    level: Level
    signals: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    stretches: list[slice]
    chosen: NDArray[np.int64] | None
    size: int


def part(
    content: Content, level: Level, signals: NDArray[np.int64] | None, start: int, end: int
) -> Part | None:
    """Rows of the signals (rising; None: all) whose buckets overlap ``[start, end)``, µs; None without."""
    at = places(level.signals, signals)
    low, high = level.starts[at], level.starts[at + 1]
    first, last = start // level.width, -(-end // level.width)
    if first > level.first or last <= level.last:
        low, high = _cut(level, at, low, high, first - level.first, last - level.first)
    some = high > low
    at, low, high = at[some], low[some], high[some]
    count = int((high - low).sum())
    if not count:
        return None
    breaks = np.flatnonzero(low[1:] != high[:-1]) + 1
    if len(breaks) < _STRETCHES:
        begins, ends = low[np.append(0, breaks)], high[np.append(breaks, len(low)) - 1]
        stretches = [slice(a, b) for a, b in zip(begins.tolist(), ends.tolist(), strict=True)]
        return Part(content, level, at, low, high, stretches, None, count)
    hull = slice(int(low[0]), int(high[-1]))
    before = np.cumsum(high - low) - (high - low)
    chosen = np.repeat(low - hull.start - before, high - low) + np.arange(count)
    return Part(content, level, at, low, high, [hull], chosen, count)


def gathered(parts: Sequence[Part], columns: Sequence[str]) -> pa.Table:
    """Columns of `ROLLUP_SCHEMA` of all parts; by signal, and of each signal part by part, if all are alike.

    Otherwise one part behind the other of those that are alike: files differ in what is left out of them.
    """
    schema = pa.schema([ROLLUP_SCHEMA.field(name) for name in columns])
    alike: dict[str, list[Part]] = {}
    for one in parts:
        alike.setdefault(one.level.layout, []).append(one)
    tables = []
    for some in alike.values():
        rows = _Rows(some)
        tables.append(pa.Table.from_arrays([rows.array(name) for name in columns], schema=schema))
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables)


class _Rows:
    """Rows of parts with the same layout.

    Args:
        parts: at least one.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._columns = parts[0].level.columns
        sizes = np.array([part.size for part in parts])
        self._begins = np.cumsum(sizes) - sizes
        self._size = int(sizes.sum())
        signals = np.concatenate([part.level.signals[part.signals] for part in parts])
        lengths = np.concatenate([part.high - part.low for part in parts])
        self._order: NDArray[np.int64] | None = None
        self._places: NDArray[np.int64] | None = None
        if (signals[1:] < signals[:-1]).any():
            turn = np.argsort(signals, kind="stable")
            begins = np.cumsum(lengths) - lengths
            signals, begins, lengths = signals[turn], begins[turn], lengths[turn]
            self._order = np.arange(self._size) + np.repeat(begins - np.cumsum(lengths) + lengths, lengths)
        self._signals, self._lengths = signals, lengths
        self._records = self._read(parts[0].level.record)
        self._known: dict[str, Column] = {}

    def array(self, name: str) -> pa.Array:
        """A column of `ROLLUP_SCHEMA`."""
        if name == "signal":
            return pa.array(np.repeat(self._signals.astype(np.uint32), self._lengths))
        if name == "ts":
            return pa.array(self._times()).view(TIMESTAMP)
        kind = _kind(name)
        if name not in NULLABLE or self._everywhere(name + "?") == 0:
            return pa.array(self._numbers(name, kind))
        missing = self._numbers(name + "?", np.dtype(np.uint8)).view(np.bool_)
        return pa.array(self._numbers(name, kind), mask=missing if missing.any() else None)

    def _read(self, record: np.dtype[Any]) -> Column:
        """Records of all parts, in their final order."""
        found = _empty(self._size, record)
        for part, begin in zip(self._parts, self._begins.tolist(), strict=True):
            _fill(part, found[begin : begin + part.size])
        return self._ordered(found)

    def _ordered(self, column: Column) -> Column:
        if self._order is None or not column.dtype.itemsize:
            return column
        # Bytes of a record are moved as one.
        whole = column if column.dtype.names is None else column.view(f"V{column.dtype.itemsize}")
        found = _empty(self._size, whole.dtype)
        np.take(whole, self._order, out=found, mode="clip")
        return found.view(column.dtype)

    def _times(self) -> NDArray[np.int64]:
        found = _empty(self._size, np.dtype(np.int64))
        for part, begin in zip(self._parts, self._begins.tolist(), strict=True):
            _times(part, found[begin : begin + part.size])
        return self._ordered(found)

    def _everywhere(self, name: str) -> int | None:
        """The number that all rows have, as bits; None if they differ."""
        if any(name in part.level.rests for part in self._parts):
            return None
        usual: int | None = self._columns[name].get("usual")
        return usual

    def _numbers(self, name: str, kind: np.dtype[Any]) -> Column:
        if name not in self._known:
            self._known[name] = self._made(name, kind)
        return self._known[name]

    def _made(self, name: str, kind: np.dtype[Any]) -> Column:
        column = self._columns[name]
        found = _empty(self._size, kind)
        if "scale" in column:
            np.multiply(self._records[name], column["scale"], out=found, casting="unsafe", dtype=kind)
            return found
        if "usual" in column:
            found.view(f"u{kind.itemsize}")[:] = column["usual"]
        else:
            other, *less = column["as"]
            found[:] = self._numbers(other, kind)
            for taken in less:
                found -= self._numbers(taken, kind)
        for part, begin in zip(self._parts, self._begins.tolist(), strict=True):
            if name in part.level.rests:
                self._rest(part, begin, name, found)
        return found

    def _rest(self, part: Part, begin: int, name: str, target: Column) -> None:
        """Put in what is not usual."""
        rows, values = part.level.rests[name]
        low, high = np.searchsorted(rows, (part.low[0], part.high[-1])).tolist()
        if low == high:
            return
        at = rows[low:high].astype(np.int64)
        own = np.searchsorted(part.low, at, "right") - 1
        wanted = at < part.high[own]
        place = at + (begin + np.cumsum(part.high - part.low) - part.high)[own]
        target[self._placed(place[wanted])] = values[low:high][wanted]

    def _placed(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where rows are after they were put in order."""
        if self._order is None:
            return rows
        if self._places is None:
            self._places = np.empty_like(self._order)
            self._places[self._order] = np.arange(self._size)
        return self._places[rows]


def _kind(name: str) -> np.dtype[Any]:
    return np.dtype(ROLLUP_SCHEMA.field(name).type.to_pandas_dtype())


def _empty(size: int, kind: np.dtype[Any]) -> Column:
    # From Arrow, which takes memory that it had before: with fresh pages reading takes ten times as long.
    return (
        np.frombuffer(pa.allocate_buffer(size * kind.itemsize), kind)
        if kind.itemsize
        else np.empty(size, kind)
    )


def _fill(part: Part, target: Column) -> None:
    if part.chosen is not None:
        hull = part.stretches[0]
        all_of_them = _empty(hull.stop - hull.start, target.dtype)
        part.level.fill(part.content, hull, all_of_them)
        target[:] = all_of_them[part.chosen]
        return
    begin = 0
    for rows in part.stretches:
        size = rows.stop - rows.start
        part.level.fill(part.content, rows, target[begin : begin + size])
        begin += size


def _times(part: Part, target: NDArray[np.int64]) -> None:
    level = part.level
    buckets = [level.buckets[rows] for rows in part.stretches]
    found = buckets[0] if len(buckets) == 1 else np.concatenate(buckets)
    target[:] = found if part.chosen is None else found[part.chosen]
    target += level.first
    target *= level.width


def _cut(
    level: Level,
    at: NDArray[np.int64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    first: int,
    last: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows with ``first <= bucket < last``."""
    if len(at) <= _FEW:
        bounds = [
            a + np.searchsorted(level.buckets[a:b], (first, last))
            for a, b in zip(low.tolist(), high.tolist(), strict=True)
        ]
        cut = np.array(bounds, dtype=np.int64).reshape(-1, 2)
        return cut[:, 0], cut[:, 1]
    inside = (level.buckets >= first) & (level.buckets < last)
    before = np.append(0, np.cumsum(inside))
    # Buckets rise within a signal, so those inside are one stretch: it begins behind those too early.
    early = np.append(0, np.cumsum(level.buckets < first))
    begins = low + early[high] - early[low]
    return begins, begins + before[high] - before[low]
