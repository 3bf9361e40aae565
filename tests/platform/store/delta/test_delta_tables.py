from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_platform.samples import SampleKind
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.segments.delta import (
    DataFile,
    DeltaTables,
    Published,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Tenant


NUMERIC = SampleKind.NUMERIC
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@pytest.mark.parametrize("kind", SampleKind)
def test_readers_that_know_nothing_of_the_store_see_every_kind(
    tenant: Tenant, tables: DeltaTables, make_rows: Callable[..., pa.Table], kind: SampleKind
) -> None:
    file = tenant.segment(MONDAY, [0, 1], kind)

    assert tables.publish(tenant.folder, kind, {MONDAY: [file]}) == Published(0, added=1)

    table = DeltaTable(tenant.folder / kind)
    wanted = make_rows(kind, MONDAY, [0, 1]).to_pylist()
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
    tmp_path_factory: pytest.TempPathFactory,
    new_tenant: type[Tenant],
    steps: list[tuple[date, set[int], bool, bool]],
) -> None:
    tenant, tables = new_tenant(tmp_path_factory.mktemp("any") / "steel"), DeltaTables(LocalFiles())
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

    stats = next(json.loads(line["add"]["stats"]) for line in tenant.commit_lines(0) if "add" in line)
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
