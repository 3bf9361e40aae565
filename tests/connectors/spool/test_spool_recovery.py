"""The spool after torn writes, damage, kills and full disks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_connectors.spool import Spool, SpoolError, SpoolFull
from tundish_connectors.spool.files import Files

SMALL = {"max_bytes": 4096, "segment_bytes": 256}


def payloads_of(spool: Spool) -> list[bytes]:
    return [record.payload for record in spool.read(10**9, limit=10**9)]


def only_segment(folder: Path) -> Path:
    (segment,) = folder.glob("*.seg")
    return segment


def test_a_tail_torn_at_any_byte_is_cut_and_all_before_it_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "whole")
    spool.append([b"first", b"second"])
    kept = spool.used_bytes
    spool.append([b"third, torn"])
    spool.close()
    whole = only_segment(tmp_path / "whole").read_bytes()
    for length in range(kept, len(whole)):
        folder = tmp_path / str(length)
        folder.mkdir()
        (folder / "00000000000000000001.seg").write_bytes(whole[:length])
        reopened = Spool(folder)
        assert payloads_of(reopened) == [b"first", b"second"]
        assert reopened.append([b"again"]) == 3
        reopened.close()
        again = Spool(folder)
        assert payloads_of(again) == [b"first", b"second", b"again"]
        assert again.quarantined == []
        again.close()


def test_damage_in_the_middle_is_set_aside_by_name_and_the_rest_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([b"alpha" * 10])
    start = spool.used_bytes
    spool.append([b"bravo" * 10])
    spool.append([b"charlie" * 10])
    spool.close()
    path = only_segment(tmp_path)
    data = bytearray(path.read_bytes())
    for at in range(start, start + 70):
        damaged = bytearray(data)
        damaged[at] ^= 0x5A
        path.write_bytes(damaged)
        reopened = Spool(tmp_path)
        assert payloads_of(reopened) == [b"alpha" * 10, b"charlie" * 10]
        (quarantined,) = reopened.quarantined
        assert quarantined.segment == path.name
        assert quarantined.copy.read_bytes() == bytes(damaged[start : quarantined.end])
        reopened.close()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.binary(max_size=90), min_size=1, max_size=4)),
        st.tuples(st.just("deliver"), st.integers(1, 5)),
        st.tuples(st.just("reopen"), st.just(0)),
        st.tuples(st.just("tear"), st.binary(min_size=1, max_size=40)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_whatever_happens_acknowledged_records_leave_in_order_and_once(
    steps: list[tuple[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder, **SMALL)
    expected: list[bytes] = []
    for what, argument in steps:
        if what == "append":
            try:
                spool.append(argument)
            except SpoolFull:
                continue
            expected += argument
        elif what == "deliver":
            records = spool.read(10**6, limit=argument)
            assert [record.payload for record in records] == expected[: len(records)]
            if records:
                spool.acknowledge(records[-1].number)
                expected = expected[len(records) :]
        else:
            spool.close()
            if what == "tear":
                # A header that promises more than follows: what a kill in the middle of a write leaves.
                newest = max(folder.glob("*.seg"), default=folder / "00000000000000000001.seg")
                torn = b"\xa7TS\x01" + (1000).to_bytes(4, "little") + argument
                newest.write_bytes((newest.read_bytes() if newest.exists() else b"") + torn)
            spool = Spool(folder, **SMALL)
            assert spool.quarantined == []
        assert payloads_of(spool) == expected
        assert spool.used_bytes <= SMALL["max_bytes"]
    spool.close()


class FailingFiles(Files):
    """Lets writes or syncs fail from a given call on; a failing write leaves half its bytes behind."""

    def __init__(self, operation: str, at: int, code: int) -> None:
        self.operation, self.left, self.code = operation, at, code
        self.broken = False

    def _count(self, operation: str) -> bool:
        if operation == self.operation:
            self.left -= 1
        return self.broken or (operation == self.operation and self.left < 0)

    def write(self, descriptor: int, data: bytes) -> None:
        if self._count("write"):
            super().write(descriptor, data[: len(data) // 2])
            raise OSError(self.code, os.strerror(self.code))
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if self._count("sync"):
            raise OSError(self.code, os.strerror(self.code))
        super().sync(descriptor)


@pytest.mark.parametrize("operation", ["write", "sync"])
@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, SpoolFull), (errno.EIO, SpoolError)])
def test_a_failing_disk_refuses_and_loses_nothing_acknowledged(
    tmp_path: Path, operation: str, code: int, kind: type[SpoolError]
) -> None:
    for at in range(4):
        folder = tmp_path / str(at)
        files = FailingFiles(operation, at, code)
        spool = Spool(folder, **SMALL, files=files)
        kept = []
        for number in range(6):
            payload = bytes([number]) * 40
            try:
                spool.append([payload])
            except kind:
                continue
            kept.append(payload)
        assert len(kept) == at
        spool.close()
        reopened = Spool(folder, **SMALL)
        assert payloads_of(reopened)[: len(kept)] == kept
        reopened.append([b"after"])
        assert payloads_of(reopened)[-1] == b"after"
        reopened.close()


def test_a_disk_that_recovers_is_used_again(tmp_path: Path) -> None:
    files = FailingFiles("write", 1, errno.ENOSPC)
    spool = Spool(tmp_path, files=files)
    spool.append([b"one"])
    with pytest.raises(SpoolFull):
        spool.append([b"two"])
    files.left = 1000
    spool.append([b"three"])
    assert payloads_of(spool) == [b"one", b"three"]
    spool.close()


def test_the_bound_refuses_and_delivery_makes_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, **SMALL)
    count = 0
    while spool.used_bytes + 120 <= SMALL["max_bytes"]:
        spool.append([b"x" * 100])
        count += 1
    with pytest.raises(SpoolFull):
        spool.append([b"x" * 100])
    assert 25 < count < 36
    assert spool.read(10**6)[-1].number == count
    hours = spool.hours_left()
    assert hours is not None
    assert hours < 0.01
    spool.acknowledge(20)
    spool.append([b"room again"])
    assert payloads_of(spool)[-1] == b"room again"
    spool.close()


def test_segments_go_only_after_acknowledgement(tmp_path: Path) -> None:
    spool = Spool(tmp_path, **SMALL)
    for _ in range(12):
        spool.append([b"y" * 100])
    before = len(list(tmp_path.glob("*.seg")))
    spool.read(10**6)
    assert len(list(tmp_path.glob("*.seg"))) == before
    spool.acknowledge(12)
    assert len(list(tmp_path.glob("*.seg"))) == 1
    spool.close()
    reopened = Spool(tmp_path, **SMALL)
    assert reopened.read(10**6) == []
    assert reopened.append([b"next"]) == 13
    reopened.close()


def test_a_lost_position_means_sending_again_never_less(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([b"a", b"b"])
    spool.acknowledge(1)
    spool.close()
    (tmp_path / "delivered.json").write_text("")
    reopened = Spool(tmp_path)
    assert payloads_of(reopened) == [b"a", b"b"]
    reopened.close()


@pytest.mark.integration
def test_a_killed_writer_leaves_everything_it_acknowledged(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from tundish_connectors.spool import Spool
        spool = Spool(Path(sys.argv[1]), segment_bytes=4096)
        number = 0
        while True:
            number = spool.append([f"{number + 1}".encode() * 50])
            print(number, flush=True)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    acknowledged = 0
    for line in process.stdout:
        acknowledged = int(line)
        if acknowledged >= 300:
            process.kill()
            break
    acknowledged = int(([str(acknowledged), *process.stdout.read().split()])[-1])
    process.wait()
    process.stdout.close()
    spool = Spool(tmp_path, segment_bytes=4096)
    payloads = payloads_of(spool)
    assert len(payloads) >= acknowledged
    assert payloads == [f"{number}".encode() * 50 for number in range(1, len(payloads) + 1)]
    spool.close()


def test_a_power_cut_after_each_append_takes_nothing_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: dict[str, int] = {}
    real = os.fdatasync

    def note(descriptor: int) -> None:
        synced[Path(f"/proc/self/fd/{descriptor}").readlink().name] = os.fstat(descriptor).st_size
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", note)
    spool = Spool(tmp_path / "live", **SMALL)
    for number in range(1, 12):
        spool.append([bytes([number]) * 60])
        after_cut = tmp_path / f"cut{number}"
        after_cut.mkdir()
        for segment in (tmp_path / "live").glob("*.seg"):
            # What was not synced is gone after a power cut.
            (after_cut / segment.name).write_bytes(segment.read_bytes()[: synced.get(segment.name, 0)])
        survivor = Spool(after_cut, **SMALL)
        assert payloads_of(survivor) == [bytes([at]) * 60 for at in range(1, number + 1)]
        survivor.close()
    spool.close()
