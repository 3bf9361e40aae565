"""The file beside a segment that holds its rollups: a record a row, what is usual left out.

A chart of a month reads a few rows from each of thirty files. To decode Parquet for that takes ten times as
long as to read a few records that lie side by side: one read a file. They are made small by what rollups are
like, not by a codec: times count from their bucket's start, values are what a sensor resolves, most statuses
are good, most worst samples are none.

All numbers are little endian::

    magic    TNDROL2 and a line feed
    head     u32 its length, u32 zlib's CRC-32 of everything behind this field
             JSON: by level its width, first bucket, and of each column what it is
    columns  each at a multiple of 8 bytes behind the head: of each signal its number, its first row and the
             time of its last sample; of each row its bucket; the rests; the records

A column is dense (in each record its number, as narrow as it can be, divided by `scale` or multiplied by
`per_unit`), or a rest: the rows that differ from what is usual, and their numbers. Usual is one number, or
what another column has, or the difference of two. A column whose name ends in ``?`` is 1 where that is null.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

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

_MAGIC: Final = b"TNDROL2\n"
_SIZES: Final = struct.Struct("<II")
_ALIGN: Final = 8
# A rest costs its rows' numbers, too, and takes longer to read.
_RARE: Final = 8
_SAMPLE: Final = 500
# Clocks that tick in seconds or milliseconds are common.
_SCALES: Final = (1_000_000, 1_000)
_PER_UNIT: Final = (1, 10, 100, 1_000)
_LARGEST: Final = 2**31 - 1
_ALIKE: Final[Mapping[str, tuple[str, ...]]] = {
    "good": ("count",),
    "good_us": ("last_us", "first_us"),
    **{f"good_{mark}": (f"{mark}_value",) for mark in ("first", "low", "high", "last")},
}
"""Columns that mostly equal another one, or the difference of two others."""

_TYPES: Final[dict[str, np.dtype[Any]]] = {
    field.name: np.dtype(field.type.to_pandas_dtype())
    for field in ROLLUP_SCHEMA
    if field.name not in ("signal", "ts")
}
NULLABLE: Final = frozenset(field.name for field in ROLLUP_SCHEMA if field.nullable)
KINDS: Final = _TYPES | {f"{name}?": np.dtype(np.uint8) for name in NULLABLE}
"""Types of columns in memory; of those that say what is null, too."""
NUMBERS: Final[dict[str, int]] = {name: number for number, name in enumerate(KINDS)}
"""Numbers of the columns in `Level.rest`."""


class Content(Protocol):
    """Where the bytes of a file come from."""

    def fill(self, target: memoryview, offset: int) -> None:
        """Bytes from there, as many as there is room for."""
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


class Rest(NamedTuple):
    """Rows that differ from what is usual, of all columns together, by row; equal lengths.

    Attributes:
        rows: their numbers, rising.
        columns: in which column each one differs, as in `NUMBERS`.
        bits: what stands there, as it lies in memory.
    """

    rows: NDArray[np.uint32]
    columns: NDArray[np.uint8]
    bits: NDArray[np.uint64]

    @classmethod
    def of(cls, rests: Mapping[str, tuple[Column, Column]]) -> Rest:
        """From rows and numbers by column, so that one halving finds what belongs to some rows."""
        parts = [(rows, NUMBERS[name], _bits(values)) for name, (rows, values) in rests.items()]
        rows = np.concatenate([np.zeros(0, np.uint32), *(part[0] for part in parts)])
        order = np.argsort(rows, kind="stable")
        columns = np.repeat(np.array([part[1] for part in parts], np.uint8), [len(part[0]) for part in parts])
        bits = np.concatenate([np.zeros(0, np.uint64), *(part[2] for part in parts)])
        return cls(rows[order], columns[order], bits[order])


class Level:
    """Rollups of one width in one file: what is needed to find rows; the records themselves stay in the file.

    Attributes:
        signals: rising.
        starts: row of each signal's first bucket, and the number of rows.
        buckets: of each row, in widths since 1970, behind `first`.
        first: bucket.
        layout: what its columns are, as text; files with the same one can be decoded together.
        record: of the records.
        columns: by name what they are.
        rest: rows that differ from what is usual.
    """

    def __init__(self, width: int, head: Place, body: int, content: bytes) -> None:
        self._begin = body + head["records"]["at"]
        self.columns: dict[str, Place] = head["columns"]
        self.record = np.dtype([(name, kind) for name, kind in head["records"]["type"]])
        self.layout = json.dumps([head["columns"], head["records"]["type"]])
        self.width = width
        self.first: int = head["first"]

        def kept(place: Place) -> Column:
            return np.frombuffer(content, place["type"], place["count"], body + place["at"]).copy()

        self.signals = kept(head["signals"]).astype(np.int64)
        self.starts = kept(head["starts"]).astype(np.int64)
        self.buckets = kept(head["buckets"])
        self._lasts = kept(head["lasts"])
        self.last = self.first + int(self.buckets.max(initial=0))
        # Columns that differ in the same rows have them in common.
        rows = {place["at"]: kept(place) for place, _ in head["rests"].values()}
        rests = {name: (rows[at["at"]], kept(values)) for name, (at, values) in head["rests"].items()}
        self.rest = Rest.of(rests)

    @property
    def size(self) -> int:
        """Bytes in memory."""
        kept = (self.signals, self.starts, self.buckets, self._lasts, *self.rest)
        return sum(numbers.nbytes for numbers in kept)

    def last_times(self, signals: Numbers | None) -> tuple[Numbers, Numbers]:
        """Signals that are here, rising, and the time of each one's last sample, µs since 1970."""
        at = places(self.signals, signals)
        begins = (self.first + self.buckets[self.starts[at + 1] - 1].astype(np.int64)) * self.width
        return self.signals[at], begins + self._lasts[at]

    def fill(self, content: Content, rows: slice, target: Column) -> None:
        """The records of some rows, into as many that are there already."""
        if self.record.itemsize:
            content.fill(target.view(np.uint8).data, self._begin + rows.start * self.record.itemsize)


