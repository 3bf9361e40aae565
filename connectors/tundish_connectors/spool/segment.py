"""One segment file of the spool: records behind a header with length, checksum and running number.

A record is ``magic, payload length u32, crc32 u32, number u64, payload``, little endian; the checksum covers
length, number and payload. The magic lets a reader find the next record behind damaged bytes.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAGIC = b"\xa7TS\x01"
HEADER = struct.Struct("<4sIIQ")
_COVERED = struct.Struct("<IQ")
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sound record lies: its number, and the file range of its payload."""

    number: int
    start: int
    end: int


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


def pack_record(number: int, payload: bytes) -> bytes:
    """A record as it is written to the file."""
    return HEADER.pack(MAGIC, len(payload), checksum(number, payload), number) + payload


def checksum(number: int, payload: bytes | memoryview) -> int:
    """Crc32 over length, number and payload."""
    return zlib.crc32(payload, zlib.crc32(_COVERED.pack(len(payload), number)))


def _record_at(data: memoryview, position: int) -> Place | None:
    if position + HEADER.size > len(data):
        return None
    magic, length, crc, number = HEADER.unpack_from(data, position)
    start = position + HEADER.size
    if magic != MAGIC or length > MAX_PAYLOAD_BYTES or start + length > len(data):
        return None
    if checksum(number, data[start : start + length]) != crc:
        return None
    return Place(number, start, start + length)


def _next_sound(data: bytes, position: int) -> int | None:
    view = memoryview(data)
    while (position := data.find(MAGIC, position)) >= 0:
        if _record_at(view, position) is not None:
            return position
        position += 1
    return None


def _is_torn(data: bytes, position: int) -> bool:
    """Whether the bytes from here are a record whose writing stopped half way, rather than damage."""
    rest = data[position:]
    if len(rest) < HEADER.size:
        return MAGIC.startswith(rest[: len(MAGIC)])
    magic, length, _, _ = HEADER.unpack_from(rest)
    return bool(magic == MAGIC and length <= MAX_PAYLOAD_BYTES and len(rest) < HEADER.size + length)


def scan_segment(data: bytes) -> Scan:
    """Find the sound records of a segment file.

    Damage in the middle is stepped over; an unfinished last record is told apart as a torn tail, which no
    acknowledgement has ever been given for.
    """
    view = memoryview(data)
    places: list[Place] = []
    damaged: list[tuple[int, int]] = []
    position = 0
    while position < len(data):
        place = _record_at(view, position)
        if place is not None:
            places.append(place)
            position = place.end
            continue
        sound = _next_sound(data, position + 1)
        if sound is None:
            if not _is_torn(data, position):
                damaged.append((position, len(data)))
            return Scan(places, damaged, position)
        damaged.append((position, sound))
        position = sound
    return Scan(places, damaged, None)
