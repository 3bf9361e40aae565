"""Gathers rows of many rollup files into one table.

Files mostly leave out the same columns, so that their records are read one behind the other, put in order by
signal, and decoded column by column for all files at once.
"""

from __future__ import annotations

from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tundish_platform.store.query.rollup import ROLLUP_SCHEMA
from tundish_platform.store.rows import TIMESTAMP
from tundish_platform.store.segments.rollupfile import KINDS, NULLABLE, places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tundish_platform.store.segments.rollupfile import Content, Level

    Column = NDArray[Any]

# More stretches than that are read with what lies between them.
_STRETCHES: Final = 16
# About what the cache holds.
_RECORDS: Final = 1 << 13
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

    @property
    def ends(self) -> tuple[int, int]:
        """The first row, and the one behind the last."""
        return self.stretches[0].start, self.stretches[-1].stop


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
    """Columns of `ROLLUP_SCHEMA` of all parts: by signal, and then part after part by first bucket."""
    rows = _Rows(parts, columns)
    schema = pa.schema([ROLLUP_SCHEMA.field(name) for name in columns])
    return pa.Table.from_arrays([rows.array(name) for name in columns], schema=schema)


class _Alike(NamedTuple):
    """Rows of parts whose files leave out the same.

    Attributes:
        columns: by name what they are.
        records: part after part.
        order: their final order; None if that is it.
        places: where they go among all rows; None for all, one after the other.
    """

    columns: dict[str, Any]
    records: Column
    order: NDArray[np.int64] | None
    places: NDArray[np.int64] | None

    def blocks(self) -> Iterator[tuple[NDArray[np.int64] | slice, Column]]:
        """Records in their final order, so many at a time that all columns of them stay in the cache."""
        for begin in range(0, len(self.records), _RECORDS):
            rows = slice(begin, min(begin + _RECORDS, len(self.records)))
            found = self.records[rows] if self.order is None else _taken(self.records, self.order[rows])
            yield rows if self.places is None else self.places[rows], found

    def all(self) -> NDArray[np.int64] | slice:
        """Where they go, as an index."""
        return slice(None) if self.places is None else self.places


