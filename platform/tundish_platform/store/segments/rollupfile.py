"""The file beside a segment that holds its rollups: columns as they are in memory, what is usual left out.

A chart of a month reads a few rows from each of thirty files. To decode Parquet for that takes ten times as
long as to read numbers that lie one after the other. They are made small by what rollups are like, not by a
codec: times count from their bucket's start, most statuses are good, most worst samples are none.

All numbers are little endian::

    magic    TNDROL1 and a line feed
    head     u32 its length, u32 zlib's CRC-32 of everything behind this field
             JSON: by level its width, rows, first bucket, and of each column where it lies
    columns  each at a multiple of 8 bytes behind the head

A column is dense (each row's number, as narrow as it can be, divided by `scale`), or a rest: the rows that
differ from what is usual, and their numbers. A column whose name ends in ``?`` is 1 where that value is null.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.store.query.rollup import ROLLUP_SCHEMA
from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Column = NDArray[Any]
    Numbers = NDArray[np.int64]
    Place = dict[str, Any]

_MAGIC: Final = b"TNDROL1\n"
_SIZES: Final = struct.Struct("<II")
_ALIGN: Final = 8
# A rest costs its rows' numbers, too, and takes longer to read.
_RARE: Final = 8
_SAMPLE: Final = 500
# Clocks that tick in seconds or milliseconds are common.
_SCALES: Final = (1_000_000, 1_000)
_ALIKE: Final[Mapping[str, tuple[str, ...]]] = {"good": ("count",), "good_us": ("last_us", "first_us")}
"""Columns that mostly equal another one, or the difference of two others."""

_TYPES: Final[dict[str, np.dtype[Any]]] = {
    field.name: np.dtype(field.type.to_pandas_dtype())
    for field in ROLLUP_SCHEMA
    if field.name not in ("signal", "ts")
}
NULLABLE: Final = frozenset(field.name for field in ROLLUP_SCHEMA if field.nullable)


class Content(Protocol):
    """Where the bytes of a file come from."""

    def read(self, size: int, offset: int) -> bytes:
        """So many bytes from there."""
        ...

    def fill(self, target: memoryview, offset: int) -> None:
        """The same, into memory that is there already."""
        ...


def encoded(levels: Mapping[int, pa.Table]) -> bytes:
    """The content of a file.

    Args:
        levels: by width of a bucket in µs, rows of `ROLLUP_SCHEMA` sorted by signal and bucket.
    """
    body = _Body()
    head = {str(width): _level(table, width, body) for width, table in levels.items()}
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-(len(_MAGIC) + _SIZES.size + len(text)) % _ALIGN)
    content = b"".join((text, *body.parts))
    return b"".join((_MAGIC, _SIZES.pack(len(text), zlib.crc32(content)), content))


def decoded(content: bytes) -> dict[int, Level]:
    """The levels of a file, by width.

    Raises:
        ValueError: it is not what was written.
    """
    begin = len(_MAGIC) + _SIZES.size
    if content[: len(_MAGIC)] != _MAGIC or len(content) < begin:
        raise ValueError("no rollups of this version")
    length, crc32 = _SIZES.unpack_from(content, len(_MAGIC))
    if zlib.crc32(memoryview(content)[begin:]) != crc32:
        raise ValueError("its checksum is wrong")
    head = json.loads(content[begin : begin + length])
    return {int(width): Level(int(width), level, begin + length, content) for width, level in head.items()}


class Level:
    """Rollups of one width in one file: what is needed to find rows; the rows themselves stay in the file.

    Attributes:
        signals: rising.
        starts: row of each signal's first bucket, and the number of rows.
        buckets: of each row, in widths since 1970, behind `first`.
        first: bucket.
    """

    def __init__(self, width: int, head: Place, body: int, content: bytes) -> None:
        self._body = body
        self._columns: dict[str, Place] = head["columns"]
        for column in self._columns.values():
            if "dense" in column:
                column["type"] = np.dtype(column["dense"]["type"])
        self.width = width
        self.first: int = head["first"]
        self.signals = self._kept(head["signals"], content).astype(np.int64)
        self.starts = self._kept(head["starts"], content).astype(np.int64)
        self.buckets = self._kept(head["buckets"], content)
        self.last = self.first + int(self.buckets.max(initial=0))
        self._rests: dict[str, tuple[Column, Column]] = {
            name: (self._kept(column["rows"], content), self._kept(column["values"], content))
            for name, column in self._columns.items()
            if "rows" in column
        }

        self._everywhere = {
            name: int(self._columns[name]["usual"])
            for name, (rows, _) in self._rests.items()
            if not len(rows) and "usual" in self._columns[name]
        }

    @property
    def size(self) -> int:
        """Bytes in memory."""
        kept = [self.signals, self.starts, self.buckets, *(a for rest in self._rests.values() for a in rest)]
        return sum(numbers.nbytes for numbers in kept)

    def everywhere(self, name: str) -> int | None:
        """The number that all rows have, as bits; None if they differ."""
        return self._everywhere.get(name)

    def last_times(self, content: Content, signals: Numbers | None) -> tuple[Numbers, Numbers]:
        """Signals that are here, rising, and the time of each one's last sample, µs since 1970."""
        at = places(self.signals, signals)
        last = self.starts[at + 1] - 1
        behind = np.empty(len(self.buckets), dtype=np.uint32)
        self.fill(content, "last_us", slice(0, len(behind)), behind)
        return self.signals[at], (self.first + self.buckets[last].astype(np.int64)) * self.width + behind[
            last
        ]

    def fill(self, content: Content, name: str, rows: slice, target: Column) -> None:
        """Numbers of a column.

        Args:
            content: of the file.
            name: of the column.
            rows: a range of them.
            target: where they go, of as many rows.
        """
        column = self._columns[name]
        if "dense" in column:
            self._dense(content, column, rows, target)
            return
        if "usual" in column:
            _bits(target)[:] = column["usual"]
        else:
            self.fill(content, column["as"][0], rows, target)
            for other in column["as"][1:]:
                taken = np.empty_like(target)
                self.fill(content, other, rows, taken)
                target -= taken
        others, values = self._rests[name]
        if len(others):
            low, high = np.searchsorted(others, (rows.start, rows.stop)).tolist()
            target[others[low:high].astype(np.int64) - rows.start] = values[low:high]

    def _dense(self, content: Content, column: Place, rows: slice, target: Column) -> None:
        place, kind, scale = column["dense"], column["type"], column.get("scale", 1)
        offset = self._body + place["at"] + rows.start * kind.itemsize
        if kind == target.dtype and scale == 1:
            content.fill(target.data.cast("B"), offset)
            return
        found = np.frombuffer(content.read(len(target) * kind.itemsize, offset), kind)
        target[:] = found
        if scale != 1:
            target *= target.dtype.type(scale)

    def _kept(self, place: Place, content: bytes) -> Column:
        return np.frombuffer(content, place["type"], place["count"], self._body + place["at"]).copy()


