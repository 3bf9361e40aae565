"""One segment file of the spool: records behind a header with length, checksum and running number.

A record is ``magic, payload length u32, crc32 u32, number u64, payload``, little endian; the checksum covers
length, number and payload. The magic lets a reader find the next record behind damaged bytes. Its last byte
says how the payload is kept: 1 as it came, 2 as ``raw length u32`` and zstd; 3 and 4 are the same for the
first record of a group that was written and synced together.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PLAIN = b"\xa7TS\x01"
PACKED = b"\xa7TS\x02"
PLAIN_FIRST = b"\xa7TS\x03"
PACKED_FIRST = b"\xa7TS\x04"
_MAGIC = PLAIN[:3]
_MAGICS = frozenset({PLAIN, PACKED, PLAIN_FIRST, PACKED_FIRST})
_PACKED_KINDS = (PACKED[3], PACKED_FIRST[3])
_FIRST_KINDS = (PLAIN_FIRST[3], PACKED_FIRST[3])
HEADER = struct.Struct("<4sIIQ")
_COVERED = struct.Struct("<IQ")
_RAW = struct.Struct("<I")
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
# Arrow streams of few rows are mostly schema; below this zstd saves less than its call costs.
_WORTH_PACKING = 256


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sound record lies: its number, and the file range of its payload.

    Attributes:
        packed: the payload is compressed.
        first: it begins a group; everything before it was synced when it was written.
    """

    number: int
    start: int
    end: int
    packed: bool = False
    first: bool = False


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Bytes of a segment that are no sound record, copied aside instead of being thrown away."""

    segment: str
    start: int
    end: int
    copy: Path


@dataclass(frozen=True, slots=True)
class Scan:
    """What a segment holds: sound records, damaged ranges between or behind them, and its torn tail."""

    places: list[Place]
    damaged: list[tuple[int, int]]
    torn_at: int | None


@cache
def _codec() -> Any:  # noqa: ANN401 - pyarrow is untyped
    import pyarrow as pa  # noqa: PLC0415 - most spools do not compress

    return pa.Codec("zstd", compression_level=1)


def pack_group(number: int, payloads: Sequence[bytes], *, compress: bool) -> bytes:
    """Records of a group as they are written to the file, numbered from ``number``."""
    parts = []
    for at, payload in enumerate(payloads):
        packed = _packed(payload) if compress and len(payload) >= _WORTH_PACKING else None
        magic = PLAIN if packed is None else PACKED
        if at == 0:
            magic = PLAIN_FIRST if packed is None else PACKED_FIRST
        stored = payload if packed is None else packed
        parts += [HEADER.pack(magic, len(stored), checksum(number + at, stored, magic), number + at), stored]
    return b"".join(parts)


def _packed(payload: bytes) -> bytes | None:
    """Compressed, or none where that would not make it smaller."""
    packed: bytes = _RAW.pack(len(payload)) + _codec().compress(payload, asbytes=True)
    return packed if len(packed) < len(payload) else None


def unpack_payload(stored: bytes) -> bytes:
    """The payload of a packed record."""
    (size,) = _RAW.unpack_from(stored)
    raw: bytes = _codec().decompress(memoryview(stored)[_RAW.size :], size, asbytes=True)
    return raw


def checksum(number: int, payload: bytes | memoryview, magic: bytes) -> int:
    """Crc32 over length, number, the magic where it is not the plain one, and payload."""
    covered = _COVERED.pack(len(payload), number)
    return zlib.crc32(payload, zlib.crc32(covered if magic == PLAIN else covered + magic))


def _record_at(data: memoryview, position: int, base: int) -> Place | None:
    if position + HEADER.size > len(data):
        return None
    magic, length, crc, number = HEADER.unpack_from(data, position)
    start = position + HEADER.size
    if magic not in _MAGICS or length > MAX_PAYLOAD_BYTES or start + length > len(data):
        return None
    if checksum(number, data[start : start + length], magic) != crc:
        return None
    kind = magic[3]
    return Place(number, base + start, base + start + length, kind in _PACKED_KINDS, kind in _FIRST_KINDS)


def _next_sound(data: bytes, position: int) -> int | None:
    view = memoryview(data)
    while (position := data.find(_MAGIC, position)) >= 0:
        if _record_at(view, position, 0) is not None:
            return position
        position += 1
    return None


def _is_torn(data: bytes, position: int) -> bool:
    """Whether the bytes from here are a record whose writing stopped half way, rather than damage."""
    rest = data[position : position + HEADER.size]
    left = len(data) - position
    if left < HEADER.size:
        return any(magic.startswith(rest[: len(magic)]) for magic in _MAGICS)
    magic, length, _, _ = HEADER.unpack_from(rest)
    return bool(magic in _MAGICS and length <= MAX_PAYLOAD_BYTES and left < HEADER.size + length)


def scan_segment(data: bytes, base: int = 0) -> Scan:
    """Find the sound records of a segment file, or of its part from ``base`` on.

    Damage in the middle is stepped over; an unfinished last record is told apart as a torn tail, which no
    acknowledgement has ever been given for. All positions are of the file.
    """
    view = memoryview(data)
    places: list[Place] = []
    damaged: list[tuple[int, int]] = []
    position = 0
    while position < len(data):
        place = _record_at(view, position, base)
        if place is not None:
            places.append(place)
            position = place.end - base
            continue
        sound = _next_sound(data, position + 1)
        if sound is None:
            if not _is_torn(data, position):
                damaged.append((base + position, base + len(data)))
            return Scan(places, damaged, base + position)
        damaged.append((base + position, base + sound))
        position = sound
    return Scan(places, damaged, None)


def scan_newest(data: bytes) -> Scan:
    """The same for the segment that was being written: its last group may have been cut short.

    A power cut leaves any part of what was not synced, with holes. Damage with no later group behind it is
    therefore the rest of an unfinished write, which no acknowledgement was given for.
    """
    scan = scan_segment(data)
    synced = max((place.start for place in scan.places if place.first), default=0)
    holes = [start for start, _ in scan.damaged if start >= synced]
    if not holes:
        return scan
    cut = holes[0]
    places = [place for place in scan.places if place.end <= cut]
    return Scan(places, [one for one in scan.damaged if one[1] <= cut], cut)
