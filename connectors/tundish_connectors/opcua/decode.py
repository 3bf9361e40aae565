"""Data-change notifications from bytes to columns, without an object per value.

Layout: OPC 10000-6, 5.2.2.17 (DataValue) and 10000-4, 7.25 (notifications). Runs of items with equal mask and
scalar type have one fixed size and are read as one numpy array; single items are read with `struct`; anything
else (arrays, localised texts, structures) goes to asyncua's variant decoder.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary
from asyncua.ua.uaerrors import UaError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VALUE, _STATUS, _SOURCE, _SOURCE_PICO, _SERVER, _SERVER_PICO = 0x01, 0x02, 0x04, 0x10, 0x08, 0x20
_HEAD = struct.Struct("<IBB")
_I32 = struct.Struct("<i")
_HEAD_SIZE = 5
_STRING = 12
_SHORTEST_RUN = 8
_SCALARS = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 13: "q"}
_NUMPY = {
    "?": "?",
    "b": "i1",
    "B": "u1",
    "h": "<i2",
    "H": "<u2",
    "i": "<i4",
    "I": "<u4",
    "q": "<i8",
    "Q": "<u8",
}
_NUMPY |= {"f": "<f4", "d": "<f8"}
# In the order of the wire, which is not the order of the mask bits.
_TAIL = (
    (_STATUS, "status", "I"),
    (_SOURCE, "source", "q"),
    (_SOURCE_PICO, "source_pico", "H"),
    (_SERVER, "server", "q"),
    (_SERVER_PICO, "server_pico", "H"),
)

DATE_TIME = 13
MIXED = -1


class DecodeError(ValueError):
    """The bytes are no data-change notification."""


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one notification, each array of shape ``(n,)``.

    Attributes:
        handles: client handles.
        status: status codes.
        source, server: FILETIME ticks (100 ns since 1601), 0 where the server sent none.
        values: a numpy array for a run of one scalar type, else a list of Python values (None for null).
        variant: built-in type of the run, or `MIXED`.
    """

    handles: NDArray[np.uint32]
    status: NDArray[np.uint32]
    source: NDArray[np.int64]
    server: NDArray[np.int64]
    values: NDArray[Any] | list[Any]
    variant: int


class _Layout:
    """Sizes and names of the fields of an item with this mask and scalar type."""

    def __init__(self, mask: int, scalar: str | None) -> None:
        fields = [("handle", "I"), ("mask", "B")]
        if scalar is not None:
            fields += [("type", "B"), ("value", scalar)]
        fields += [(name, code) for bit, name, code in _TAIL if mask & bit]
        self.struct = struct.Struct("<" + "".join(code for _, code in fields))
        self.dtype = np.dtype([(name, _NUMPY[code]) for name, code in fields])
        self.names = [name for name, _ in fields]
        self.size = self.struct.size

    def run(self, data: bytes, position: int, remaining: int) -> NDArray[Any]:
        """The longest run of items like the first; looks ahead in growing steps."""
        most = min(remaining, (len(data) - position) // self.size)
        window = 16
        while True:
            view = np.frombuffer(data, self.dtype, min(window, most), position)
            differs = view["mask"] != view["mask"][0]
            if "type" in self.names:
                differs |= view["type"] != view["type"][0]
            if differs.any():
                return view[: int(differs.argmax())]
            if len(view) == most:
                return view
            window *= 8


@lru_cache(maxsize=1024)
def _layout(mask: int, scalar: str | None) -> _Layout:
    return _Layout(mask, scalar)


@lru_cache(maxsize=64)
def _tail(mask: int) -> tuple[struct.Struct, list[str]]:
    fields = [(name, code) for bit, name, code in _TAIL if mask & bit]
    return struct.Struct("<" + "".join(code for _, code in fields)), [name for name, _ in fields]


class _Singles:
    """Items read one by one, collected until a run interrupts them."""

    def __init__(self) -> None:
        self.handles: list[int] = []
        self.status: list[int] = []
        self.source: list[int] = []
        self.server: list[int] = []
        self.values: list[Any] = []

    def add(self, handle: int, value: object, fields: dict[str, Any]) -> None:
        self.handles.append(handle)
        self.values.append(value)
        self.status.append(fields.get("status", 0))
        self.source.append(fields.get("source", 0))
        self.server.append(fields.get("server", 0))

    def column(self) -> Column:
        return Column(
            np.array(self.handles, np.uint32),
            np.array(self.status, np.uint32),
            np.array(self.source, np.int64),
            np.array(self.server, np.int64),
            self.values,
            MIXED,
        )


def decode_data_change(data: bytes) -> list[Column]:
    """The items of a DataChangeNotification body (without type id and length), in their order.

    Raises:
        DecodeError: the bytes are torn or not of this kind.
    """
    try:
        (count,) = _I32.unpack_from(data)
        return _items(data, _I32.size, count)
    except DecodeError:
        raise
    except (struct.error, ValueError, IndexError, UaError, TypeError, OverflowError) as error:
        raise DecodeError(f"not a data-change notification: {error}") from error


def _items(data: bytes, position: int, count: int) -> list[Column]:
    columns: list[Column] = []
    singles = _Singles()
    done = 0
    while done < count:
        handle, mask, variant = _HEAD.unpack_from(data, position)
        scalar = _SCALARS.get(variant) if mask & _VALUE else None
        if mask & _VALUE and scalar is None:
            position = _odd_item(data, position, handle, mask, singles)
            done += 1
            continue
        layout = _layout(mask, scalar)
        if scalar is not None and variant != DATE_TIME and count - done >= _SHORTEST_RUN:
            run = layout.run(data, position, count - done)
            if len(run) >= _SHORTEST_RUN:
                if singles.handles:
                    columns.append(singles.column())
                    singles = _Singles()
                columns.append(_run_column(run, variant))
                position += len(run) * layout.size
                done += len(run)
                continue
        fields = dict(zip(layout.names, layout.struct.unpack_from(data, position), strict=True))
        singles.add(handle, _scalar(fields.get("value"), variant if scalar else MIXED), fields)
        position += layout.size
        done += 1
    if singles.handles:
        columns.append(singles.column())
    return columns


def _run_column(run: NDArray[Any], variant: int) -> Column:
    names = run.dtype.names or ()
    zeros = np.zeros(len(run), np.int64)
    return Column(
        run["handle"].astype(np.uint32),
        run["status"].astype(np.uint32) if "status" in names else np.zeros(len(run), np.uint32),
        run["source"].astype(np.int64) if "source" in names else zeros,
        run["server"].astype(np.int64) if "server" in names else zeros,
        run["value"].copy(),
        variant,
    )


def _scalar(value: Any, variant: int) -> Any:  # noqa: ANN401 - any built-in type of OPC UA
    return ua.win_epoch_to_datetime(value) if variant == DATE_TIME else value


def _odd_item(data: bytes, position: int, handle: int, mask: int, singles: _Singles) -> int:
    position += _HEAD_SIZE
    if data[position] == _STRING:
        value, position = _string(data, position + 1)
    else:
        buffer = Buffer(data, position)
        value = variant_from_binary(buffer).Value
        position = buffer.cur_pos
    tail, names = _tail(mask)
    singles.add(handle, value, dict(zip(names, tail.unpack_from(data, position), strict=True)))
    return position + tail.size


def _string(data: bytes, position: int) -> tuple[str | None, int]:
    (length,) = _I32.unpack_from(data, position)
    position += _I32.size
    if length < 0:
        return None, position
    if position + length > len(data):
        raise DecodeError("a string is torn")
    return data[position : position + length].decode("utf-8", "replace"), position + length
