"""Group commit, compression, the bound in hours, and what is acknowledged ahead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_connectors.spool import Spool, SpoolFull
from tundish_connectors.spool.files import Files
from tundish_connectors.spool.position import Position

if TYPE_CHECKING:
    from pathlib import Path


class CountingFiles(Files):
    def __init__(self) -> None:
        self.writes = self.syncs = 0

    def write(self, descriptor: int, data: bytes) -> None:
        self.writes += 1
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        super().sync(descriptor)


def payloads_of(spool: Spool) -> list[bytes]:
    return [record.payload for record in spool.read(10**9, limit=10**9)]


def test_many_staged_records_cost_one_write_and_one_sync(tmp_path: Path) -> None:
    files = CountingFiles()
    spool = Spool(tmp_path, files=files)
    for at in range(100):
        spool.stage(bytes([at]))
    assert payloads_of(spool) == []
    assert spool.commit() == 100
    assert (files.writes, files.syncs) == (1, 1)
    assert payloads_of(spool) == [bytes([at]) for at in range(100)]
    assert spool.commit() == 100
    assert files.writes == 1
    spool.close()


def test_a_refused_commit_keeps_nothing_of_its_group(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=1024, segment_bytes=512)
    spool.append([b"kept"])
    spool.stage(b"x" * 600)
    spool.stage(b"y" * 600)
    with pytest.raises(SpoolFull):
        spool.commit()
    assert spool.append([b"next"]) == 2
    assert payloads_of(spool) == [b"kept", b"next"]
    spool.close()


def test_compressed_and_plain_records_are_read_alike(tmp_path: Path) -> None:
    repeated = [bytes([at]) * 2000 for at in range(20)]
    plain = Spool(tmp_path)
    plain.append(repeated)
    size = plain.used_bytes
    plain.close()
    packed = Spool(tmp_path, compress=True)
    packed.append([*repeated, b"short", os.urandom(500)])
    assert packed.used_bytes - size < size / 10
    packed.close()
    again = Spool(tmp_path)
    assert payloads_of(again)[:41] == [*repeated, *repeated, b"short"]
    assert again.quarantined == []
    again.close()


def test_a_packed_record_whose_mark_is_damaged_is_no_record(tmp_path: Path) -> None:
    spool = Spool(tmp_path, compress=True)
    spool.append([b"a" * 2000])
    spool.append([b"b" * 2000])
    spool.close()
    (path,) = tmp_path.glob("*.seg")
    data = bytearray(path.read_bytes())
    data[3] = 1
    path.write_bytes(data)
    again = Spool(tmp_path)
    assert payloads_of(again) == [b"b" * 2000]
    assert len(again.quarantined) == 1
    again.close()


def test_the_bound_in_hours_refuses_while_the_oldest_waits_too_long(tmp_path: Path) -> None:
    now = [1_000_000.0]
    spool = Spool(tmp_path, max_hours=2, clock=lambda: now[0])
    spool.append([b"old"])
    now[0] += 3600
    spool.append([b"younger"])
    hours = spool.hours_left()
    assert hours is not None
    assert hours <= 1.0
    now[0] += 3700
    with pytest.raises(SpoolFull, match="hours"):
        spool.append([b"refused"])
    assert spool.hours_left() == 0
    spool.acknowledge(1)
    spool.append([b"taken again"])
    assert payloads_of(spool) == [b"younger", b"taken again"]
    spool.acknowledge(3)
    now[0] += 36_000
    # A segment begun long ago is no old record once it is delivered.
    spool.append([b"fresh"])
    assert spool.oldest_hours() < 0.1
    spool.close()


def test_a_stretch_ahead_is_kept_over_restarts_and_frees_its_segments(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=10_000, segment_bytes=256)
    for at in range(12):
        spool.append([bytes([at]) * 100])
    spool.acknowledge_ahead(4, 10)
    assert spool.delivered == 0
    assert spool.wait(0)
    assert len(list(tmp_path.glob("*.seg"))) == 3
    spool.close()
    again = Spool(tmp_path, max_bytes=10_000, segment_bytes=256)
    assert [one.number for one in again.read(10**6, until=4)] == [1, 2, 3, 4]
    assert [one.number for one in again.read(10**6, after=again.position.ahead)] == [11, 12]
    again.acknowledge(4)
    assert again.delivered == 10
    assert [one.number for one in again.read(10**6)] == [11, 12]
    again.acknowledge(12)
    assert not again.wait(0)
    again.close()


@given(
    steps=st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=40),
    split=st.integers(1, 20),
)
def test_a_position_never_claims_what_was_not_delivered(steps: list[tuple[bool, int]], split: int) -> None:
    position = Position()
    safe: set[int] = set()
    for live, count in steps:
        joined = position.delivered >= split
        if live and not joined:
            first = max(split, position.ahead)
            position = position.with_ahead(split, first + count)
        else:
            first = position.delivered
            # Like the lanes: the backlog ends at the split until both are joined.
            count = count if joined else min(count, split - first)  # noqa: PLW2901 - as it is sent
            position = position.with_delivered(first + count)
        safe |= set(range(first + 1, first + count + 1))
        claimed = set(range(1, position.delivered + 1)) | set(
            range(position.ahead_after + 1, position.ahead + 1)
        )
        assert claimed == safe
        assert Position.from_text(position.to_text()) == position
