from __future__ import annotations

import json
import os
import shutil
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.samples import SampleKind
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.segments import delta
from tundish_platform.store.segments.delta import (
    CHECKPOINT_EVERY,
    DataFile,
    DeltaTables,
    Published,
    PublishFailed,
)

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Tenant
    from deltalake import DeltaTable

NUMERIC = SampleKind.NUMERIC
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


class WatchedFiles(LocalFiles):
    """Remembers what was synced with which content, and fails on demand."""

    def __init__(self) -> None:
        self.synced: dict[str, int] = {}
        self.fail_at = ""

    def sync(self, path: Path) -> None:
        if self.fail_at and self.fail_at in path.name:
            raise OSError(5, "Input/output error")
        super().sync(path)
        self.synced[path.name] = path.stat().st_size

    def sync_folder(self, folder: Path) -> None:
        super().sync(folder)
        # A name is safe only if the content behind it was safe before.
        self.synced |= {f"{folder.name}/": len([p for p in folder.iterdir() if p.name in self.synced])}


def test_commits_and_checkpoints_are_synced_before_publish_returns(tenant: Tenant) -> None:
    files = WatchedFiles()
    tables = DeltaTables(files)
    for second in range(CHECKPOINT_EVERY + 1):
        tables.publish(tenant.folder, NUMERIC, {MONDAY: [tenant.segment(MONDAY, [second])]})
        named = list(tenant.log().iterdir())
        assert {path.name: files.synced.get(path.name) for path in named} == {
            path.name: path.stat().st_size for path in named
        }
        assert files.synced["_delta_log/"] == len(named)
    assert tenant.log(f"{CHECKPOINT_EVERY:020d}.checkpoint.parquet").exists()


@pytest.mark.parametrize("version", [0, 1])
def test_a_commit_that_cannot_be_synced_is_taken_back(tenant: Tenant, version: int) -> None:
    files = WatchedFiles()
    tables = DeltaTables(files)
    for second in range(version):
        tables.publish(tenant.folder, NUMERIC, {MONDAY: [tenant.segment(MONDAY, [second])]})
    file = tenant.segment(MONDAY, [7])
    files.fail_at = ".json"

    with pytest.raises(OSError, match="Input/output error"):
        tables.publish(tenant.folder, NUMERIC, {MONDAY: [file]})

    assert not tenant.log(f"{version:020d}.json").exists()
    files.fail_at = ""
    assert tables.publish(tenant.folder, NUMERIC, {MONDAY: [file]}).version == version
    assert tenant.seconds() == [(MONDAY, 7)]


def torn(content: bytes) -> dict[str, bytes]:
    """What a power cut can leave of a file whose pages were never synced."""
    lines = content.splitlines(keepends=True)
    return {
        "empty": b"",
        "first line": lines[0],
        "all but the last line": b"".join(lines[:-1]),
        "half": content[: len(content) // 2],
        "zeros": bytes(len(content)),
        "zeros at the end": content[: len(content) // 2] + bytes(len(content) - len(content) // 2),
    }


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("way", sorted(torn(b"a\nb\n")))
def test_a_commit_torn_by_a_power_cut_is_published_again(
    tenant: Tenant, tables: DeltaTables, way: str, version: int
) -> None:
    first, second = tenant.segment(MONDAY, [0]), tenant.segment(TUESDAY, [1])
    if version:
        tables.publish(tenant.folder, NUMERIC, {MONDAY: [first]})
    days = {MONDAY: [first], TUESDAY: [second]}
    tables.publish(tenant.folder, NUMERIC, days)
    commit = tenant.log(f"{version:020d}.json")
    commit.write_bytes(torn(commit.read_bytes())[way])

    published = DeltaTables(LocalFiles()).publish(tenant.folder, NUMERIC, days, complete=True)

    assert published.version == version
    assert tenant.seconds() == [(MONDAY, 0), (TUESDAY, 1)]


def test_an_empty_commit_reads_as_a_commit_of_nothing_if_nobody_looks(
    tenant: Tenant, tables: DeltaTables
) -> None:
    """The control of the test above: why a torn commit has to be looked for."""
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [tenant.segment(MONDAY, [0])]})
    tables.publish(tenant.folder, NUMERIC, {TUESDAY: [tenant.segment(TUESDAY, [1])]})
    tenant.log(f"{1:020d}.json").write_bytes(b"")

    assert tenant.seconds() == [(MONDAY, 0)]


def many_commits(tenant: Tenant, tables: DeltaTables, count: int) -> list[DataFile]:
    """One day after the other, each a commit; the state of the last one."""
    for number in range(count):
        day = MONDAY + timedelta(days=number)
        file = DataFile(f"{NUMERIC}/day={day}/a.parquet", 1, 1, midnight(day), midnight(day))
        tables.publish(tenant.folder, NUMERIC, {day: [file]})
    merged = [tenant.segment(MONDAY, [0, 1])]
    tables.publish(tenant.folder, NUMERIC, {MONDAY: merged}, complete=True)
    return merged


