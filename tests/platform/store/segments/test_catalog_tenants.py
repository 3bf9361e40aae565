"""The manifest says of each tenant only what is its own, although two name files by the same path."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from tundish_platform.migrations.tables import target
from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle.tables import RetentionRecord
from tundish_platform.store.log.fence import Share, partition_of
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.segments.catalog import SegmentCatalog
from tundish_platform.store.segments.manifest import RetiredSegment
from tundish_platform.store.segments.reader import Readers
from tundish_platform.store.segments.segment import SegmentFile
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SLUGS = ("first", "steel", "power")
FIRST, STEEL, POWER = 1, 2, 3
OLD, NEW = "numeric/day=2026-03-01/old.parquet", "numeric/day=2026-03-01/new.parquet"

# What a seal that was cut off leaves.
HALF = "numeric/day=2026-03-01/half.tmp"


def segment(path: str, rows: int = 5) -> SegmentFile:
    return SegmentFile(SampleKind.NUMERIC, date(2026, 3, 1), path, rows, 9, NOW, NOW, NOW, 1, 2, 0)


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    made = Metadata("sqlite://")
    target.create_all(made.engine)
    with made.session() as session:
        for slug in SLUGS:
            create_tenant(session, slug, slug, slug)
    yield made
    made.close()


@pytest.fixture
def catalog(metadata: Metadata, tmp_path: Path) -> SegmentCatalog:
    """Two tenants with a file of the same path each."""
    made = SegmentCatalog(LocalObjects(tmp_path / "tenants"), metadata)
    made.add(STEEL, [segment(OLD, 5)], 7)
    made.add(POWER, [segment(OLD, 6)], 9)
    return made


def named(catalog: SegmentCatalog, tenant: int) -> list[tuple[str, int, bool]]:
    return [(one.path, one.rows, one.damaged) for one in catalog.segments(tenant)]


def test_each_tenant_has_its_own_segments_and_its_own_end(catalog: SegmentCatalog) -> None:
    assert (catalog.slug(STEEL), catalog.slug(POWER), catalog.slug(99)) == ("steel", "power", None)
    assert catalog.slugs() == dict(enumerate(SLUGS, 1))
    assert catalog.sealed() == {STEEL: 7, POWER: 9}
    for tenant, rows, end in ((STEEL, 5, 7), (POWER, 6, 9)):
        found, sealed = catalog.segments_and_sealed(tenant)
        assert ([one.rows for one in found], sealed) == ([rows], end)
    assert catalog.segments_and_sealed(FIRST) == ([], 0)
    catalog.add(STEEL, [segment(OLD, 5)], 7)
    assert named(catalog, STEEL) == [(OLD, 5, False)], "a second call changes nothing"
    # What another has sealed further does not make a second seal an old one.
    catalog.add(STEEL, [segment(NEW, 1)], 8)
    assert named(catalog, STEEL) == [(OLD, 5, False), (NEW, 1, False)]
    assert named(catalog, POWER) == [(OLD, 6, False)]


def test_a_process_has_the_tenants_of_its_share_and_no_others(metadata: Metadata, tmp_path: Path) -> None:
    objects, partitions = LocalObjects(tmp_path / "tenants"), 16
    for mine, other in ((STEEL, POWER), (POWER, STEEL)):
        share = Share(partition_of(mine, partitions), partitions, 1)
        catalog = SegmentCatalog(objects, metadata, share)
        assert (catalog.has(mine), catalog.has(other), catalog.has(FIRST)) == (True, False, False)
        assert catalog.slugs() == {mine: SLUGS[mine - 1]}
    assert all(SegmentCatalog(objects, metadata).has(tenant) for tenant in (FIRST, STEEL, POWER))


def test_a_merge_and_its_retired_files_touch_nobody_else(catalog: SegmentCatalog) -> None:
    for tenant in (POWER, STEEL):
        catalog.replace(tenant, [segment(OLD)], [segment(NEW, 5)], NOW)
        catalog.replace(tenant, [segment(OLD)], [segment(NEW, 5)], NOW)
    assert (named(catalog, STEEL), named(catalog, POWER)) == ([(NEW, 5, False)], [(NEW, 5, False)])
    assert (catalog.retired(STEEL), catalog.retired(POWER), catalog.retired(FIRST)) == ([OLD], [OLD], [])
    catalog.forget_retired(STEEL, [OLD])
    assert (catalog.retired(STEEL), catalog.retired(POWER)) == ([], [OLD])


def test_retired_files_are_noted_as_their_owners(catalog: SegmentCatalog, metadata: Metadata) -> None:
    catalog.replace(STEEL, [segment(OLD)], [segment(NEW)], NOW)
    with metadata.session() as session:
        assert [row.tenant_id for row in session.scalars(select(RetiredSegment))] == [STEEL]
    assert named(catalog, POWER) == [(OLD, 6, False)]


def test_damage_is_told_of_its_owner_alone(catalog: SegmentCatalog) -> None:
    catalog.mark(STEEL, OLD, damaged=True)
    assert (named(catalog, STEEL), named(catalog, POWER)) == ([(OLD, 5, True)], [(OLD, 6, False)])


def test_what_retention_has_to_remove_is_its_owners(catalog: SegmentCatalog, metadata: Metadata) -> None:
    with metadata.session() as session:
        for tenant, path in ((STEEL, "numeric/a"), (POWER, "numeric/b")):
            session.add(
                RetentionRecord(
                    tenant_id=tenant, kind="numeric", day=date(2026, 1, 1), level="raw", rows=1, bytes=1,
                    days=5, removed_at=NOW, pending=[path], unfinished=True,
                )
            )  # fmt: skip
    assert (catalog.pending(STEEL), catalog.pending(POWER)) == (["numeric/a"], ["numeric/b"])
    assert catalog.pending(FIRST) == []


def test_files_are_put_aside_and_quarantined_in_the_folder_of_their_owner(
    catalog: SegmentCatalog, tmp_path: Path
) -> None:
    places = {slug: tmp_path / "tenants" / slug for slug in SLUGS}
    for folder in places.values():
        for name in (OLD, NEW, HALF, "numeric/_delta_log/0.json"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"x")
    catalog.put_aside_unnamed("steel", [OLD])
    catalog.quarantine("power", NEW)
    assert [(folder / HALF).exists() for folder in places.values()] == [True, False, True]
    left = {slug: [(folder / name).exists() for name in (OLD, NEW)] for slug, folder in places.items()}
    assert left == {"first": [True, True], "steel": [True, False], "power": [True, False]}
    assert (places["steel"] / "orphans/day=2026-03-01/numeric-new.parquet").exists()
    assert (places["power"] / "quarantine/day=2026-03-01/numeric-new.parquet").exists()
    assert all((folder / "numeric/_delta_log/0.json").exists() for folder in places.values())


def test_a_folder_is_the_tenants_own_and_no_name_leads_out_of_it(
    catalog: SegmentCatalog, tmp_path: Path
) -> None:
    readers = Readers()
    for slug in ("steel", "power"):
        assert catalog.reader(readers, slug).folder == tmp_path / "tenants" / slug
    for wrong in ("..", "../first", "a/../steel", "", ".", "Steel", "-x"):
        with pytest.raises(ValueError, match="cannot name a tenant's folder"):
            catalog.reader(readers, wrong)
    readers.close()