def places(known: Numbers, signals: Numbers | None) -> Numbers:
    """Where the wanted ones (all if absent) are among those known; both rising."""
    if signals is None:
        return np.arange(len(known))
    if not len(known):
        return np.zeros(0, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, signals), len(known) - 1)
    found: Numbers = at[known[at] == signals]
    return found


class _Body:
    """Columns one behind the other."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._size = 0

    def add(self, numbers: Column) -> Place:
        """Where they lie."""
        numbers = numbers.astype(numbers.dtype.newbyteorder("<"), copy=False)
        content = numbers.tobytes()
        place = {"at": self._size, "type": numbers.dtype.str, "count": len(numbers)}
        self.parts += [content, bytes(-len(content) % _ALIGN)]
        self._size += len(content) + len(self.parts[-1])
        return place


def _level(table: pa.Table, width: int, body: _Body) -> Place:
    signal, bucket = table["signal"].to_numpy(), micros(table["ts"]) // width
    signals, starts = np.unique(signal, return_index=True)
    first = int(bucket.min()) if len(bucket) else 0
    numbers: dict[str, Column] = {}
    for name, kind in _TYPES.items():
        column = table[name].combine_chunks()
        if name in NULLABLE:
            missing = column.is_null()
            numbers[name + "?"] = missing.to_numpy(zero_copy_only=False).astype(np.uint8)
            column = pc.if_else(missing, pa.scalar(0.0), column)
        numbers[name] = column.to_numpy(zero_copy_only=False).astype(kind, copy=False)
    return {
        "rows": table.num_rows,
        "first": first,
        "signals": body.add(signals),
        "starts": body.add(np.append(starts, len(signal)).astype(np.uint32)),
        "buckets": body.add(_narrow(bucket - first)),
        "columns": {name: _stored(name, numbers, body) for name in numbers},
    }


def _stored(name: str, numbers: Mapping[str, Column], body: _Body) -> Place:
    column, alike = numbers[name], _ALIKE.get(name)
    bits = _bits(column)
    if alike is None:
        usual: Any = _middle(bits)
        place: Place = {"usual": usual}
    else:
        usual = _difference([numbers[other] for other in alike])
        place = {"as": alike}
    rows = np.flatnonzero(bits != usual)
    if len(rows) * _RARE <= len(bits):
        return place | {"rows": body.add(rows.astype(np.uint32)), "values": body.add(column[rows])}
    if column.dtype.kind == "f":
        return {"dense": body.add(column)}
    scale = next((scale for scale in _SCALES if not (column % np.uint32(scale)).any()), 1)
    return {"dense": body.add(_narrow(column // np.uint32(scale))), "scale": scale}


def _difference(columns: Sequence[Column]) -> Column:
    """Of unsigned numbers, where it is one."""
    found = columns[0].copy()
    for column in columns[1:]:
        found -= column
    return found


def _middle(bits: Column) -> int:
    """The middle one of some of them: if most are the same, it is that one."""
    some = np.sort(bits[:: len(bits) // _SAMPLE + 1])
    return int(some[len(some) // 2]) if len(some) else 0


def _bits(numbers: Column) -> Column:
    """Floats as the bits that they are, so that no two of them that differ are taken for one."""
    return numbers.view(np.uint64) if numbers.dtype.kind == "f" else numbers


def _narrow(numbers: Column) -> Column:
    """As the narrowest unsigned type that holds them."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))
