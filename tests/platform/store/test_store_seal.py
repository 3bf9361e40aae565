"""Sealing and merging, what is left when they fail, and who may open the store."""

from __future__ import annotations

import errno
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.store import StoreFailed, StoreFull, StoreInUse, Telemetry
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.segments import segment as segments
from tundish_platform.store.segments.reader import Readers
from tundish_platform.store.write.merging import tier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import World

    from tundish_platform.store.segments.segment import SegmentFile

DAY = 86_400


class FullFiles(LocalFiles):
    """No space for segments from the `allowed`-th on, while `full`."""

    def __init__(self, allowed: int = 0) -> None:
        self.full = True
        self.left = allowed

    def sync(self, path: Path) -> None:
        if self.full and path.suffix == ".tmp":
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        super().sync(path)


def parquet(world: World) -> list[Path]:
    return sorted((world.root / "tenants").rglob("*.parquet"))


def everything(world: World) -> list[Path]:
    return sorted(path for path in (world.root / "tenants").rglob("*") if path.is_file())


def log_files(world: World) -> list[Path]:
    return sorted((world.root / "log").glob("*.log"))


def test_sealed_rows_are_the_same_and_lie_by_day_in_the_tenants_folder(world: World) -> None:
    world.append([(1, 0, 1.0), (1, DAY, 2.0), (2, -5 * DAY, 3.0)])
    world.append([(1, 1, "a")], "text")
    before = world.rows([1, 2])
    world.telemetry.seal()
    assert world.rows([1, 2]) == before
    folders = [str(path.parent.relative_to(world.root / "tenants")) for path in parquet(world)]
    days = ("2026-02-24", "2026-03-01", "2026-03-02")
    assert folders == [*(f"steel/numeric/day={day}" for day in days), "steel/text/day=2026-03-01"]
    assert log_files(world) == []
    world.open()
    assert world.rows([1, 2]) == before
    assert world.values(1, "text") == ["a"]


def test_a_day_does_not_collect_files(world: World) -> None:
    for second in range(100):
        world.append([(1, second, float(second)), (1, 0, float(second))])
        world.telemetry.seal()
    assert world.telemetry.state().segments < 24
    assert len(parquet(world)) == world.telemetry.state().segments
    assert world.values(1) == [99.0, *map(float, range(1, 100))]


def test_each_row_is_merged_only_a_few_times(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tundish_platform.store.write.merging._SMALLEST_TIER", 4)
    written: list[int] = []
    write = segments.write

    def counting(*arguments: Any) -> SegmentFile:  # noqa: ANN401 - whatever `write` takes
        written.append(arguments[-2].num_rows)
        return write(*arguments)

    monkeypatch.setattr(segments, "write", counting)
    for turn in range(128):
        world.append([(1, 4 * turn + n, 0.0) for n in range(4)])
        world.telemetry.seal()
    assert len(world.values(1)) == 512
    # Sealed once, merged to 32 rows and from 32 to 256; merging all each time would write 4,000 and more.
    assert sum(written) <= 3 * 512


def test_large_segments_are_left_alone(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setattr("tundish_platform.store.write.merging.MERGE_ROWS", 10)
    for second in range(20):
        world.append([(1, 10 * second + n, 0.0) for n in range(8)])
        world.telemetry.seal()
    assert world.telemetry.state().segments == 20


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(1, 0), (16_384, 0), (16_385, 1), (131_072, 1), (131_073, 2), (500_000, 2), (1_048_577, 3)],
)
def test_segments_of_like_size_share_a_tier(rows: int, expected: int) -> None:
    assert tier(rows) == expected


