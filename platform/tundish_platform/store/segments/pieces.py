"""Rows of many rollup files: read once, and decoded for all files together, some signals at a time.

Files that leave out the same columns are alike: their records are put one behind the other and decoded
together. What is put in order are stripes, the rows of one signal in one file. Decoding waits until rows are
asked for: each step over all rows of a month takes longer than steps over so many that stay in the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tundish_platform.store.query.rollup import ROLLUP_SCHEMA
from tundish_platform.store.rows import by_signal
from tundish_platform.store.segments.decoding import Block, Group, Groups, Stripes, empty
from tundish_platform.store.segments.rollupfile import Rest, places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.store.segments.rollupfile import Content, Level

    Column = NDArray[Any]
    Numbers = NDArray[np.int64]

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
    signals: Numbers
    low: Numbers
    high: Numbers
    stretches: list[slice]
    chosen: Numbers | None
    size: int

    @property
    def ends(self) -> tuple[int, int]:
        """The first row, and the one behind the last."""
        return self.stretches[0].start, self.stretches[-1].stop


def part(content: Content, level: Level, signals: Numbers | None, start: int, end: int) -> Part | None:
    """Rows of the signals (rising; None: all) whose buckets overlap ``[start, end)``, µs; None without."""
    at = places(level.signals, signals)
    low, high = level.starts[at], level.starts[at + 1]
    first, last = start // level.width, -(-end // level.width)
    if first > level.first or last <= level.last:
        low, high = _cut(level, at, low, high, first - level.first, last - level.first)
        some = high > low
        at, low, high = at[some], low[some], high[some]
    if not len(at):
        return None
    if len(at) == 1:
        rows = slice(int(low[0]), int(high[0]))
        return Part(content, level, at, low, high, [rows], None, rows.stop - rows.start)
    count = int((high - low).sum())
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
    return Gathered(parts, columns).table()


class Gathered:
    """Rows of some parts of one width: by signal, and then part after part by first bucket.

    The parts' records are read at once, and decoded when a table is asked for.

    Args:
        parts: at least one.
        columns: of `ROLLUP_SCHEMA`.
    """

    def __init__(self, parts: Sequence[Part], columns: Sequence[str]) -> None:
        # By time, so that a signal's stripes need no order of their own.
        parts = sorted(parts, key=lambda part: (part.level.first, part.level.last))
        self._columns = columns
        self.num_rows = sum(part.size for part in parts)
        self._groups, begins = _read(parts)
        stripes, self._rest = _stripes(parts, begins)
        signals = np.concatenate([part.level.signals[part.signals] for part in parts])
        order = by_signal(signals)
        self._signals, self._stripes = signals[order], stripes.take(order)

    def table(self) -> pa.Table:
        """All rows."""
        block = self._block(slice(0, len(self._signals)), self._columns)
        schema = pa.schema([ROLLUP_SCHEMA.field(name) for name in self._columns])
        return pa.Table.from_arrays([block.array(name) for name in self._columns], schema=schema)

    def of(self, first: int, last: int, columns: Sequence[str]) -> Block:
        """Some columns of the rows of signals from the first to the last one."""
        return self._block(slice(*np.searchsorted(self._signals, (first, last + 1)).tolist()), columns)

    def _block(self, some: slice, columns: Sequence[str]) -> Block:
        stripes = self._stripes.take(some)
        return Block(self._groups, self._signals[some], stripes, self._rest, tuple(columns))


def _read(parts: Sequence[Part]) -> tuple[Groups, list[tuple[int, int]]]:
    """Records of all parts in groups that are alike, and of each part its group and its first row there."""
    alike: dict[str, int] = {}
    levels: list[Level] = []
    sizes: list[int] = []
    begins = []
    for part in parts:
        group = alike.setdefault(part.level.layout, len(alike))
        if group == len(sizes):
            levels.append(part.level)
            sizes.append(0)
        begins.append((group, sizes[group]))
        sizes[group] += part.size
    groups = [Group.of(level, size) for level, size in zip(levels, sizes, strict=True)]
    for part, (group, at) in zip(parts, begins, strict=True):
        rows = slice(at, at + part.size)
        _fill(part, groups[group].records[rows])
        _buckets(part, groups[group].buckets[rows])
    return Groups(groups), begins


def _stripes(parts: Sequence[Part], begins: Sequence[tuple[int, int]]) -> tuple[Stripes, Rest]:
    """Stripes part after part, and what is unusual in their parts; rows of all parts are counted in one."""
    counts = [len(part.signals) for part in parts]
    ends = [part.ends for part in parts]
    bases = np.cumsum([0, *(high - low for low, high in ends)])[:-1] - [low for low, _ in ends]
    low = np.concatenate([part.low for part in parts])
    size = np.concatenate([part.high for part in parts]) - low
    group, begin = np.array(begins).T
    before = np.cumsum(size) - size
    firsts = np.cumsum([0, *counts])[:-1]
    rests = []
    for part, (start, end), base in zip(parts, ends, bases.tolist(), strict=True):
        rows, columns, bits = part.level.rest
        # As the same type, or numpy would convert all rows.
        a, b = rows.searchsorted(np.uint32(start)), rows.searchsorted(np.uint32(end))
        if b > a:
            rests.append((rows[a:b].astype(np.int64) + base, columns[a:b], bits[a:b]))
    rest = Rest(*(np.concatenate(column) for column in zip(*rests, strict=True))) if rests else Rest.of({})
    low += np.repeat(bases, counts)
    first = rest.rows.searchsorted(low)
    stripes = Stripes(
        np.repeat(group, counts),
        before + np.repeat(begin - before[firsts], counts),
        size,
        low,
        first,
        rest.rows.searchsorted(low + size) - first,
    )
    return stripes, rest


def _fill(part: Part, target: Column) -> None:
    if part.chosen is not None:
        hull = part.stretches[0]
        all_of_them = empty(hull.stop - hull.start, target.dtype)
        part.level.fill(part.content, hull, all_of_them)
        target[:] = all_of_them[part.chosen]
        return
    begin = 0
    for rows in part.stretches:
        size = rows.stop - rows.start
        part.level.fill(part.content, rows, target[begin : begin + size])
        begin += size


def _buckets(part: Part, target: NDArray[np.int32]) -> None:
    buckets = [part.level.buckets[rows] for rows in part.stretches]
    found = buckets[0] if len(buckets) == 1 else np.concatenate(buckets)
    np.add(found if part.chosen is None else found[part.chosen], np.int32(part.level.first), out=target)


def _cut(
    level: Level, at: Numbers, low: Numbers, high: Numbers, first: int, last: int
) -> tuple[Numbers, Numbers]:
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
