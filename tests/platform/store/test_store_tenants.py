"""What befalls one tenant's files, rows and name happens to no other, least of all to the first one made."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.samples import encode_batch
from tundish_platform.store.inbox import Inbox
from tundish_platform.store.lifecycle.tables import RetentionRecord
from tundish_platform.store.log.records import LogRecord
from tundish_platform.store.segments.manifest import RetiredSegment
from tundish_platform.store.tenants import Tenants
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from conftest import World

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.segments.catalog import SegmentCatalog
    from tundish_platform.store.tenant import TenantStore

FIRST, STEEL = 1, 2
NOW = datetime(2026, 3, 9, tzinfo=UTC)
RETIRED, PENDING, UNNAMED = (f"numeric/day=2026-03-01/{name}.parquet" for name in ("old", "late", "stray"))


@pytest.fixture
def three(world: World) -> World:
    """The first tenant can be asked, too."""
    who = Principal(1, "tester", {"first": (FIRST, frozenset({Role.ANALYST}))})
    world.scopes["first"] = access_tenant(who, "first", Permission.READ)
    return world


@pytest.fixture
def twins(three: World) -> World:
    """The first tenant and steel have a segment each, of the same path and the same content."""
    three.append([(1, 0, 1.0)])
    three.telemetry.seal()
    (segment,) = catalog(three).segments(STEEL)
    shutil.copytree(folder(three, "steel"), folder(three, "first"))
    catalog(three).add(FIRST, [segment], segment.max_sequence)
    return three


def catalog(world: World) -> SegmentCatalog:
    return world.telemetry._catalog


def folder(world: World, slug: str) -> Path:
    return world.root / "tenants" / slug


def damaged(world: World) -> dict[int, list[bool]]:
    """As the manifest says, by tenant."""
    return {tenant: [s.damaged for s in catalog(world).segments(tenant)] for tenant in (FIRST, STEEL)}


def values(world: World, slug: str) -> list[Any]:
    return [row["value"] for row in world.rows([1], tenant=slug)]


def test_damage_that_a_check_finds_is_noted_of_its_owner(twins: World) -> None:
    (file,) = folder(twins, "steel").rglob("*.parquet")
    content = file.read_bytes()
    file.write_bytes(bytes(len(content)))
    (problem,) = twins.telemetry.verify()
    assert "steel/" in problem
    assert damaged(twins) == {FIRST: [False], STEEL: [True]}
    assert not file.exists()
    assert (values(twins, "first"), values(twins, "steel")) == ([1.0], [])
    # Its like is still damaged when the one is brought back.
    catalog(twins).mark(FIRST, str(file.relative_to(folder(twins, "steel"))), damaged=True)
    (folder(twins, "first") / file.relative_to(folder(twins, "steel"))).unlink()
    file.write_bytes(content)
    twins.telemetry.verify()
    assert damaged(twins) == {FIRST: [True], STEEL: [False]}


def test_a_file_that_is_missing_is_noted_of_its_owner(twins: World) -> None:
    (file,) = folder(twins, "steel").rglob("*.parquet")
    file.unlink()
    twins.open()
    assert (values(twins, "first"), values(twins, "steel")) == ([1.0], [])
    assert damaged(twins) == {FIRST: [False], STEEL: [True]}


def test_a_check_leaves_the_files_that_their_owner_still_needs(three: World) -> None:
    with three.metadata.session() as session:
        session.add(RetiredSegment(tenant_id=STEEL, path=RETIRED, retired_at=NOW))
        session.add(
            RetentionRecord(
                tenant_id=STEEL, kind="numeric", day=date(2026, 3, 1), level="raw", rows=1, bytes=1,
                days=5, removed_at=NOW, pending=[PENDING], unfinished=True,
            )
        )  # fmt: skip
    for slug in ("first", "steel"):
        for name in (RETIRED, PENDING, UNNAMED):
            (folder(three, slug) / name).parent.mkdir(parents=True, exist_ok=True)
            (folder(three, slug) / name).write_bytes(b"x")
    three.telemetry.verify()
    left = {
        slug: [name for name in (RETIRED, PENDING, UNNAMED) if (folder(three, slug) / name).exists()]
        for slug in ("first", "steel")
    }
    # The first tenant needs no file of those names, so there they are put aside.
    assert left == {"first": [], "steel": [RETIRED, PENDING]}


def test_what_lies_in_the_first_level_is_told_of_its_owner_at_a_start(three: World) -> None:
    three.append([(1, 0, 1.0)], tenant="first")
    three.append([(1, 0, 2.0), (1, 1, 3.0)])
    # The log keeps both, and only steel's rows lie in the first level, behind the first tenant's.
    three.telemetry._spiller.spill([three.telemetry.tenant_store(three.scopes["steel"])])
    telemetry = three.open()
    assert (values(three, "first"), values(three, "steel")) == ([1.0], [2.0, 3.0])
    assert telemetry.state().buffered == 3, "no row is taken in twice"


def test_rows_of_a_tenant_that_is_let_go_during_an_append_come_into_its_own_folder(
    three: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry = three.telemetry
    append = telemetry._log.append

    def late(tenant: int, payloads: Sequence[bytes], taken: Callable[[Sequence[int]], None]) -> Sequence[int]:
        assert telemetry._tenants.close_idle(-1.0) == 1
        return append(tenant, payloads, taken)

    monkeypatch.setattr(telemetry._log, "append", late)
    assert three.append([(1, 0, 1.0)]) == 1
    telemetry.seal()
    assert [path.name for path in (three.root / "tenants").iterdir()] == ["steel"]
    assert values(three, "steel") == [1.0]


class LettingGo(Tenants):
    """Lets the tenant that is asked for go at once, the first time: as the background may at any moment."""

    times = 1

    def open(self, *whose: Any) -> TenantStore:  # noqa: ANN401 - whatever `open` takes
        store = super().open(*whose)
        if self.times:
            self.times -= 1
            assert self.close_idle(-1.0) == 1
        return store


def test_a_record_for_a_tenant_that_is_let_go_meanwhile_is_taken_in_as_its_own(
    three: World, make_batch: Callable[..., SampleBatch]
) -> None:
    tenants = LettingGo(catalog(three))
    record = LogRecord(7, STEEL, encode_batch(make_batch("numeric", [(1, 0, 1.0), (1, 1, 2.0)])))
    assert Inbox(catalog(three), tenants).take(record) == 2
    assert [(one.tenant_id, one.slug, one.unsealed_rows) for one in tenants()] == [(STEEL, "steel", 2)]
    tenants.close()