def test_a_full_disk_keeps_rows_leaves_no_files_and_does_not_stop_the_other_tenant(
    new_world: Callable[..., World],
) -> None:
    world = new_world()
    files = FullFiles(allowed=3)
    telemetry = world.open(files=files)
    world.append([(1, 0, 1.0), (1, DAY, 2.0)])
    world.append([(7, 0, 7.0)], tenant="power")
    steel, power = telemetry._tenants()
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            telemetry._sealer.seal(steel)
    assert everything(world) == []
    assert world.values(1) == [1.0, 2.0]
    files.left = 2
    telemetry._sealer.seal(power)
    assert world.rows([7], tenant="power")[0]["value"] == 7.0
    files.full = False
    telemetry.seal()
    assert (world.values(1), telemetry.state().buffered) == ([1.0, 2.0], 0)


def test_one_tenants_trouble_is_named_and_the_others_are_sealed(new_world: Callable[..., World]) -> None:
    world = new_world()
    telemetry = world.open(seal_rows=1)
    world.append([(1, 0, 1.0)])
    world.append([(7, 0, 7.0)], tenant="power")
    steel, power = telemetry._tenants()
    (world.root / "tenants").mkdir()
    (world.root / "tenants" / "steel").write_text("a file where the folder should be")
    assert [telemetry._sealer._seal_due(store) for store in (steel, power)] == [False, True]
    assert any("sealing failed" in problem for problem in telemetry.state().problems)
    assert telemetry.state().buffered == 1
    (world.root / "tenants" / "steel").unlink()
    assert telemetry._sealer._seal_due(steel)
    assert telemetry.state().problems == ()


def test_who_sends_faster_than_can_be_sealed_waits_for_the_own_seal(new_world: Callable[..., World]) -> None:
    world = new_world()
    files = FullFiles()
    telemetry = world.open(files=files, seal_rows=2)
    for second in range(9):
        world.append([(1, second, 0.0)])
    with pytest.raises(StoreFull):
        world.append([(1, 9, 0.0)])
    assert world.append([(7, 0, 7.0)], tenant="power") == 1
    files.full = False
    world.append([(1, 9, 0.0)])
    assert telemetry.state().buffered == 2
    assert len(world.values(1)) == 10


def test_files_of_a_seal_that_was_cut_off_are_put_aside_not_removed(world: World) -> None:
    world.append([(1, 0, 1.0)])
    world.telemetry.seal()
    (named,) = parquet(world)
    orphan = named.with_name("00000000000000000009-ffffffff.parquet")
    orphan.write_bytes(named.read_bytes())
    (named.parent / "half.tmp").write_bytes(b"half")
    world.open().verify()
    assert world.values(1) == [1.0]
    aside = world.root / "tenants" / "steel" / "orphans" / "day=2026-03-01" / f"numeric-{orphan.name}"
    assert parquet(world) == sorted([named, aside])
    world.open().verify()
    assert parquet(world) == sorted([named, aside])


def test_a_missing_or_damaged_segment_is_named_and_told_as_a_gap(
    world: World, at: Callable[[float], Any]
) -> None:
    world.append([(1, 0, 1.0), (1, DAY, 2.0), (1, 2 * DAY, 3.0)])
    world.telemetry.seal()
    first, second, _third = parquet(world)
    first.unlink()
    content = second.read_bytes()
    second.write_bytes(content[:100] + bytes(8) + content[108:])
    world.open().verify()
    problems = world.telemetry.problems()
    assert [word in problem for word, problem in zip(("missing", "damaged"), problems, strict=True)] == [
        True
    ] * 2
    assert world.values(1) == [3.0]
    gaps = world.telemetry.gaps(world.scopes["steel"], [1, 5], at(0), at(3 * DAY)).to_pylist()
    assert [(g["signal"], g["ts"], g["reason"]) for g in gaps] == [
        (signal, at(day * DAY), "segment_damaged") for signal in (1, 5) for day in (0, 1)
    ]
    assert not second.exists()
    # Brought back from a backup, it counts again.
    second.write_bytes(content)
    world.telemetry.verify()
    assert world.values(1) == [2.0, 3.0]
    assert len(world.telemetry.problems()) == 1


