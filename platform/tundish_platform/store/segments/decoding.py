"""Records of rollup files as columns again, in the order of signals and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tundish_platform.store.rows import TIMESTAMP
from tundish_platform.store.segments.rollupfile import KINDS, NULLABLE, NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tundish_platform.store.segments.rollupfile import Level, Place, Rest

    Column = NDArray[Any]
    Numbers = NDArray[np.int64]

# About what the cache holds.
_RECORDS: Final = 1 << 13
_LARGE: Final = 1 << 20


class Group(NamedTuple):
    """Rows of files that leave out the same columns.

    Attributes:
        width: of a bucket, µs.
        columns: by name what they are.
        dense: those of them that are in the records and needed for what is asked.
        records: of the rows.
        buckets: of the rows, in widths since 1970.
    """

    width: int
    columns: dict[str, Place]
    dense: list[str]
    records: Column
    buckets: NDArray[np.int32]

    @classmethod
    def of(cls, level: Level, size: int, asked: Sequence[str]) -> Group:
        """With room for so many rows."""
        names = {name for column in asked if column in KINDS for name in (column, f"{column}?")}
        names |= {other for name in names for other in level.columns.get(name, {}).get("as", ())}
        dense = [name for name in names if "scale" in level.columns.get(name, {})]
        room = empty(size, level.record), empty(size, np.dtype(np.int32))
        return cls(level.width, level.columns, dense, *room)


class Stripes(NamedTuple):
    """Rows of one signal in one file, many such; columns of equal length.

    Attributes:
        group: which one holds them.
        at: the first one's number there.
        size: how many they are, at least one.
        low: the first one's number in `Rest`.
    """

    group: Numbers
    at: Numbers
    size: Numbers
    low: Numbers

    def take(self, rows: Numbers | slice) -> Stripes:
        """Some of them."""
        return Stripes(*(column[rows] for column in self))


class Block:
    """Rows of some stripes, decoded together.

    They are decoded group after group, and put in order column by column.

    Args:
        groups: all there are.
        stripes: in their final order.
        rest: what is unusual in the groups' rows.
    """

    def __init__(self, groups: Sequence[Group], stripes: Stripes, rest: Rest) -> None:
        self._groups = groups
        self._size = int(stripes.size.sum())
        before = np.cumsum(stripes.size) - stripes.size
        self._order: Numbers | None = None
        if (stripes.group[1:] < stripes.group[:-1]).any():
            turn = np.argsort(stripes.group, kind="stable")
            final, sizes, stripes = before, stripes.size, stripes.take(turn)
            before = np.cumsum(stripes.size) - stripes.size
            placed = np.empty_like(before)
            placed[turn] = before
            self._order = np.repeat(placed - final, sizes) + np.arange(self._size)
        self._members = list(self._found(stripes, before))
        self._unusual(stripes, before, rest)
        self._known: dict[str, Column] = {}
        self._ordered: dict[int, Column] = {}
        self._dense = self._decoded()

    def array(self, name: str) -> pa.Array:
        """A column of `ROLLUP_SCHEMA` but the signals."""
        if name == "ts":
            return pa.array(self._times()).view(TIMESTAMP)
        missing = f"{name}?"
        if name not in NULLABLE or self._nowhere(missing):
            return pa.array(self._numbers(name))
        null = self._numbers(missing).view(np.bool_)
        return pa.array(self._numbers(name), mask=null if null.any() else None)

    def _found(self, stripes: Stripes, before: Numbers) -> Iterator[tuple[Group, slice, Numbers | slice]]:
        """Groups of which there are rows, where these stand, and their numbers in the group."""
        cuts = np.append(0, np.flatnonzero(stripes.group[1:] != stripes.group[:-1]) + 1)
        for low, high in zip(cuts.tolist(), [*cuts[1:].tolist(), len(before)], strict=True):
            if high == low:
                return
            begin, at, size = before[low:high], stripes.at[low:high], stripes.size[low:high]
            own = slice(int(begin[0]), int(begin[-1] + size[-1]))
            moved = at - begin
            rows: Numbers | slice
            if (moved == moved[0]).all():
                rows = slice(int(at[0]), int(at[-1] + size[-1]))
            else:
                rows = np.repeat(moved, size) + np.arange(own.start, own.stop)
            yield self._groups[stripes.group[low]], own, rows

    def _unusual(self, stripes: Stripes, before: Numbers, rest: Rest) -> None:
        """What differs from what is usual in these rows: in which columns, where, and what stands there."""
        self._rest: dict[int, tuple[Numbers, NDArray[np.uint64]]] = {}
        first = rest.rows.searchsorted(stripes.low)
        count = rest.rows.searchsorted(stripes.low + stripes.size) - first
        many = int(count.sum())
        if not many:
            return
        chosen = np.repeat(first - np.cumsum(count) + count, count) + np.arange(many)
        place = rest.rows[chosen] + np.repeat(before - stripes.low, count)
        columns, bits = rest.columns[chosen], rest.bits[chosen]
        for column in np.flatnonzero(np.bincount(columns)).tolist():
            own = np.flatnonzero(columns == column)
            self._rest[column] = place[own], bits[own]

    def _decoded(self) -> dict[str, Column]:
        """Columns that are dense in some groups, group after group; nothing stands where they are not."""
        names = {name for group, _, _ in self._members for name in group.dense}
        found = {name: empty(self._size, KINDS[name]) for name in names}
        for group, own, rows in self._members:
            targets = [(name, group.columns[name], found[name]) for name in group.dense]
            for begin in range(own.start, own.stop, _RECORDS):
                end = min(begin + _RECORDS, own.stop)
                records = _taken(group.records, rows, slice(begin - own.start, end - own.start))
                for name, column, target in targets:
                    _decode(records[name], column, target[begin:end])
        return found

    def _times(self) -> Numbers:
        found = empty(self._size, np.dtype(np.int64))
        for group, own, rows in self._members:
            np.multiply(group.buckets[rows], np.int64(group.width), out=found[own])
        return found if self._order is None else _in_order(found, self._order)

    def _nowhere(self, name: str) -> bool:
        """Whether a column is 0 in all rows."""
        usual = all(group.columns[name].get("usual") == 0 for group, _, _ in self._members)
        return usual and NUMBERS[name] not in self._rest

    def _numbers(self, name: str) -> Column:
        """A column in the final order."""
        found = self._made(name)
        if self._order is None:
            return found
        if id(found) not in self._ordered:
            self._ordered[id(found)] = _in_order(found, self._order)
        return self._ordered[id(found)]

    def _made(self, name: str) -> Column:
        """A column group after group."""
        if name not in self._known:
            rest = self._rest.get(NUMBERS[name])
            alike = [group.columns[name].get("as", ()) for group, _, _ in self._members]
            if rest is None and alike and all(one == alike[0] and len(one) == 1 for one in alike):
                self._known[name] = self._made(alike[0][0])
            else:
                self._known[name] = self._filled(name)
            if rest is not None:
                place, bits = rest
                found = self._known[name]
                found.view(f"u{found.itemsize}")[place] = bits
        return self._known[name]

    def _filled(self, name: str) -> Column:
        found = self._dense.get(name)
        if found is None:
            found = empty(self._size, KINDS[name])
        for group, own, _ in self._members:
            column = group.columns[name]
            if "usual" in column:
                found.view(f"u{found.itemsize}")[own] = column["usual"]
            elif "as" in column:
                other, *less = column["as"]
                found[own] = self._made(other)[own]
                for taken in less:
                    found[own] -= self._made(taken)[own]
        return found


def empty(size: int, kind: np.dtype[Any]) -> Column:
    """Room for numbers."""
    if size * kind.itemsize < _LARGE:
        return np.empty(size, kind)
    # From Arrow, which takes memory that it had before: with fresh pages reading takes ten times as long.
    return np.frombuffer(pa.allocate_buffer(size * kind.itemsize), kind)


def _decode(column: Column, as_: Place, target: Column) -> None:
    """A dense column as it was."""
    if "per_unit" in as_:
        np.divide(column, target.dtype.type(as_["per_unit"]), out=target)
    elif as_["scale"] == 1:
        target[:] = column
    else:
        np.multiply(column, target.dtype.type(as_["scale"]), out=target)


def _taken(records: Column, rows: Numbers | slice, some: slice) -> Column:
    if isinstance(rows, slice):
        return records[rows.start + some.start : rows.start + some.stop]
    if not records.itemsize:
        return records[: some.stop - some.start]
    # Bytes of a record are moved as one.
    return np.take(records.view(f"V{records.itemsize}"), rows[some]).view(records.dtype)


def _in_order(column: Column, order: Numbers) -> Column:
    found = empty(len(order), column.dtype)
    np.take(column, order, out=found, mode="clip")
    return found
