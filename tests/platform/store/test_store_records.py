from __future__ import annotations

import struct
import zlib

import pytest

from tundish_platform.store import ForeignLog, LogRecord
from tundish_platform.store.log.records import HEADER_BYTES, MAGIC, encode, new_header, scan

PAYLOAD = b"payload of a batch " * 9


def file_of(
    groups: list[int], header: bytes | None = None, payload: bytes = PAYLOAD
) -> tuple[bytes, list[int]]:
    """A file with groups of so many records, and where each record begins."""
    data = header or new_header()
    starts = []
    sequence = 0
    for size in groups:
        group = len(data)
        for _ in range(size):
            sequence += 1
            starts.append(len(data))
            data += encode(data[:HEADER_BYTES], group, LogRecord(sequence, 7, payload))
    return data, starts


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def numbers(data: bytes) -> list[int]:
    return [record.sequence for record in scan(data).records]


def test_the_format_is_what_the_reference_says() -> None:
    header = new_header()
    data = header + encode(header, HEADER_BYTES, LogRecord(5, 7, b"abc"))
    mark, length, checksum = struct.unpack_from("<4sII", data, HEADER_BYTES)
    body = data[HEADER_BYTES + 12 :]
    assert (MAGIC, HEADER_BYTES) == (b"TNDLOG1\n", 16)
    assert (mark, length) == (header[8:12], len(body))
    assert checksum == zlib.crc32(body, int.from_bytes(header[12:16], "little"))
    assert struct.unpack_from("<QII", body) == (5, 7, HEADER_BYTES)
    assert body[16:] == b"abc"


@pytest.mark.parametrize("offset", [0, 4, 8, 13, 40])
def test_damage_in_an_acknowledged_record_is_named_and_costs_only_that_one(offset: int) -> None:
    data, starts = file_of([1, 1, 2, 1])
    damaged = scan(flipped(data, starts[1] + offset))
    assert [record.sequence for record in damaged.records] == [1, 3, 4, 5]
    assert damaged.corrupt == [starts[1]]
    assert damaged.end == len(data)


def test_a_hole_in_the_group_being_written_is_a_power_cut_and_no_damage() -> None:
    data, starts = file_of([2, 3])
    torn = scan(flipped(data, starts[3] + 20))
    assert [record.sequence for record in torn.records] == [1, 2, 3]
    assert torn.corrupt == []
    assert torn.end == starts[3]


def test_the_same_hole_is_damage_once_a_later_group_was_written() -> None:
    data, starts = file_of([2, 3, 1])
    damaged = scan(flipped(data, starts[3] + 20))
    assert [record.sequence for record in damaged.records] == [1, 2, 3, 5, 6]
    assert damaged.corrupt == [starts[3]]


def test_zeros_behind_the_last_record_are_what_a_power_cut_leaves() -> None:
    data, _ = file_of([1])
    assert scan(data + bytes(4096)) == scan(data)
    assert scan(bytes(4096)).corrupt == []


def test_a_damaged_header_makes_the_whole_file_unreadable_and_is_named() -> None:
    data, _ = file_of([1])
    assert scan(b"X" + data[1:]).corrupt == [0]
    assert scan(flipped(data, 9)).records == []


def test_another_version_is_refused_and_not_cut() -> None:
    data, _ = file_of([1])
    with pytest.raises(ForeignLog, match="TNDLOG2"):
        scan(b"TNDLOG2\n" + data[8:])


def test_a_record_forged_inside_a_payload_is_not_believed_behind_damage() -> None:
    # A tenant knows the format, but neither mark nor checksum start of the file it will be written to.
    foreign = new_header()
    forged = encode(foreign, HEADER_BYTES, LogRecord(99, 1, b"evil"))
    data, starts = file_of([1, 1], payload=forged * 5)
    assert numbers(flipped(data, starts[0] + 14)) == [2]


def test_control_with_the_files_secrets_the_forged_record_would_be_believed() -> None:
    header = new_header()
    forged = encode(header, HEADER_BYTES, LogRecord(99, 1, b"evil"))
    data, starts = file_of([1, 1], header, forged)
    assert 99 in numbers(flipped(data, starts[0] + 14))
