"""Records of rollup files as columns again, in the order of signals and time."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import pairwise
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
# Layouts of which it is kept what they come to; files of one tenant mostly have a few.
_LAYOUTS: Final = 256


class Group(NamedTuple):
    """Rows of files that leave out the same columns.

    Attributes:
        width: of a bucket, µs.
        layout: what its columns are, as text.
        columns: by name what they are.
        records: of the rows.
        buckets: of the rows, in widths since 1970.
    """

    width: int
    layout: str
    columns: dict[str, Place]
    records: Column
    buckets: NDArray[np.int32]

    @classmethod
    def of(cls, level: Level, size: int) -> Group:
        """With room for so many rows."""
        records, buckets = empty(size, level.record), empty(size, np.dtype(np.int32))
        return cls(level.width, level.layout, level.columns, records, buckets)


class Groups:
    """All groups of some files.

    Attributes:
        members: the groups, at least one.
        alike: columns that are the same in all of them, by name what they are.
    """

    def __init__(self, members: Sequence[Group]) -> None:
        self.members = members
        self.alike = _alike(tuple(sorted({group.layout for group in members})))

    def dense(self, asked: tuple[str, ...]) -> list[list[str]]:
        """By group which of its columns are in the records and needed for what is asked."""
        return [_dense(group.layout, asked) for group in self.members]


@lru_cache(_LAYOUTS)
def _alike(layouts: tuple[str, ...]) -> dict[str, Place]:
    first, *others = (json.loads(layout)[0] for layout in layouts)
    return {name: place for name, place in first.items() if all(other[name] == place for other in others)}


@lru_cache(_LAYOUTS)
def _dense(layout: str, asked: tuple[str, ...]) -> list[str]:
    columns: dict[str, Place] = json.loads(layout)[0]
    names = {name for column in asked for name in (column, f"{column}?") if name in columns}
    names |= {other for name in names for other in columns[name].get("as", ())}
    return [name for name in names if "scale" in columns[name]]


class Stripes(NamedTuple):
    """Rows of one signal in one file, many such; columns of equal length.

    Attributes:
        group: which one holds them.
        at: the first one's number there.
        size: how many they are, at least one.
        low: the first one's number in `Rest`.
        rest, rests: of what is unusual in them, the first place in `Rest`, and how much it is.
    """

    group: Numbers
    at: Numbers
    size: Numbers
    low: Numbers
    rest: Numbers
    rests: Numbers

    def take(self, rows: Numbers | slice) -> Stripes:
        """Some of them."""
        return Stripes(*(column[rows] for column in self))


class Block:
    """Rows of some stripes: `Columns` that are decoded group after group, and put in order one by one.

    Args:
        groups: all there are.
        signals: of the stripes.
        stripes: in their final order.
        rest: what is unusual in the groups' rows.
        columns: of `ROLLUP_SCHEMA`; no others may be asked for.
    """

    def __init__(
        self,
        groups: Groups,
        signals: Numbers,
        stripes: Stripes,
        rest: Rest,
        columns: tuple[str, ...],
    ) -> None:
        self.num_rows = int(stripes.size.sum())
        self._signals, self._sizes = signals, stripes.size
        before = np.cumsum(stripes.size) - stripes.size
        self._order: Numbers | None = None
        if (stripes.group[1:] < stripes.group[:-1]).any():
            turn = np.argsort(stripes.group, kind="stable")
            final, stripes = before, stripes.take(turn)
            before = np.cumsum(stripes.size) - stripes.size
            placed = np.empty_like(before)
            placed[turn] = before
            self._order = np.repeat(placed - final, self._sizes) + np.arange(self.num_rows)
        self._groups, self._alike = groups.members, groups.alike
        self._members = list(_members(stripes, before))
        self._rest = _unusual(stripes, before, rest)
        self._known: dict[str, Column] = {}
        self._ordered: dict[int, Column] = {}
        self._dense = self._decoded(groups.dense(columns))

    def numbers(self, name: str, rows: Numbers | None = None) -> Column:
        """A column, or some rows of it; NaN where it is null, times in µs since 1970."""
        if name == "signal":
            found: Column = np.repeat(self._signals.astype(np.uint32), self._sizes)
            return found if rows is None else found[rows]
        if name == "ts":
            return self._in_order(self._times(), rows)
        found = self._column(name, rows)
        null = self._null(name)
        if null is not None:
            found = np.where(null if rows is None else null[rows], np.nan, found)
        return found

    def array(self, name: str) -> pa.Array:
        """A column as Arrow has it."""
        if name == "ts":
            return pa.array(self.numbers(name)).view(TIMESTAMP)
        return pa.array(self.numbers(name) if name == "signal" else self._column(name), mask=self._null(name))

    def _null(self, name: str) -> NDArray[np.bool_] | None:
        """Where a column is null; None for nowhere."""
        missing = f"{name}?"
        if name not in NULLABLE or (self._usual(missing) == 0):
            return None
        null = self._column(missing).view(np.bool_)
        return null if null.any() else None

    def _usual(self, name: str) -> int | None:
        """What stands in all rows, if that is the same."""
        usual: int | None = self._alike.get(name, {}).get("usual")
        return None if NUMBERS[name] in self._rest else usual

    def _decoded(self, dense: list[list[str]]) -> dict[str, Column]:
        """Columns that are dense in some groups, group after group; nothing stands where they are not."""
        names = {name for group, _, _ in self._members for name in dense[group]}
        found = {name: empty(self.num_rows, KINDS[name]) for name in names}
        for number, own, rows in self._members:
            group = self._groups[number]
            targets = [(name, group.columns[name], found[name]) for name in dense[number]]
            for begin in range(own.start, own.stop, _RECORDS):
                end = min(begin + _RECORDS, own.stop)
                records = _taken(group.records, rows, slice(begin - own.start, end - own.start))
                for name, column, target in targets:
                    _decode(records[name], column, target[begin:end])
        return found

    def _times(self) -> Numbers:
        found = empty(self.num_rows, np.dtype(np.int64))
        for number, own, rows in self._members:
            group = self._groups[number]
            np.multiply(group.buckets[rows], np.int64(group.width), out=found[own])
        return found

    def _column(self, name: str, rows: Numbers | None = None) -> Column:
        """A column in the final order, or some rows of it, whatever is null."""
        usual = self._usual(name)
        if usual is not None:
            return _full(self.num_rows if rows is None else len(rows), KINDS[name], usual)
        found = self._made(name)
        if rows is not None or self._order is None:
            return self._in_order(found, rows)
        if id(found) not in self._ordered:
            self._ordered[id(found)] = self._in_order(found)
        return self._ordered[id(found)]

    def _made(self, name: str) -> Column:
        """A column group after group; it may be the memory of another one, too."""
        if name not in self._known:
            rest = self._rest.get(NUMBERS[name])
            alike = self._alike.get(name, {}).get("as", ())
            if rest is None and len(alike) == 1:
                return self._made(alike[0])
            found = self._filled(name)
            if rest is not None:
                place, bits = rest
                found.view(f"u{found.itemsize}")[place] = bits
            self._known[name] = found
        return self._known[name]

    def _filled(self, name: str) -> Column:
        found = self._dense.get(name)
        if name in self._alike and "scale" in self._alike[name] and found is not None:
            return found
        if found is None:
            found = empty(self.num_rows, KINDS[name])
        for number, own, _ in self._members:
            column = self._groups[number].columns[name]
            if "usual" in column:
                found.view(f"u{found.itemsize}")[own] = column["usual"]
            elif "as" in column:
                other, *less = column["as"]
                found[own] = self._made(other)[own]
                for taken in less:
                    found[own] -= self._made(taken)[own]
        return found

    def _in_order(self, column: Column, rows: Numbers | None = None) -> Column:
        if self._order is None:
            return column if rows is None else column[rows]
        order = self._order if rows is None else self._order[rows]
        found = empty(len(order), column.dtype)
        np.take(column, order, out=found, mode="clip")
        return found


def _members(stripes: Stripes, before: Numbers) -> Iterator[tuple[int, slice, Numbers | slice]]:
    """Groups of which there are rows, where these stand, and their numbers in the group."""
    if not len(before):
        return
    cuts = [0, *(np.flatnonzero(stripes.group[1:] != stripes.group[:-1]) + 1).tolist(), len(before)]
    for low, high in pairwise(cuts):
        begin, at, size = before[low:high], stripes.at[low:high], stripes.size[low:high]
        own = slice(int(begin[0]), int(begin[-1] + size[-1]))
        moved = at - begin
        rows: Numbers | slice
        if (moved == moved[0]).all():
            rows = slice(int(at[0]), int(at[-1] + size[-1]))
        else:
            rows = np.repeat(moved, size) + np.arange(own.start, own.stop)
        yield int(stripes.group[low]), own, rows


def _unusual(stripes: Stripes, before: Numbers, rest: Rest) -> dict[int, tuple[Column, Column]]:
    """What differs from what is usual in these rows: by column where it stands, and what."""
    count = stripes.rests
    many = int(count.sum())
    if not many:
        return {}
    chosen = np.repeat(stripes.rest - np.cumsum(count) + count, count) + np.arange(many)
    moved = np.repeat(before - stripes.low, count)
    columns = rest.columns[chosen]
    found: dict[int, tuple[Column, Column]] = {}
    for column in np.flatnonzero(np.bincount(columns)).tolist():
        own = np.flatnonzero(columns == column)
        entries = chosen[own]
        found[column] = rest.rows[entries] + moved[own], rest.bits[entries]
    return found


def _full(size: int, kind: np.dtype[Any], bits: int) -> Column:
    return np.full(size, bits, dtype=f"u{kind.itemsize}").view(kind)


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
