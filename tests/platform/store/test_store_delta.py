from __future__ import annotations

import json
import os
import shutil
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SCHEMAS, SampleKind
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

NUMERIC = SampleKind.NUMERIC
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
BAD = 0x8035_0000
VALUES = {
    SampleKind.NUMERIC: [0.5, None],
    SampleKind.INTEGER: [2**53 + 1, -1],
    SampleKind.TEXT: ["运行", ""],
    SampleKind.ARRAY: [[1.0, 2.5], []],
}


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def rows_of(kind: SampleKind, day: date, seconds: list[int]) -> pa.Table:
    """A row a second, of signals 1 and 2^32 - 1 in turn."""
    signals = [1 if second % 2 else 2**32 - 1 for second in seconds]
    starts = [midnight(day) + timedelta(seconds=second, microseconds=7) for second in seconds]
    columns: dict[str, Any] = {"signal": signals, "ts": starts}
    if kind is SampleKind.GAP:
        columns |= {"end": [ts + timedelta(seconds=1) for ts in starts], "reason": ["silent"] * len(seconds)}
    else:
        values = VALUES[kind]
        columns |= {"value": [values[s % 2] for s in seconds], "status": [BAD * (s % 2) for s in seconds]}
    known = [pa.array(columns[field.name], field.type) for field in SCHEMAS[kind]]
    arrival = pa.array([midnight(day)] * len(seconds), pa.timestamp("us", "UTC"))
    table = pa.table(
        [*known, arrival, pa.array([True] * len(seconds))], [*SCHEMAS[kind].names, "arrival", "live"]
    )
    return table.sort_by([("signal", "ascending"), ("ts", "ascending")])