def test_a_file_that_vanishes_while_the_store_runs_is_told(world: World, at: Callable[[float], Any]) -> None:
    world.append([(1, 0, 1.0), (1, DAY, 2.0)])
    world.telemetry.seal()
    assert world.values(1) == [1.0, 2.0]
    parquet(world)[0].unlink()
    assert world.values(1) == [2.0]
    assert any("missing" in problem for problem in world.telemetry.problems())
    assert world.telemetry.gaps(world.scopes["steel"], [1], at(0), at(1)).num_rows == 1


def test_a_manifest_whose_answer_was_lost_does_not_double_rows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.append([(1, 0, 1.0)])
    catalog = world.telemetry._catalog
    add = catalog.add

    def add_and_fail(*arguments: object) -> None:
        add(*arguments)  # type: ignore[arg-type]
        raise ConnectionError("the answer was lost")

    monkeypatch.setattr(catalog, "add", add_and_fail)
    with pytest.raises(ConnectionError):
        world.telemetry.seal()
    monkeypatch.undo()
    world.telemetry.seal()
    assert (world.telemetry.state().rows, world.telemetry.state().segments) == (1, 1)
    assert world.open().state().rows == 1


def test_the_background_seals_by_age(
    new_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tundish_platform.store.write.sealer._TURN_S", 0.01)
    world = new_world(in_memory=False)
    telemetry = world.open(background=True, seal_after=timedelta(0), own_rows=1)
    world.append([(1, 0, 1.0)])
    for _ in range(500):
        if telemetry.state().segments:
            break
        telemetry._sealer._stopped.wait(0.01)
    assert telemetry.state().segments == 1
    assert world.values(1) == [1.0]


def test_rows_without_content_do_not_hold_the_log(world: World) -> None:
    assert world.append([]) == 0
    world.append([(1, 0, 1.0)])
    world.telemetry.seal()
    assert log_files(world) == []


def test_a_slug_cannot_lead_out_of_the_store(world: World) -> None:
    for slug in ("../steel", "", "a/b", ".."):
        with pytest.raises(ValueError, match="folder"):
            world.telemetry._catalog.reader(Readers(), slug)


def test_after_close_nothing_is_taken_but_all_can_be_read(world: World) -> None:
    world.append([(1, 0, 1.0)])
    world.telemetry.close()
    world.telemetry.close()
    assert not world.telemetry.ready
    with pytest.raises(StoreFailed):
        world.append([(1, 1, 2.0)])
    assert world.values(1) == [1.0]


def test_a_second_writer_is_refused(world: World) -> None:
    with pytest.raises(StoreInUse):
        Telemetry(world.root, world.metadata)


HOLDER = """
import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(fd, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(world: World) -> Iterator[subprocess.Popen[str]]:
    world.telemetry.close()
    command = [sys.executable, "-c", HOLDER, str(world.root / "writer.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.integration
def test_the_lock_of_a_killed_process_is_free(world: World, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(StoreInUse):
        Telemetry(world.root, world.metadata, background=False)
    holder.kill()
    holder.wait()
    world.open()
    assert world.append([(1, 0, 1.0)]) == 1


def test_a_segment_that_is_told_to_be_damaged_is_looked_at_first(world: World) -> None:
    world.append([(1, 0, 1.0)])
    world.telemetry.seal()
    store = world.telemetry.tenant_store(world.scopes["steel"])
    (segment,) = store.segments()
    store.report_damaged(segment.path)
    store.report_damaged("numeric/day=2026-03-01/no-such-file.parquet")
    assert world.telemetry.problems() == ()
    assert world.values(1) == [1.0]
    path = world.root / "tenants" / "steel" / segment.path
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    store.report_damaged(segment.path)
    assert [file.damaged for file in store.segments()] == [True]
    assert world.telemetry.tenant_store(world.scopes["steel"]).reader.folder.joinpath("quarantine").is_dir()
