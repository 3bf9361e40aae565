r"""The log's file format: how records are written and how they are found again, also behind damage.

A file is a header, ``TNDLOG1\n`` and eight random bytes, and then records: ``mark 4, length u32, crc32 u32``
and a body ``sequence u64, tenant u32, group u32, payload``; little endian. Mark and checksum start from the
header's random bytes: no tenant can write into its samples what would be taken for a record.
`group` is the place in the file where the records begin that were synced together with this one.
"""

from __future__ import annotations

import secrets
import struct
import zlib
from dataclasses import dataclass
from typing import Final

FAMILY: Final = b"TNDLOG"
MAGIC: Final = b"TNDLOG1\n"
HEADER_BYTES: Final = len(MAGIC) + 8
MAX_PAYLOAD: Final = 80 * 1024 * 1024
_HEAD = struct.Struct("<4sII")
_BODY = struct.Struct("<QII")


class ForeignLog(Exception):  # noqa: N818 - says what the file is
    """A log file of a version that this program does not know: start the program that wrote it and seal."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One batch in the log.

    Attributes:
        sequence: counts up over all tenants; of two values of a signal and time the higher one holds.
        tenant: row number of the tenant.
        payload: the encoded batch.
    """

    sequence: int
    tenant: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Scan:
    """What a file holds.

    Attributes:
        records: all that were acknowledged and can be read.
        corrupt: where acknowledged bytes begin that cannot be read.
        end: behind the last of the records; what comes after was never acknowledged.
    """

    records: list[LogRecord]
    corrupt: list[int]
    end: int


@dataclass(frozen=True, slots=True)
class _Found:
    record: LogRecord
    start: int
    end: int
    group: int


def new_header() -> bytes:
    """The start of a new file."""
    return MAGIC + secrets.token_bytes(HEADER_BYTES - len(MAGIC))


def encode(header: bytes, group: int, record: LogRecord) -> bytes:
    """One record for the file that begins with `header`, of the group that begins at `group`."""
    mark, seed = _drawn(header)
    body = _BODY.pack(record.sequence, record.tenant, group)
    checksum = zlib.crc32(record.payload, zlib.crc32(body, seed))
    # Joined once: each copy of a large batch costs as much as its checksum.
    head = _HEAD.pack(mark, len(body) + len(record.payload), checksum)
    return b"".join((head, body, record.payload))


def scan(data: bytes) -> Scan:
    """All readable records of a file's bytes.

    Raises:
        ForeignLog: another version wrote it.
    """
    if not data.startswith(MAGIC) or len(data) < HEADER_BYTES:
        return _headless(data)
    found = _readable(data)
    ends = [HEADER_BYTES, *(one.end for one in found)]
    holes = [end for end, one in zip(ends, found, strict=False) if one.start != end]
    # A power cut leaves holes only in the group that was being written: nobody was told that it is safe.
    torn = [hole for hole in holes if found[-1].group <= hole]
    end = min([ends[-1], *torn])
    kept = [one.record for one in found if one.end <= end]
    return Scan(kept, [hole for hole in holes if hole < end], end)


def _headless(data: bytes) -> Scan:
    """A header that was never finished holds nothing; a damaged one makes the whole file unreadable."""
    if data.startswith(FAMILY) and not data.startswith(MAGIC) and len(data) >= HEADER_BYTES:
        raise ForeignLog(f"written as {data[: len(MAGIC)]!r}, this program writes {MAGIC!r}")
    unfinished = len(data) < HEADER_BYTES or not data.strip(b"\0")
    return Scan([], [] if unfinished else [0], 0)


def _drawn(header: bytes) -> tuple[bytes, int]:
    drawn = header[len(MAGIC) : HEADER_BYTES]
    return drawn[:4], int.from_bytes(drawn[4:], "little")


def _readable(data: bytes) -> list[_Found]:
    mark, seed = _drawn(data)
    readable: list[_Found] = []
    at = HEADER_BYTES
    while 0 <= at < len(data):
        found = _decode(data, at, mark, seed)
        if found is None:
            at = data.find(mark, at + 1)
        else:
            readable.append(found)
            at = found.end
    return readable


def _decode(data: bytes, at: int, mark: bytes, seed: int) -> _Found | None:
    if at + _HEAD.size > len(data):
        return None
    found, length, checksum = _HEAD.unpack_from(data, at)
    first, end = at + _HEAD.size, at + _HEAD.size + length
    if found != mark or not _BODY.size <= length <= _BODY.size + MAX_PAYLOAD or end > len(data):
        return None
    if zlib.crc32(memoryview(data)[first:end], seed) != checksum:
        return None
    sequence, tenant, group = _BODY.unpack_from(data, first)
    return _Found(LogRecord(sequence, tenant, data[first + _BODY.size : end]), at, end, group)
