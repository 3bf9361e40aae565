from __future__ import annotations

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.store import FileLog, StoreFailed, StoreFull
from tundish_platform.store.files import LocalFiles

if TYPE_CHECKING:
    from pathlib import Path


class CountingFiles(LocalFiles):
    """Counts syncs of data, and makes each take a while, as disks do."""

    def __init__(self) -> None:
        self.syncs = 0

    def append(self, path: Path) -> CountingFile:
        return CountingFile(super().append(path), self)


class CountingFile:
    def __init__(self, file: object, layer: CountingFiles) -> None:
        self._file = file
        self._layer = layer
        self._slow = threading.Event()

    def write(self, data: bytes) -> None:
        self._file.write(data)  # type: ignore[attr-defined]

    def sync(self) -> None:
        self._layer.syncs += 1
        self._slow.wait(0.005)

    def close(self) -> None:
        self._file.close()  # type: ignore[attr-defined]


class FaultyFiles(LocalFiles):
    """Makes one write or sync fail; a failed write has written half, a failed sync has lost what was new.

    Args:
        failing: which operation, counted from 0.
        what: the error.
        swallowed: the error happens but is not told, as some file systems did.
    """

    def __init__(self, failing: int, what: int = errno.EIO, *, swallowed: bool = False) -> None:
        self.left = failing
        self.what = what
        self.swallowed = swallowed
        self.happened = False

    def append(self, path: Path) -> FaultyFile:
        return FaultyFile(path, super().append(path), self)

    def due(self) -> bool:
        self.left -= 1
        self.happened = self.happened or self.left == -1
        return self.left == -1

    def fail(self) -> None:
        if not self.swallowed:
            raise OSError(self.what, os.strerror(self.what))


class FaultyFile:
    def __init__(self, path: Path, file: object, layer: FaultyFiles) -> None:
        self._path = path
        self._file = file
        self._layer = layer
        self._safe = path.stat().st_size

    def write(self, data: bytes) -> None:
        if self._layer.due():
            self._file.write(data[: len(data) // 2])  # type: ignore[attr-defined]
            self._layer.fail()
        else:
            self._file.write(data)  # type: ignore[attr-defined]

    def sync(self) -> None:
        if self._layer.due():
            os.truncate(self._path, self._safe)
            self._layer.fail()
        self._safe = self._path.stat().st_size

    def close(self) -> None:
        self._file.close()  # type: ignore[attr-defined]


def payloads(log: FileLog) -> list[bytes]:
    return [record.payload for record in log.replay()]


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.log")
    return path


def written(folder: Path, groups: list[list[bytes]]) -> bytes:
    log = FileLog(folder)
    for group in groups:
        log.append(1, group)
    log.close()
    return only_file(folder).read_bytes()


def test_records_come_back_in_order_with_their_tenant(tmp_path: Path) -> None:
    log = FileLog(tmp_path / "log", first_sequence=7)
    assert log.append(1, [b"a", b"b"]) == [7, 8]
    assert log.append(2, [b""]) == [9]
    log.close()
    again = FileLog(tmp_path / "log")
    assert [(r.sequence, r.tenant, r.payload) for r in again.replay()] == [
        (7, 1, b"a"),
        (8, 1, b"b"),
        (9, 2, b""),
    ]
    assert again.next_sequence == 10


def test_a_tail_torn_at_any_byte_loses_only_the_torn_group(tmp_path: Path) -> None:
    groups = [[b"first" * 3], [b"second" * 5, b""], [b"third" * 2]]
    data = written(tmp_path / "log", groups)
    flat = [payload for group in groups for payload in group]
    counts = set()
    for size in range(len(data)):
        folder = tmp_path / f"cut-{size}"
        folder.mkdir()
        (folder / "00000000000000000001.log").write_bytes(data[:size])
        log = FileLog(folder)
        found = payloads(log)
        assert found == flat[: len(found)]
        assert not log.problems
        counts.add(len(found))
        # What comes afterwards must neither disappear behind the tear nor take a number twice.
        (number,) = log.append(1, [b"new"])
        assert number == len(found) + 1
        log.close()
        assert payloads(FileLog(folder)) == [*found, b"new"]
    assert counts == {0, 1, 2, 3}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_byte_in_the_middle_is_named_and_the_rest_kept(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("log")
    originals = [f"payload {n} ".encode() * (n + 1) for n in range(6)]
    raw = bytearray(written(folder, [[payload] for payload in originals]))
    last = raw.rindex(originals[-1])
    # Behind it whole records follow, so the damage cannot be a torn tail.
    at = data.draw(st.integers(len(raw) - (len(raw) - raw.index(originals[0])), last - 40))
    raw[at] ^= data.draw(st.integers(1, 255))
    only_file(folder).write_bytes(raw)
    log = FileLog(folder)
    found = payloads(log)
    assert len(found) == 5
    assert set(found) < set(originals)
    assert len(log.problems) == 1
    assert only_file(folder).name in log.problems[0]
    assert (folder / "quarantine" / only_file(folder).name).read_bytes() == raw
    assert log.next_sequence == 7


def test_damage_in_a_file_that_is_not_the_last_is_no_torn_tail(tmp_path: Path) -> None:
    log = FileLog(tmp_path, file_bytes=1)
    for payload in (b"one" * 9, b"two" * 9, b"three" * 9):
        log.append(1, [payload])
    log.close()
    first = min(tmp_path.glob("*.log"))
    first.write_bytes(first.read_bytes()[:-4])
    again = FileLog(tmp_path)
    assert payloads(again) == [b"two" * 9, b"three" * 9]
    assert len(again.problems) == 1


def test_callers_that_wait_share_a_sync(tmp_path: Path) -> None:
    layer = CountingFiles()
    log = FileLog(tmp_path, layer)
    with ThreadPoolExecutor(16) as pool:
        # As while somebody else's commit is under way.
        with log._commit_lock:
            calls = [pool.submit(log.append, n, [b"x", b"y"]) for n in range(16)]
            deadline = time.monotonic() + 60
            while len(log._waiting) < 16:
                assert time.monotonic() < deadline
                time.sleep(0.001)
        numbers = [n for call in calls for n in call.result()]
    assert sorted(numbers) == list(range(1, 33))
    # The new file's header, and all of them together.
    assert layer.syncs == 2
    assert sorted(r.tenant for r in log.replay()) == sorted([*range(16)] * 2)


def test_each_callers_records_lie_together(tmp_path: Path) -> None:
    log = FileLog(tmp_path, CountingFiles())
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: log.append(n, [b"%d" % n] * 3), range(40)))
    assert all(list(numbers) == list(range(numbers[0], numbers[0] + 3)) for numbers in got)
    assert [r.payload for r in log.replay()] == [b"%d" % r.tenant for r in log.replay()]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.lists(st.integers(0, 40), max_size=4))
