"""Refuses compressed Arrow before it is decoded: 5 kB can hold 100 MB; 64 MiB would end the server for all.

pyarrow tells of a message's compression only after it has undone it, so the one flag is read from the
message's flatbuffer here (Arrow's Message.fbs: field 2 of Message is the header, field 3 of RecordBatch the
compression).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tundish_platform.samples import CodecError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTH: Final = struct.Struct("<I")
_HEADER: Final = 2
_COMPRESSION: Final = 3
_FIRST_SLOT: Final = 4
_SLOT: Final = 2


def refuse_compressed(body: bytes) -> None:
    """Let frames of plain Arrow streams pass; whatever else is wrong with them the decoder tells.

    Args:
        body: bytes of `encode_frames`.

    Raises:
        CodecError: a frame holds compressed data, or something else than a schema and record batches.
    """
    for frame in _frames(body):
        refuse_compressed_stream(frame)


def refuse_compressed_stream(stream: bytes | memoryview) -> None:
    """Let one plain Arrow stream pass.

    Raises:
        CodecError: it holds compressed data, or something else than a schema and record batches.
    """
    for message in _messages(stream):
        if message.type == "schema":
            continue
        if message.type != "record batch" or _is_compressed(message.metadata.to_pybytes()):
            raise CodecError("a stream must hold plain record batches, neither compressed nor encoded")


def _frames(body: bytes) -> Iterator[memoryview]:
    view, position = memoryview(body), 0
    while position + _LENGTH.size <= len(view):
        (length,) = _LENGTH.unpack_from(view, position)
        position += _LENGTH.size
        yield view[position : position + length]
        position += length


def _messages(frame: bytes | memoryview) -> Iterator[pa.Message]:
    source = pa.BufferReader(pa.py_buffer(frame))
    while True:
        try:
            message = pa.ipc.read_message(source)
        except (EOFError, OSError, pa.ArrowException):
            return
        yield message


def _is_compressed(metadata: bytes) -> bool:
    try:
        (root,) = _LENGTH.unpack_from(metadata, 0)
        header = _field(metadata, root, _HEADER)
        if header is None:
            return True
        (distance,) = _LENGTH.unpack_from(metadata, header)
        return _field(metadata, header + distance, _COMPRESSION) is not None
    except struct.error:
        return True


def _field(data: bytes, table: int, number: int) -> int | None:
    """Position of a field of a flatbuffer table, None where it is absent."""
    (back,) = struct.unpack_from("<i", data, table)
    vtable, slot = table - back, _FIRST_SLOT + _SLOT * number
    (size,) = struct.unpack_from("<H", data, vtable)
    (offset,) = struct.unpack_from("<H", data, vtable + slot) if slot < size else (0,)
    return table + offset if offset else None
