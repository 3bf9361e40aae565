"""Batches as bytes: one Arrow IPC stream each, many of them in length-prefixed frames.

The same bytes lie in the spool, cross the network and stand in the store's log, so a batch is encoded once.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from tundish_platform.samples.batch import Origin, SampleBatch, SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KIND = b"tundish.kind"
_ARRIVAL = b"tundish.arrival_us"
_ORIGIN = b"tundish.origin"
_LENGTH = struct.Struct("<I")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MAX_FRAME_BYTES = 64 * 1024 * 1024


class CodecError(ValueError):
    """Bytes that are no batch: torn, foreign or of an unknown kind."""


def encode_batch(batch: SampleBatch) -> bytes:
    """One batch as an Arrow IPC stream; kind, arrival and origin stand in the schema's metadata."""
    arrival_us = (batch.arrival - _EPOCH) // timedelta(microseconds=1)
    table = batch.table.replace_schema_metadata(
        {
            _KIND: batch.kind.value.encode(),
            _ARRIVAL: str(arrival_us).encode(),
            _ORIGIN: batch.origin.value.encode(),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def decode_batch(data: bytes | memoryview) -> SampleBatch:
    """The batch that `encode_batch` wrote.

    Raises:
        CodecError: the bytes are not such a stream.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
            table = reader.read_all()
        metadata = table.schema.metadata or {}
        kind = SampleKind(metadata[_KIND].decode())
        arrival = _EPOCH + timedelta(microseconds=int(metadata[_ARRIVAL]))
        origin = Origin(metadata[_ORIGIN].decode())
        table = table.replace_schema_metadata(None)
        table.validate(full=True)
        return SampleBatch(kind, table, arrival, origin)
    except (pa.ArrowException, KeyError, ValueError, OverflowError, OSError) as error:
        raise CodecError(f"not a sample batch: {error}") from error


def encode_frames(encoded: Iterable[bytes]) -> bytes:
    """Encoded batches one after the other, each behind its length (``u32``, little endian)."""
    return b"".join(part for data in encoded for part in (_LENGTH.pack(len(data)), data))


def decode_frames(data: bytes) -> Iterator[SampleBatch]:
    """The batches of `encode_frames`, in order.

    Raises:
        CodecError: a frame is torn, too long, or holds no batch.
    """
    view = memoryview(data)
    position = 0
    while position < len(view):
        if position + _LENGTH.size > len(view):
            raise CodecError("the last frame is torn")
        (length,) = _LENGTH.unpack_from(view, position)
        position += _LENGTH.size
        if length > MAX_FRAME_BYTES or position + length > len(view):
            raise CodecError("a frame is torn or longer than allowed")
        yield decode_batch(view[position : position + length])
        position += length