class Tenant:
    """A tenant's folder with segments that nobody has published yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0
        folder.mkdir(parents=True)

    def segment(self, day: date, seconds: list[int], kind: SampleKind = NUMERIC) -> DataFile:
        self.made += 1
        path = f"{kind}/day={day}/{self.made:020d}.parquet"
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        table = rows_of(kind, day, seconds)
        pq.write_table(table, file, compression="zstd")
        ends = pc.min_max(table["ts"]).as_py()
        return DataFile(path, table.num_rows, file.stat().st_size, ends["min"], ends["max"])

    def table(self, version: int | None = None) -> DeltaTable:
        return DeltaTable(self.folder / NUMERIC, version=version)

    def seconds(self, version: int | None = None) -> list[tuple[date, int]]:
        """Day and second of each row in a version, repetitions included."""
        rows = self.table(version).to_pyarrow_table(columns=["ts", "day"])
        pairs = zip(rows["ts"].to_pylist(), rows["day"].to_pylist(), strict=True)
        return sorted((day, int((ts - midnight(day)).total_seconds())) for ts, day in pairs)

    def log(self, name: str = "") -> Path:
        return self.folder / NUMERIC / "_delta_log" / name


def commit_lines(tenant: Tenant, version: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in tenant.log(f"{version:020d}.json").read_text().splitlines()]


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    return Tenant(tmp_path / "steel")


@pytest.fixture
def tables() -> DeltaTables:
    return DeltaTables(LocalFiles())


@pytest.mark.parametrize("kind", SampleKind)
def test_readers_that_know_nothing_of_the_store_see_every_kind(
    tenant: Tenant, tables: DeltaTables, kind: SampleKind
) -> None:
    file = tenant.segment(MONDAY, [0, 1], kind)

    assert tables.publish(tenant.folder, kind, {MONDAY: [file]}) == Published(0, added=1)

    table = DeltaTable(tenant.folder / kind)
    wanted = rows_of(kind, MONDAY, [0, 1]).to_pylist()
    for rows in (table.to_pyarrow_table().to_pylist(), pa.table(table.scan().read_all()).to_pylist()):
        assert {row.pop("day") for row in rows} == {MONDAY}
        assert sorted(rows, key=lambda row: row["signal"]) == wanted
    assert table.to_pandas().shape == (2, len(wanted[0]) + 1)
    assert pq.read_table(tenant.folder / file.path, partitioning=None).to_pylist() == wanted
    # Who knows folders named after columns finds the day without the log too, as polars and DuckDB do.
    plain = pq.read_table(tenant.folder / kind / f"day={MONDAY}")
    assert plain.num_rows == 2
    assert all(field.metadata["comment"] for field in table.schema().fields)


def test_a_day_compacted_anew_replaces_its_files_and_leaves_the_others(
    tenant: Tenant, tables: DeltaTables
) -> None:
    first, second = tenant.segment(MONDAY, [0, 1]), tenant.segment(MONDAY, [2])
    other = tenant.segment(TUESDAY, [5])
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [first, second], TUESDAY: [other]})
    merged = tenant.segment(MONDAY, [0, 1, 2, 3])

    published = tables.publish(tenant.folder, NUMERIC, {MONDAY: [merged]})

    assert published == Published(1, added=1, removed=2)
    assert tenant.seconds(0) == [(MONDAY, 0), (MONDAY, 1), (MONDAY, 2), (TUESDAY, 5)]
    assert tenant.seconds() == [(MONDAY, 0), (MONDAY, 1), (MONDAY, 2), (MONDAY, 3), (TUESDAY, 5)]


def test_publishing_the_same_state_again_adds_nothing(tenant: Tenant, tables: DeltaTables) -> None:
    days = {MONDAY: [tenant.segment(MONDAY, [0])]}
    tables.publish(tenant.folder, NUMERIC, days)

    again = DeltaTables(LocalFiles()).publish(tenant.folder, NUMERIC, days, complete=True)

    assert again == Published(0)
    assert tenant.table().version() == 0
    assert tables.publish(tenant.folder, SampleKind.GAP, {}) == Published(-1)


def test_a_day_without_files_leaves_the_table(tenant: Tenant, tables: DeltaTables) -> None:
    days = {MONDAY: [tenant.segment(MONDAY, [0])], TUESDAY: [tenant.segment(TUESDAY, [1])]}
    tables.publish(tenant.folder, NUMERIC, days)

    tables.publish(tenant.folder, NUMERIC, {MONDAY: []})

    assert tenant.seconds() == [(TUESDAY, 1)]


def test_what_a_crash_before_the_commit_left_out_is_published_at_the_next_start(
    tenant: Tenant, tables: DeltaTables
) -> None:
    old, gone = tenant.segment(MONDAY, [0]), tenant.segment(TUESDAY, [9])
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [old], TUESDAY: [gone]})
    # The manifest went on: Monday was merged, Tuesday's retention ended, and nobody told the table.
    manifest = {MONDAY: [tenant.segment(MONDAY, [0, 1])]}

    DeltaTables(LocalFiles()).publish(tenant.folder, NUMERIC, manifest, complete=True)

    assert tenant.seconds() == [(MONDAY, 0), (MONDAY, 1)]


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([MONDAY, TUESDAY]),
            st.sets(st.integers(0, 20), min_size=1),
            st.booleans(),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_each_version_holds_each_sample_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[date, set[int], bool, bool]]
) -> None:
    tenant, tables = Tenant(tmp_path_factory.mktemp("any") / "steel"), DeltaTables(LocalFiles())
    truth: dict[date, set[int]] = {MONDAY: set(), TUESDAY: set()}
    days: dict[date, list[DataFile]] = {MONDAY: [], TUESDAY: []}
    wanted: dict[int, list[tuple[date, int]]] = {}
    for day, seconds, split, restart in steps:
        truth[day] |= seconds
        whole = sorted(truth[day])
        parts = [whole[::2], whole[1::2]] if split and len(whole) > 1 else [whole]
        days[day] = [tenant.segment(day, part) for part in parts]
        tables = DeltaTables(LocalFiles()) if restart else tables
        version = tables.publish(tenant.folder, NUMERIC, days, complete=restart).version
        wanted[version] = sorted((day, second) for day in truth for second in truth[day])
    assert {version: tenant.seconds(version) for version in wanted} == wanted


def test_a_reader_opens_only_the_files_of_its_window(tenant: Tenant, tables: DeltaTables) -> None:
    file = tenant.segment(MONDAY, [0])
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [file], TUESDAY: [tenant.segment(TUESDAY, [1])]})
    (tenant.folder / file.path).unlink()
    found = tenant.table().to_pyarrow_dataset()

    later = pc.field("ts") >= pa.scalar(midnight(TUESDAY), pa.timestamp("us", "UTC"))
    assert found.to_table(filter=later).num_rows == 1
    assert found.to_table(filter=pc.field("day") == TUESDAY).num_rows == 1
    with pytest.raises((FileNotFoundError, OSError)):
        found.to_table()


@pytest.mark.parametrize(
    "wanted",
    [("signal", "=", 1), ("value", "=", 0.5), ("status", "=", 0), ("live", "=", True), ("day", "=", MONDAY)],
)
def test_a_filter_on_any_column_finds_its_rows(
    tenant: Tenant, tables: DeltaTables, wanted: tuple[str, str, Any]
) -> None:
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [tenant.segment(MONDAY, [0, 1])]})
    tables.publish(tenant.folder, NUMERIC, {TUESDAY: [tenant.segment(TUESDAY, [2, 3])]})
    column, _, value = wanted
    rows = [row for row in tenant.table().to_pyarrow_table().to_pylist() if row[column] == value]

    found = tenant.table().to_pyarrow_dataset().to_table(filter=pc.field(column) == value)

    assert rows
    assert sorted(row["ts"] for row in found.to_pylist()) == sorted(row["ts"] for row in rows)


def test_rounded_statistics_hide_no_sample_at_the_end_of_a_file(tenant: Tenant, tables: DeltaTables) -> None:
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [tenant.segment(MONDAY, [3])]})
    exact = pa.scalar(midnight(MONDAY) + timedelta(seconds=3, microseconds=7), pa.timestamp("us", "UTC"))

    stats = next(json.loads(line["add"]["stats"]) for line in commit_lines(tenant, 0) if "add" in line)
    assert stats["minValues"] == {"ts": "2026-03-02T00:00:03.000Z"}
    assert stats["maxValues"] == {"ts": "2026-03-02T00:00:03.001Z"}
    for near in (pc.field("ts") >= exact, pc.field("ts") <= exact):
        assert tenant.table().to_pyarrow_dataset().to_table(filter=near).num_rows == 1


def test_a_table_moves_with_its_folder(tenant: Tenant, tables: DeltaTables, tmp_path: Path) -> None:
    tables.publish(tenant.folder, NUMERIC, {MONDAY: [tenant.segment(MONDAY, [0])]})

    tenant.folder.rename(tmp_path / "elsewhere")

    assert DeltaTable(tmp_path / "elsewhere" / NUMERIC).to_pyarrow_table().num_rows == 1


def test_a_file_in_the_wrong_place_is_refused(tenant: Tenant, tables: DeltaTables) -> None:
    file = tenant.segment(MONDAY, [0])

    with pytest.raises(ValueError, match="day=2026-03-03"):
        tables.publish(tenant.folder, NUMERIC, {TUESDAY: [file]})
    assert not tenant.log().exists()


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
    lines = commit_lines(tenant, 1)
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
