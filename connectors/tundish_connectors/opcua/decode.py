"""Data-change notifications from bytes to columns, without an object per value.

Layout: OPC 10000-6, 5.2.2.17 (DataValue) and 10000-4, 7.25 (notifications). Where an item ends is known
from its mask and type, so one walk finds where each begins; a run of equal items is stepped over as a whole.
Items of equal layout are then copied out together, over all notifications at hand. Strings and plain arrays
are read one by one, and everything else (localised texts, structures, matrices) goes to asyncua's decoder.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary
from asyncua.ua.uaerrors import UaError

from tundish_connectors.opcua.guard import harden
from tundish_connectors.opcua.layouts import HAS_VALUE, Layout, element, layout, tail
from tundish_connectors.opcua.templates import LEAST_ITEMS, Template, Templates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

# Odd values go to asyncua's decoder.
harden()

_KEY = struct.Struct("<4xH").unpack_from
_I32 = struct.Struct("<i").unpack_from
_U32 = struct.Struct("<I").unpack_from
_HEAD_SIZE = 5
_COUNT_SIZE = 4
# An XML element is a string on the wire; asyncua cannot read it.
_TEXTS = {12, 16}
_ARRAY = 0x80
# As many equal items in a row make it worth to look how long the run is.
_STREAK = 12
_WINDOW = 64
# The walk looks at a type byte even where an item without value ends the bytes.
_PADDING = b"\0\0"

_UNREADABLE = (struct.error, ValueError, IndexError, UaError, TypeError, OverflowError)
_SHAPES = Templates()

DATE_TIME = 13
MIXED = -1


class DecodeError(ValueError):
    """The bytes are no data-change notification."""


@dataclass(frozen=True, slots=True)
class Column:
    """Values of equal layout, each array of shape ``(n,)``.

    Attributes:
        handles: client handles.
        status: status codes.
        source, server: FILETIME ticks (100 ns since 1601), 0 where the server sent none.
        values: a numpy array for one scalar type, else a list of Python values (None for null).
        variant: built-in type of all values, or `MIXED`.
        order: grows with the place of the item in what was decoded; columns that were decoded together are
            brought back into the server's order by it. None for a column that stands alone.
    """

    handles: NDArray[np.uint32]
    status: NDArray[np.uint32]
    source: NDArray[np.int64]
    server: NDArray[np.int64]
    values: NDArray[Any] | list[Any]
    variant: int
    order: NDArray[np.int64] | None = None


class _Fixed:
    """Where items of one fixed layout begin."""

    def __init__(self, of: Layout) -> None:
        self._of = of
        self._parts: list[NDArray[np.int64]] = []
        self._single: list[int] = []
        self.add: Callable[[int], None] = self._single.append

    def add_all(self, begins: NDArray[np.int64]) -> None:
        self._close()
        self._parts.append(begins)

    def add_run(self, position: int, count: int) -> None:
        self.add_all(np.arange(position, position + count * self._of.size, self._of.size))

    def _close(self) -> None:
        if self._single:
            self._parts.append(np.array(self._single, np.int64))
            self._single.clear()

    def column(self, data: bytes) -> Column:
        self._close()
        offsets = np.concatenate(self._parts)
        records = self._of.records(data, offsets)
        values: NDArray[Any] | list[Any] = [None] * len(records)
        variant = MIXED
        if self._of.variant == DATE_TIME:
            values = [ua.win_epoch_to_datetime(ticks) for ticks in records["value"].tolist()]
        elif self._of.variant is not None:
            values, variant = records["value"].copy(), self._of.variant
        return Column(records["handle"].copy(), *_tail_fields(records, self._of), values, variant, offsets)


class _Loose:
    """Items whose values have no fixed size: values as Python objects, and where their tails begin."""

    def __init__(self, mask: int) -> None:
        self._of = tail(mask)
        self.tail = self._of.size
        self._offsets: list[int] = []
        self._tails: list[int] = []
        self._handles: list[int] = []
        self._values: list[Any] = []

    def take(self, data: bytes, position: int) -> int:
        """Read the item and return where the next one begins."""
        value, after = _value(data, position + _HEAD_SIZE)
        self.add(data, position, value, after)
        return after + self.tail

    def add(self, data: bytes, position: int, value: object, after: int) -> None:
        """Keep an item that was read."""
        self._handles.append(_U32(data, position)[0])
        self._offsets.append(position)
        self._tails.append(after)
        self._values.append(value)

    def column(self, data: bytes) -> Column:
        records = self._of.records(data, np.array(self._tails, np.int64))
        return Column(
            np.array(self._handles, np.uint32),
            *_tail_fields(records, self._of),
            self._values,
            MIXED,
            np.array(self._offsets, np.int64),
        )


def _tail_fields(
    records: NDArray[Any], of: Layout
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    count = len(records)
    return (
        records["status"].copy() if of.has("status") else np.zeros(count, np.uint32),
        records["source"].copy() if of.has("source") else np.zeros(count, np.int64),
        records["server"].copy() if of.has("server") else np.zeros(count, np.int64),
    )


class _Walk(dict[int, tuple[int, Any]]):
    """By mask and type byte: the size of such items (0 where it differs) and what collects them."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data
        self._without_value: dict[int, tuple[int, Any]] = {}

    def __missing__(self, key: int) -> tuple[int, Any]:
        mask, variant = key & 0xFF, key >> 8
        if not mask & HAS_VALUE and mask in self._without_value:
            # What looks like a type belongs to the tail or to the next item.
            entry = self._without_value[mask]
        else:
            of = layout(mask, variant)
            entry = (of.size, _Fixed(of)) if of is not None else (0, _Loose(mask))
            if not mask & HAS_VALUE:
                self._without_value[mask] = entry
        self[key] = entry
        return entry

    def columns(self) -> list[Column]:
        # Keys without a value share a collector; each is to come out once.
        collectors = {id(collector): collector for _, collector in self.values()}
        return [collector.column(self._data) for collector in collectors.values()]

    def over(self, position: int, end: int) -> None:
        """Take the items of the notification that lies between two positions."""
        if position + _COUNT_SIZE > end:
            raise DecodeError("a notification is torn")
        (count,) = _I32(self._data, position)
        if count < LEAST_ITEMS:
            self._step(position + _COUNT_SIZE, end, count)
            return
        begin = self._data[position : position + 2 * _COUNT_SIZE]
        template = _SHAPES.known(begin)
        if template is not None:
            if self._fits(template, position + _COUNT_SIZE, end):
                _SHAPES.held(begin)
                return
            _SHAPES.failed(begin)
        runs = self._step(position + _COUNT_SIZE, end, count)
        if runs < count // _STREAK and _SHAPES.wanted(begin):
            _SHAPES.learn(begin, self._shape(position + _COUNT_SIZE, count))

    def _fits(self, template: Template, position: int, end: int) -> bool:
        try:
            found = template.match(self._data, position, end, _value)
        except _UNREADABLE:
            # Read as another shape than it has; the walk tells whether the message itself is sound.
            return False
        if found is None:
            return False
        fixed, loose = found
        for key, begins in fixed:
            self[key][1].add_all(begins)
        for key, at, value, after in loose:
            self[key][1].add(self._data, at, value, after)
        return True

    def _shape(self, position: int, count: int) -> Template:
        """The shape of a notification that was stepped over without an error."""
        keys, sizes, tails = [], [], []
        for _ in range(count):
            (key,) = _KEY(self._data, position)
            size, collector = self[key]
            keys.append(key)
            sizes.append(size)
            tails.append(0 if size else collector.tail)
            if size:
                position += size
            else:
                position = _value(self._data, position + _HEAD_SIZE)[1] + collector.tail
        return Template(keys, sizes, tails)

    def _step(self, position: int, end: int, left: int) -> int:
        """Step from item to item; returns how many were found in runs of equal ones."""
        data = self._data
        in_runs = 0
        last, streak = -1, 0
        while left > 0:
            (key,) = _KEY(data, position)
            size, collector = self[key]
            left -= 1
            if not size:
                position = collector.take(data, position)
                last = -1
                continue
            if key != last:
                last, streak = key, 0
            streak += 1
            collector.add(position)
            position += size
            if streak == _STREAK and key & HAS_VALUE and left:
                steps = _run(data, position, size, key, min(left, (end - position) // size))
                if steps:
                    collector.add_run(position, steps)
                    position += steps * size
                    left -= steps
                    in_runs += steps
        if position > end:
            raise DecodeError("a notification is torn")
        return in_runs


def _run(data: bytes, position: int, size: int, key: int, most: int) -> int:
    """How many items from here on have this mask and type; looks ahead in growing steps."""
    window = _WINDOW
    while True:
        seen = min(window, most)
        if seen <= 0:
            return 0
        keys = np.ndarray((seen,), "<u2", data, position + _HEAD_SIZE - 1, (size,))
        differs = keys != key
        first = int(differs.argmax())
        if differs[first]:
            return first
        if seen == most:
            return most
        window *= 16


def decode_data_change(data: bytes) -> list[Column]:
    """The items of a DataChangeNotification body (without type id and length).

    Raises:
        DecodeError: the bytes are torn or not of this kind.
    """
    return decode_bodies([data])


def decode_bodies(bodies: Sequence[bytes | memoryview]) -> list[Column]:
    """The items of several DataChangeNotification bodies, by layout; `Column.order` tells their order.

    Raises:
        DecodeError: one of them is torn or not of this kind.
    """
    data = b"".join((*bodies, _PADDING))
    walk = _Walk(data)
    try:
        position = 0
        for body in bodies:
            end = position + len(body)
            walk.over(position, end)
            position = end
        return walk.columns()
    except DecodeError:
        raise
    except _UNREADABLE as error:
        raise DecodeError(f"not a data-change notification: {error}") from error


def _value(data: bytes, position: int) -> tuple[Any, int]:
    variant = data[position]
    if variant in _TEXTS:
        return _string(data, position + 1)
    kind = element(variant & ~_ARRAY) if variant & _ARRAY and variant != _ARRAY | DATE_TIME else None
    if kind is not None:
        (length,) = _I32(data, position + 1)
        start = position + 1 + _COUNT_SIZE
        after = start + length * kind.itemsize
        if length >= 0 and after <= len(data):
            return np.frombuffer(data, kind, length, start).tolist(), after
    buffer = Buffer(data, position)
    return variant_from_binary(buffer).Value, buffer.cur_pos


def _string(data: bytes, position: int) -> tuple[str | None, int]:
    (length,) = _I32(data, position)
    position += _COUNT_SIZE
    if length < 0:
        return None, position
    if position + length > len(data):
        raise DecodeError("a string is torn")
    return data[position : position + length].decode("utf-8", "replace"), position + length