@pytest.mark.parametrize("way", ["zeros", "half", "gone", "hint"])
def test_a_checkpoint_torn_by_a_power_cut_is_dropped(tenant: Tenant, tables: DeltaTables, way: str) -> None:
    merged = many_commits(tenant, tables, CHECKPOINT_EVERY + 3)
    checkpoint = tenant.log(f"{CHECKPOINT_EVERY:020d}.checkpoint.parquet")
    content = checkpoint.read_bytes()
    if way == "gone":
        checkpoint.unlink()
    elif way == "hint":
        tenant.log("_last_checkpoint").write_bytes(b"")
    else:
        checkpoint.write_bytes(torn(content)[way])

    again = DeltaTables(LocalFiles()).publish(tenant.folder, NUMERIC, {MONDAY: merged}, complete=True)

    assert again == Published(CHECKPOINT_EVERY + 3)
    assert tenant.seconds() == [(MONDAY, 0), (MONDAY, 1)]


def test_old_commits_go_only_behind_a_checkpoint(tenant: Tenant, tables: DeltaTables) -> None:
    many_commits(tenant, tables, CHECKPOINT_EVERY + 5)
    last_month = time.time() - 30 * 86_400
    for path in tenant.log().iterdir():
        os.utime(path, (last_month, last_month))
    assert tenant.log(f"{0:020d}.json").exists()

    many_commits(tenant, tables, CHECKPOINT_EVERY)

    kept = sorted(path.name for path in tenant.log().glob("*.json"))
    assert kept[0] == f"{CHECKPOINT_EVERY:020d}.json"
    assert tenant.seconds() == [(MONDAY, 0), (MONDAY, 1)]


def test_a_damaged_log_is_refused_and_can_be_built_anew(tenant: Tenant, tables: DeltaTables) -> None:
    files = [tenant.segment(MONDAY, [second]) for second in range(3)]
    for count in range(1, 4):
        tables.publish(tenant.folder, NUMERIC, {MONDAY: files[:count]})
    tenant.log(f"{1:020d}.json").write_bytes(b"{ damaged")
    fresh = DeltaTables(LocalFiles())

    with pytest.raises(PublishFailed, match="rebuild"):
        fresh.publish(tenant.folder, NUMERIC, {MONDAY: files}, complete=True)

    assert fresh.rebuild(tenant.folder, NUMERIC, {MONDAY: files}) == Published(0, added=3)
    assert tenant.seconds() == [(MONDAY, second) for second in range(3)]


def test_a_second_writer_is_noticed(
    tenant: Tenant, tables: DeltaTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (tenant.segment(MONDAY, [second]) for second in range(3))
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [first]})
    held = delta._held

    def overtaken(table: DeltaTable) -> dict[str, dict[str, Any]]:
        monkeypatch.setattr(delta, "_held", held)
        DeltaTables(LocalFiles()).publish(tenant.folder, NUMERIC, {MONDAY: [first, second]})
        return held(table)

    monkeypatch.setattr(delta, "_held", overtaken)

    with pytest.raises(PublishFailed, match="did not take"):
        tables.publish(tenant.folder, NUMERIC, {MONDAY: [first, third]})
    assert tenant.seconds() == [(MONDAY, 0), (MONDAY, 1)]


def test_files_may_go_only_when_no_reader_of_the_table_needs_them(tenant: Tenant) -> None:
    old, unpublished = tenant.segment(MONDAY, [0]), tenant.segment(MONDAY, [1])
    keeping, hasty = DeltaTables(LocalFiles()), DeltaTables(LocalFiles(), keep=timedelta(0))
    paths = [old.path, unpublished.path]
    keeping.publish(tenant.folder, NUMERIC, {MONDAY: [old]})
    assert hasty.removable(tenant.folder, NUMERIC, paths) == {unpublished.path}

    merged = tenant.segment(MONDAY, [0, 1])
    keeping.publish(tenant.folder, NUMERIC, {MONDAY: [merged]})

    assert keeping.removable(tenant.folder, NUMERIC, [*paths, merged.path]) == {unpublished.path}
    assert hasty.removable(tenant.folder, NUMERIC, [*paths, merged.path]) == set(paths)
    assert keeping.removable(tenant.folder, SampleKind.GAP, ["gap/day=2026-03-02/a.parquet"]) == {
        "gap/day=2026-03-02/a.parquet"
    }


def test_a_file_is_kept_for_its_time_after_it_left_the_table(tenant: Tenant) -> None:
    tables = DeltaTables(LocalFiles(), keep=timedelta(hours=1))
    old = tenant.segment(MONDAY, [0])
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [old]})
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [tenant.segment(MONDAY, [0, 1])]})
    commit = tenant.log(f"{1:020d}.json")
    lines = tenant.commit_lines(1)
    for line in lines:
        if "remove" in line:
            line["remove"]["deletionTimestamp"] -= 2 * 3_600_000
    assert tables.removable(tenant.folder, NUMERIC, [old.path]) == set()

    commit.write_text("\n".join(json.dumps(line) for line in lines))

    assert tables.removable(tenant.folder, NUMERIC, [old.path]) == {old.path}


def test_nothing_of_a_table_is_left_outside_its_folder(tenant: Tenant, tables: DeltaTables) -> None:
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [tenant.segment(MONDAY, [0])]})

    shutil.rmtree(tenant.folder)

    assert list(tenant.folder.parent.iterdir()) == []
