"""The values of a HistoryData body as columns: `DataValue`s one behind the other, without client handles."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary
from asyncua.ua.uaerrors import UaError

from tundish_connectors.opcua.decode import MIXED, Column, DecodeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Scalars that numpy reads as they stand: built-in type → numpy type.
_SCALARS = {
    1: "?",
    2: "i1",
    3: "u1",
    4: "<i2",
    5: "<u2",
    6: "<i4",
    7: "<u4",
    8: "<i8",
    9: "<u8",
    10: "<f4",
    11: "<f8",
}
_VALUE = 0x01
# In the order of the wire (OPC 10000-6, 5.2.2.17), which is not the order of the mask bits.
_TAIL = (
    (0x02, "status", "<u4"),
    (0x04, "source", "<i8"),
    (0x10, "source_pico", "<u2"),
    (0x08, "server", "<i8"),
    (0x20, "server_pico", "<u2"),
)


def values_of(data: bytes, slot: int) -> list[Column]:
    """The values of a HistoryData body, in order; a null array gives none.

    Args:
        data: the body of the extension object: a count and so many `DataValue`s.
        slot: the handle of every row.

    Raises:
        DecodeError: the bytes are torn or of another kind.
    """
    try:
        (count,) = struct.unpack_from("<i", data)
        return _columns(data, 4, count, slot)
    except DecodeError:
        raise
    except (struct.error, ValueError, IndexError, UaError, TypeError, OverflowError) as error:
        raise DecodeError(f"not a history: {error}") from error


def _columns(data: bytes, position: int, count: int, slot: int) -> list[Column]:
    columns: list[Column] = []
    while count > 0:
        mask = data[position]
        scalar = _SCALARS.get(data[position + 1]) if mask & _VALUE else None
        if scalar is not None:
            run = _run(data, position, count, _layout(mask, scalar))
            columns.append(_column(run, run["value"].copy(), slot, data[position + 1]))
            position += run.nbytes
            count -= len(run)
        else:
            values, rows, position = _one(data, position, mask)
            columns.append(_column(rows, values, slot, MIXED))
            count -= 1
    return _joined(columns)


@lru_cache(maxsize=256)
def _layout(mask: int, scalar: str | None) -> np.dtype[Any]:
    fields = [("mask", "u1")] if scalar is not None else []
    if scalar is not None:
        fields += [("type", "u1"), ("value", scalar)]
    return np.dtype(fields + [(name, code) for bit, name, code in _TAIL if mask & bit])


def _run(data: bytes, position: int, count: int, layout: np.dtype[Any]) -> NDArray[Any]:
    """The rows from here on that have the first one's mask and type."""
    most = min(count, (len(data) - position) // layout.itemsize)
    if not most:
        raise DecodeError("a history value is torn")
    window = 64
    while True:
        view = np.frombuffer(data, layout, min(window, most), position)
        differs = (view["mask"] != view["mask"][0]) | (view["type"] != view["type"][0])
        if differs.any():
            return view[: int(differs.argmax())]
        if len(view) == most:
            return view
        window *= 8


def _one(data: bytes, position: int, mask: int) -> tuple[list[Any], NDArray[Any], int]:
    """A value that no fixed layout holds: text, arrays, structures, times, or none at all."""
    value: Any = None
    buffer = Buffer(data, position + 1)
    if mask & _VALUE:
        value = variant_from_binary(buffer).Value
    layout = _layout(mask, None)
    if not layout.itemsize:
        return [value], np.zeros(1, np.dtype([("none", "u1")])), buffer.cur_pos
    return [value], np.frombuffer(data, layout, 1, buffer.cur_pos), buffer.cur_pos + layout.itemsize


def _column(rows: NDArray[Any], values: NDArray[Any] | list[Any], slot: int, variant: int) -> Column:
    names = rows.dtype.names or ()

    def field(name: str, kind: type[Any]) -> NDArray[Any]:
        return rows[name].astype(kind) if name in names else np.zeros(len(rows), kind)

    return Column(
        handles=np.full(len(rows), slot, np.uint32),
        status=field("status", np.uint32),
        source=field("source", np.int64),
        server=field("server", np.int64),
        values=values,
        variant=variant,
    )


def _joined(columns: list[Column]) -> list[Column]:
    """Neighbouring single values as one column; runs stay as they are."""
    joined: list[Column] = []
    singles: list[Column] = []
    for column in columns:
        if isinstance(column.values, list):
            singles.append(column)
            continue
        joined += _merged(singles)
        singles = []
        joined.append(column)
    return joined + _merged(singles)


def _merged(singles: list[Column]) -> list[Column]:
    if not singles:
        return []
    return [
        Column(
            handles=np.concatenate([one.handles for one in singles]),
            status=np.concatenate([one.status for one in singles]),
            source=np.concatenate([one.source for one in singles]),
            server=np.concatenate([one.server for one in singles]),
            values=[value for one in singles for value in one.values],
            variant=MIXED,
        )
    ]
