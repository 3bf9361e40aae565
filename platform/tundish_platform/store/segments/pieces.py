"""Gathers rows of many rollup files into one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tundish_platform.store.query.rollup import ROLLUP_SCHEMA
from tundish_platform.store.rows import TIMESTAMP
from tundish_platform.store.segments.rollupfile import NULLABLE, places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    """Columns of `ROLLUP_SCHEMA` of all parts, one behind the other."""
    schema = pa.schema([ROLLUP_SCHEMA.field(name) for name in columns])
    return pa.Table.from_arrays([_array(parts, name) for name in columns], schema=schema)


def _array(parts: Sequence[Part], name: str) -> pa.Array:
    if name == "signal":
        return pa.array(_joined(parts, np.dtype(np.uint32), _signals))
    if name == "ts":
        return pa.array(_joined(parts, np.dtype(np.int64), _times)).view(TIMESTAMP)
    kind = np.dtype(ROLLUP_SCHEMA.field(name).type.to_pandas_dtype())
    missing = _numbers(parts, name + "?", np.dtype(np.uint8)) if name in NULLABLE else None
    mask = missing.view(np.bool_) if missing is not None and missing.any() else None
    return pa.array(_numbers(parts, name, kind), mask=mask)


def _numbers(parts: Sequence[Part], name: str, kind: np.dtype[Any]) -> Column:
    usual = {part.level.everywhere(name) for part in parts}
    if len(usual) == 1 and None not in usual:
        found = _empty(sum(part.size for part in parts), kind)
        found.view(f"u{kind.itemsize}")[:] = usual.pop()
        return found
    return _joined(parts, kind, lambda part, target: _fill(part, name, target))


def _joined(parts: Sequence[Part], kind: np.dtype[Any], fill: Callable[[Part, Column], object]) -> Column:
    found = _empty(sum(part.size for part in parts), kind)
    begin = 0
    for one in parts:
        fill(one, found[begin : begin + one.size])
        begin += one.size
    return found


def _empty(size: int, kind: np.dtype[Any]) -> Column:
    # From Arrow, which takes memory that it had before: with fresh pages reading takes ten times as long.
    return np.frombuffer(pa.allocate_buffer(size * kind.itemsize), kind)


def _signals(part: Part, target: Column) -> None:
    target[:] = np.repeat(part.level.signals[part.signals].astype(np.uint32), part.high - part.low)


def _fill(part: Part, name: str, target: Column) -> None:
    if part.chosen is not None:
        hull = part.stretches[0]
        all_of_them = _empty(hull.stop - hull.start, target.dtype)
        part.level.fill(part.content, name, hull, all_of_them)
        np.take(all_of_them, part.chosen, out=target)
        return
    begin = 0
    for rows in part.stretches:
        size = rows.stop - rows.start
        part.level.fill(part.content, name, rows, target[begin : begin + size])
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