@settings(max_examples=60, deadline=None)
def test_release_never_removes_what_is_needed(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], befores: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = FileLog(folder, file_bytes=100)
    given_numbers: list[int] = []
    for turn, size in enumerate(sizes):
        given_numbers += log.append(1, [b"p" * 30] * size)
        if turn < len(befores):
            log.release(befores[turn])
    log.close()
    needed = [n for n in given_numbers if n >= max(befores[: len(sizes)], default=0)]
    again = FileLog(folder, first_sequence=max(befores, default=1))
    kept = [record.sequence for record in again.replay()]
    assert kept == sorted(kept)
    assert set(needed) <= set(kept)
    assert again.next_sequence > max(needed, default=0)


def test_release_of_all_leaves_no_file_and_no_number_twice(tmp_path: Path) -> None:
    log = FileLog(tmp_path)
    log.append(1, [b"x"] * 5)
    log.release(6)
    assert not list(tmp_path.glob("*.log"))
    assert log.append(1, [b"y"]) == [6]
    assert payloads(log) == [b"y"]


def test_a_full_disk_is_told_and_writing_goes_on_once_there_is_space(tmp_path: Path) -> None:
    failures = 0
    for failing in range(1, 12):
        folder = tmp_path / str(failing)
        layer = FaultyFiles(failing, errno.ENOSPC)
        log = FileLog(folder, layer, file_bytes=200)
        safe: list[bytes] = []
        for n in range(8):
            payload = b"%d" % n * 40
            try:
                log.append(1, [payload])
            except StoreFull:
                failures += 1
                if layer.left < -1 and n == 0:
                    continue
            except StoreFailed:
                break
            else:
                safe.append(payload)
        else:
            assert len(safe) == 7
        log.close()
        again = FileLog(folder)
        assert set(safe) <= set(payloads(again))
        assert not again.problems
        numbers = [record.sequence for record in again.replay()]
        assert len(set(numbers)) == len(numbers)
    assert failures >= 5


@pytest.mark.parametrize("failing", range(14))
def test_after_an_io_error_nothing_is_acknowledged_any_more(tmp_path: Path, failing: int) -> None:
    safe, log = appended_until_failure(tmp_path, FaultyFiles(failing))
    assert len(safe) < 12
    for _ in range(3):
        with pytest.raises(StoreFailed):
            log.append(1, [b"later"])
    log.close()
    assert [p for p in safe if p not in payloads(FileLog(tmp_path))] == []


def test_control_a_layer_that_keeps_errors_to_itself_loses_acknowledged_records(tmp_path: Path) -> None:
    lost = 0
    for failing in range(14):
        folder = tmp_path / str(failing)
        layer = FaultyFiles(failing, swallowed=True)
        safe, log = appended_until_failure(folder, layer)
        log.close()
        assert layer.happened
        lost += len(set(safe) - set(payloads(FileLog(folder))))
    assert lost >= 10


def appended_until_failure(folder: Path, layer: FaultyFiles) -> tuple[list[bytes], FileLog]:
    log = FileLog(folder, layer)
    safe: list[bytes] = []
    for n in range(12):
        payload = b"record %d " % n * 9
        try:
            log.append(1, [payload])
        except StoreFailed:
            break
        safe.append(payload)
    return safe, log


def test_no_waiting_caller_is_acknowledged_when_a_commit_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = FileLog(tmp_path)
    log.append(1, [b"before"])

    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(log, "_write", broken)
    outcomes: list[str] = []

    def call() -> None:
        try:
            log.append(1, [b"x"])
        except (MemoryError, StoreFailed) as error:
            outcomes.append(type(error).__name__)

    with log._commit_lock:
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(log._waiting) < 4:
            threads[0].join(0.01)
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["MemoryError", *["StoreFailed"] * 3]
    monkeypatch.undo()
    with pytest.raises(StoreFailed):
        log.append(1, [b"after"])


def test_a_batch_that_recovery_would_not_believe_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tundish_platform.store.log.records.MAX_PAYLOAD", 100)
    log = FileLog(tmp_path)
    with pytest.raises(ValueError, match="100 bytes"):
        log.append(1, [b"x" * 101])
    log.append(1, [b"x" * 100])
    log.close()
    assert payloads(FileLog(tmp_path)) == [b"x" * 100]