class _Rows:
    """Rows of some parts.

    Args:
        parts: at least one.
        columns: that will be asked for.
    """

    def __init__(self, parts: Sequence[Part], columns: Sequence[str]) -> None:
        # Those that are alike one after the other, so that they are decoded together.
        self._parts = sorted(parts, key=lambda part: part.level.layout)
        sizes = [part.size for part in self._parts]
        self._size = sum(sizes)
        self._begins = list(accumulate(sizes, initial=0))[:-1]
        self._signals = np.concatenate([part.level.signals[part.signals] for part in self._parts])
        self._lengths = np.concatenate([part.high - part.low for part in self._parts])
        self._order = self._sorted() if len(self._parts) > 1 else None
        self._placed: NDArray[np.int64] | None = None
        self._alike = list(self._grouped())
        self._known: dict[str, Column] = {}
        self._dense: dict[str, Column] = {}
        for some in self._alike:
            self._decode(some, columns)
        self._found: dict[tuple[int, int], tuple[Column, NDArray[np.int64]]] = {}

    def _sorted(self) -> NDArray[np.int64]:
        """The final order, by signal and then by the parts' first buckets."""
        first = np.repeat([p.level.first for p in self._parts], [len(p.signals) for p in self._parts])
        turn = np.lexsort((first, self._signals))
        begins = (np.cumsum(self._lengths) - self._lengths)[turn]
        self._signals, self._lengths = self._signals[turn], self._lengths[turn]
        order = np.arange(self._size)
        order += np.repeat(begins - np.cumsum(self._lengths) + self._lengths, self._lengths)
        return order

    def _grouped(self) -> Iterator[_Alike]:
        begin = 0
        for _, some in groupby(self._parts, key=lambda part: part.level.layout):
            members = list(some)
            size = sum(part.size for part in members)
            records = _empty(size, members[0].level.record)
            at = 0
            for part in members:
                _fill(part, records[at : at + part.size])
                at += part.size
            order, places = self._order, None
            if order is not None and size < self._size:
                places = np.flatnonzero((order >= begin) & (order < begin + size))
                order = order[places] - begin
            yield _Alike(members[0].level.columns, records, order, places)
            begin += size

    def _decode(self, some: _Alike, columns: Sequence[str]) -> None:
        """Dense columns of records, of those asked for and of those they are like."""
        names = {name for column in columns if column in some.columns for name in (column, f"{column}?")}
        names |= {other for name in names for other in some.columns.get(name, {}).get("as", ())}
        dense = [name for name in names if "scale" in some.columns.get(name, {})]
        for name in dense:
            if name not in self._dense:
                self._dense[name] = _empty(self._size, KINDS[name])
        for rows, records in some.blocks():
            for name in dense:
                self._dense[name][rows] = _number(records[name], some.columns[name], KINDS[name])

    def array(self, name: str) -> pa.Array:
        """A column of `ROLLUP_SCHEMA`."""
        if name == "signal":
            return pa.array(np.repeat(self._signals.astype(np.uint32), self._lengths))
        if name == "ts":
            return pa.array(self._times()).view(TIMESTAMP)
        if name not in NULLABLE or self._nowhere(name + "?"):
            return pa.array(self._numbers(name))
        missing = self._numbers(name + "?").view(np.bool_)
        return pa.array(self._numbers(name), mask=missing if missing.any() else None)

    def _times(self) -> NDArray[np.int64]:
        found = _empty(self._size, np.dtype(np.int64))
        for part, begin in zip(self._parts, self._begins, strict=True):
            _times(part, found[begin : begin + part.size])
        return found if self._order is None else _taken(found, self._order)

    def _nowhere(self, name: str) -> bool:
        """Whether a column is 0 in all rows."""
        usual = all(some.columns[name].get("usual") == 0 for some in self._alike)
        return usual and not any(name in part.level.rests for part in self._parts)

    def _numbers(self, name: str) -> Column:
        if name not in self._known:
            self._known[name] = self._made(name)
        return self._known[name]

    def _made(self, name: str) -> Column:
        found = self._dense.get(name)
        if found is None:
            found = _empty(self._size, KINDS[name])
        for some in self._alike:
            column, places = some.columns[name], some.all()
            if "usual" in column:
                found.view(f"u{found.itemsize}")[places] = column["usual"]
            elif "as" in column:
                other, *less = column["as"]
                found[places] = self._numbers(other)[places]
                for taken in less:
                    found[places] -= self._numbers(taken)[places]
        for part, begin in zip(self._parts, self._begins, strict=True):
            rest = part.level.rests.get(name)
            if rest is not None:
                chosen, places = self._rest(part, begin, rest[0])
                if len(places):
                    found[places] = rest[1][chosen]
        return found

    def _rest(self, part: Part, begin: int, rows: Column) -> tuple[Column, NDArray[np.int64]]:
        """Which rows of a rest are in a part, and where they go; columns share their rests."""
        mark = (begin, id(rows))
        if mark not in self._found:
            low, high = rows.searchsorted(part.ends).tolist()
            chosen, places = np.arange(low, high), rows[low:high].astype(np.int64)
            if part.chosen is None and len(part.stretches) == 1:
                places += begin - part.stretches[0].start
            else:
                own = part.low.searchsorted(places, "right") - 1
                wanted = places < part.high[own]
                places += (begin + np.cumsum(part.high - part.low) - part.high)[own]
                chosen, places = chosen[wanted], places[wanted]
            self._found[mark] = chosen, self._inverse(self._order)[places] if len(places) else places
        return self._found[mark]

    def _inverse(self, order: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """Where rows are after they were put in order."""
        if self._placed is None:
            self._placed = np.arange(self._size)
            if order is not None:
                self._placed[order] = np.arange(self._size)
        return self._placed


def _number(column: Column, as_: dict[str, Any], kind: np.dtype[Any]) -> Column:
    """A dense column as it was."""
    if "per_unit" in as_:
        found: Column = column / kind.type(as_["per_unit"])
        return found
    return column if as_["scale"] == 1 else column * kind.type(as_["scale"])


def _taken(column: Column, order: NDArray[np.int64]) -> Column:
    if not column.itemsize:
        return column
    # Bytes of a record are moved as one.
    whole = column if column.dtype.names is None else column.view(f"V{column.itemsize}")
    found = _empty(len(order), whole.dtype)
    np.take(whole, order, out=found, mode="clip")
    return found.view(column.dtype)


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
