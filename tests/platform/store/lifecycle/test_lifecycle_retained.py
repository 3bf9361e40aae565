"""Retention over manifest and folders of several tenants: each by its own policy, and of its own files."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from sqlalchemy import delete

from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind
from tundish_platform.store.lifecycle.policy import Policies, PolicyChange, PolicyDefaults, change_policy
from tundish_platform.store.lifecycle.retained import RetainedSegments
from tundish_platform.store.lifecycle.retention import Level, Retention, pending_files, removed
from tundish_platform.store.lifecycle.tables import RetentionRecord
from tundish_platform.store.log.fence import Share, partition_of
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.segments.catalog import SegmentCatalog
from tundish_platform.store.segments.manifest import RetiredSegment
from tundish_platform.store.segments.segment import SegmentFile
from tundish_platform.store.tenants import Tenants
from tundish_platform.tenancy import AccessDenied, Role
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Clock, Town

NOW = datetime(2026, 6, 30, 15, tzinfo=UTC)
DEFAULTS = PolicyDefaults(raw_days=10)
FIRST = 1


def ago(days: int) -> date:
    return (NOW - timedelta(days=days)).date()


class Plant:
    """Manifest, folders and retention of tenants whose segments hold text, so nothing needs rollups."""

    def __init__(self, town: Town, root: Path, clock: Clock, share: Share | None = None) -> None:
        self.town, self.root = town, root
        self.numbers = {"first": FIRST, **town.numbers}
        self.catalog = SegmentCatalog(LocalObjects(root), town.metadata, share)
        self.place = RetainedSegments(town.metadata, self.catalog, Tenants(self.catalog), lambda _: None)
        policies = Policies(town.metadata, DEFAULTS)
        self.retention = Retention(town.metadata, policies, self.place, lambda: NOW, clock)

    def file(self, slug: str, path: str) -> str:
        (self.root / slug / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / slug / path).write_bytes(b"x" * 10)
        return path

    def segment(self, slug: str, day: date) -> str:
        path = self.file(slug, f"text/day={day}/{slug}-{day}.parquet")
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        named = SegmentFile(SampleKind.TEXT, day, path, 1, 10, at, at, at, 1, 2, 0)
        self.catalog.add(self.numbers[slug], [named], day.toordinal())
        return path

    def retired(self, slug: str, day: date) -> str:
        path = self.file(slug, f"text/day={day}/{slug}-retired.parquet")
        with self.town.metadata.session() as session:
            session.add(RetiredSegment(tenant_id=self.numbers[slug], path=path, retired_at=NOW))
        return path

    def to_be_removed(self, slug: str, day: date) -> str:
        path = self.file(slug, f"text/day={day}/{slug}-left.parquet")
        with self.town.metadata.session() as session:
            session.add(
                RetentionRecord(
                    tenant_id=self.numbers[slug], kind="text", day=day, level="raw", rows=1, bytes=10,
                    days=10, removed_at=NOW, pending=[path], unfinished=True,
                )
            )  # fmt: skip
        return path

    def files(self) -> set[str]:
        """Of all tenants; the names begin with whose they are."""
        return {path.name for path in self.root.rglob("*.parquet")}


@pytest.fixture
def make_plant(town: Town, tmp_path: Path, clock: Clock) -> Callable[..., Plant]:
    return lambda share=None: Plant(town, tmp_path / "tenants", clock, share)


def change(town: Town, slug: str, wanted: PolicyChange) -> None:
    with town.metadata.session() as session:
        change_policy(session, town.operates(slug), wanted, DEFAULTS)


def test_a_tenants_days_are_those_of_its_own_segments(make_plant: Callable[..., Plant]) -> None:
    plant = make_plant()
    for age, slug in enumerate(("first", "steel", "power"), 50):
        plant.segment(slug, ago(age))
    for age, slug in enumerate(("first", "steel", "power"), 50):
        found = plant.place.days(plant.numbers[slug], Level.RAW, [SampleKind.TEXT], ago(0), 9)
        assert found == [(SampleKind.TEXT, ago(age))]


def test_with_a_day_go_the_files_that_its_own_tenant_keeps_beside(make_plant: Callable[..., Plant]) -> None:
    plant, day, kept = make_plant(), ago(50), {}
    for slug in plant.numbers:
        aside = plant.file(slug, f"quarantine/day={day}/text-{slug}.parquet")
        kept[slug] = {plant.segment(slug, day), plant.retired(slug, day), aside}
    with plant.town.metadata.session() as session:
        part = plant.place.drop(session, plant.numbers["power"], SampleKind.TEXT, day, Level.RAW)
    assert {path for path in part.paths if path.endswith(".parquet")} == kept["power"]
    assert plant.catalog.retired(plant.numbers["power"]) == []
    for slug in ("first", "steel"):
        assert plant.catalog.retired(plant.numbers[slug]) == [f"text/day={day}/{slug}-retired.parquet"]
        assert len(plant.catalog.segments(plant.numbers[slug])) == 1


def test_each_tenant_loses_what_its_own_policy_lets_go(town: Town, make_plant: Callable[..., Plant]) -> None:
    change(town, "first", PolicyChange(raw_days="unlimited"))
    change(town, "power", PolicyChange(raw_days=60))
    plant = make_plant()
    for slug in plant.numbers:
        plant.segment(slug, ago(70))
        plant.segment(slug, ago(50))
    assert plant.retention.due(plant.numbers["steel"], 9) == [
        (Level.RAW, SampleKind.TEXT, ago(70)),
        (Level.RAW, SampleKind.TEXT, ago(50)),
    ]
    assert plant.retention.due(plant.numbers["power"], 9) == [(Level.RAW, SampleKind.TEXT, ago(70))]
    assert plant.retention.turn() == 3
    stay = (("first", 70), ("first", 50), ("power", 50))
    assert plant.files() == {f"{slug}-{ago(age)}.parquet" for slug, age in stay}


def test_a_tenant_that_has_left_ends_nobody_elses_retention(
    town: Town, make_plant: Callable[..., Plant]
) -> None:
    plant = make_plant()
    for slug in ("steel", "power"):
        plant.segment(slug, ago(50))
    with town.metadata.session() as session:
        session.execute(delete(Tenant).where(Tenant.id == FIRST))
    assert plant.retention.turn() == 2
    assert plant.retention.problems == []
    assert plant.files() == set()


def test_to_finish_one_tenant_leaves_the_others_files(town: Town, make_plant: Callable[..., Plant]) -> None:
    plant = make_plant()
    left = {slug: plant.to_be_removed(slug, ago(50)) for slug in plant.numbers}
    assert plant.retention.finish(plant.numbers["steel"]) == 1
    assert plant.files() == {"first-left.parquet", "power-left.parquet"}
    with town.metadata.session() as session:
        assert pending_files(session) == {(plant.numbers[slug], left[slug]) for slug in ("first", "power")}


def test_a_process_removes_files_of_its_own_tenants_only(make_plant: Callable[..., Plant]) -> None:
    numbers, partitions = make_plant().numbers, 16
    assert len({partition_of(number, partitions) for number in numbers.values()}) == len(numbers)
    for slug in numbers:
        make_plant().to_be_removed(slug, ago(50))
    gone: set[str] = set()
    for slug in ("steel", "power"):
        plant = make_plant(Share(partition_of(numbers[slug], partitions), partitions, 1))
        has = {other for other, number in numbers.items() if plant.place.has(number)}
        assert has == {slug}
        assert plant.retention.finish() == 1
        gone.add(slug)
        assert plant.files() == {f"{other}-left.parquet" for other in numbers.keys() - gone}


def test_rows_that_came_late_are_told_with_the_days_of_their_own_tenant(
    town: Town, make_plant: Callable[..., Plant]
) -> None:
    change(town, "first", PolicyChange(raw_days=3))
    change(town, "power", PolicyChange(raw_days=20))
    plant = make_plant()
    schema = SCHEMAS["text"]
    columns = zip((1, NOW - timedelta(days=40), "late", 0), schema, strict=True)
    table = pa.table([pa.array([value], field.type) for value, field in columns], schema=schema)
    for slug, number in plant.numbers.items():
        assert plant.retention.take(number, SampleBatch(SampleKind.TEXT, table, NOW))[1] == 1, slug
    plant.retention.write_late()
    with town.metadata.session() as session:
        for slug, days in (("steel", 10), ("power", 20)):
            (found,) = removed(session, town.scope(slug), ago(100), NOW.date())
            assert (found.level, found.rows, found.days) == (Level.LATE, 1, days)


def test_only_who_may_read_learns_what_went(town: Town) -> None:
    with town.metadata.session() as session, pytest.raises(AccessDenied):
        removed(session, town.scope("steel", Role.COLLECTOR), ago(100), NOW.date())