def places(known: Numbers, signals: Numbers | None) -> Numbers:
    """Where the wanted ones (all if absent) are among those known; both rising."""
    if signals is None:
        return np.arange(len(known))
    if not len(known):
        return np.zeros(0, dtype=np.int64)
    at = known.searchsorted(signals)
    found: Numbers = at[known.take(at, mode="clip") == signals]
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

    def add_records(self, columns: Mapping[str, Column], rows: int) -> Place:
        """The same of several columns side by side, the widest first so that numbers are aligned."""
        names = sorted(columns, key=lambda name: -columns[name].dtype.itemsize)
        kinds = [(name, columns[name].dtype.newbyteorder("<").str) for name in names]
        records = np.empty(rows, dtype=np.dtype(kinds))
        for name in names:
            records[name] = columns[name]
        return self.add(np.frombuffer(records.tobytes(), np.uint8)) | {"type": kinds}


def _level(table: pa.Table, width: int, body: _Body) -> Place:
    signal, bucket = table["signal"].to_numpy(), micros(table["ts"]) // width
    signals, starts = np.unique(signal, return_index=True)
    starts = np.append(starts, len(signal))
    first = int(bucket.min()) if len(bucket) else 0
    numbers: dict[str, Column] = {}
    for name, kind in _TYPES.items():
        column = table[name].combine_chunks()
        if name in NULLABLE:
            missing = column.is_null()
            numbers[name + "?"] = missing.to_numpy(zero_copy_only=False).astype(np.uint8)
            column = pc.if_else(missing, pa.scalar(0.0), column)
        numbers[name] = column.to_numpy(zero_copy_only=False).astype(kind, copy=False)
    columns: dict[str, Place] = {}
    dense: dict[str, Column] = {}
    rests: dict[str, tuple[Place, Place]] = {}
    placed: dict[bytes, Place] = {}
    for name, column in numbers.items():
        columns[name], rows = _usual(name, numbers)
        if len(rows) * _RARE > len(column):
            dense[name], columns[name] = _dense(column)
        elif len(rows):
            same = rows.tobytes()
            placed[same] = placed.get(same) or body.add(rows.astype(np.uint32))
            rests[name] = placed[same], body.add(column[rows])
    return {
        "first": first,
        "signals": body.add(signals),
        "starts": body.add(starts.astype(np.uint32)),
        "lasts": body.add(numbers["last_us"][starts[1:] - 1]),
        "buckets": body.add(_narrow(bucket - first)),
        "columns": columns,
        "rests": rests,
        "records": body.add_records(dense, table.num_rows),
    }


def _usual(name: str, numbers: Mapping[str, Column]) -> tuple[Place, Column]:
    """What is usual in a column, and the rows that differ."""
    bits, alike = _bits(numbers[name]), _ALIKE.get(name)
    if alike is not None:
        usual = _difference([_bits(numbers[other]) for other in alike])
        return {"as": alike}, np.flatnonzero(bits != usual)
    middle = _middle(bits)
    return {"usual": middle}, np.flatnonzero(bits != middle)


def _dense(column: Column) -> tuple[Column, Place]:
    """Numbers as they are written, and what they are."""
    if column.dtype.kind == "f":
        return _decimals(column)
    scale = next((scale for scale in _SCALES if not (column % np.uint32(scale)).any()), 1)
    return _narrow(column // np.uint32(scale)), {"scale": scale}


def _decimals(column: Column) -> tuple[Column, Place]:
    """Floats as whole numbers of what sensors resolve, where that gives back every bit."""
    for per_unit in _PER_UNIT:
        with np.errstate(invalid="ignore", over="ignore"):
            whole = np.rint(column * per_unit)
        if not (np.abs(whole) <= _LARGEST).all():
            break
        # Whole numbers have no minus zero, so that the bits are compared behind them.
        found = whole.astype(np.int32)
        if (_bits(found / np.float64(per_unit)) == _bits(column)).all():
            return found, {"scale": 1, "per_unit": per_unit}
    return column, {"scale": 1}


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
