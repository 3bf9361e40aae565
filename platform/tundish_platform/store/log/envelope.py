"""Many tenants' batches in one message of a replicated log: one agreement of the servers for all of them.

A message is ``TNE1, crc32 u32, count u32``, then ``tenant u32, length u32`` of each batch, then the batches;
little endian. The checksum covers all behind it. Either all batches of a message are kept, or none.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAGIC: Final = b"TNE1"
# A record's sequence is its message's number in the stream times this, plus its place in the message.
SLOTS: Final = 1 << 16
HEAD_BYTES: Final = 12
ENTRY_BYTES: Final = 8
_HEAD = struct.Struct("<4sII")
_ENTRY = struct.Struct("<II")
_COUNT = struct.Struct("<I")


class DamagedEnvelope(ValueError):  # noqa: N818 - says what the message is
    """A message of the stream that is none of ours, or not what was sent."""


def size(payloads: Sequence[bytes]) -> int:
    """Bytes that the batches take in a message, its head not counted."""
    return sum(map(len, payloads)) + ENTRY_BYTES * len(payloads)


def pack(batches: Sequence[tuple[int, bytes]]) -> bytes:
    """A message of (tenant, batch)."""
    entries = b"".join(_ENTRY.pack(tenant, len(payload)) for tenant, payload in batches)
    parts = [_COUNT.pack(len(batches)), entries, *(payload for _, payload in batches)]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return b"".join([MAGIC, _COUNT.pack(checksum), *parts])


def unpack(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tenant, batch) of a message, in order.

    Raises:
        DamagedEnvelope: it is not what `pack` made.
    """
    if len(data) < HEAD_BYTES:
        raise DamagedEnvelope(f"a message of {len(data)} bytes is no envelope")
    magic, checksum, count = _HEAD.unpack_from(data)
    view = memoryview(data)
    if magic != MAGIC or zlib.crc32(view[8:]) != checksum:
        raise DamagedEnvelope("the checksum does not fit")
    at = HEAD_BYTES + count * ENTRY_BYTES
    for tenant, length in _ENTRY.iter_unpack(view[HEAD_BYTES:at]):
        yield tenant, data[at : at + length]
        at += length
