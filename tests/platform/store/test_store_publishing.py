"""A tenant's Delta tables follow the manifest; any reader sees each sample once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import deltalake
import pytest

from tundish_platform.store.segments import publishing
from tundish_platform.store.segments.manifest import RetiredSegment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World

DAY = 86_400
NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def published(new_world: Callable[..., World]) -> World:
    world = new_world()
    world.open(publish=True)
    return world


def table(world: World, kind: str = "numeric") -> dict[tuple[int, float], Any]:
    """What a stranger reads, by signal and second; fails where a sample is there twice."""
    folder = world.root / "tenants" / "steel" / kind
    rows = deltalake.DeltaTable(folder).to_pyarrow_table().to_pylist()
    found = {(row["signal"], row["ts"].timestamp() % (100 * DAY)): row["value"] for row in rows}
    assert len(found) == len(rows)
    return found


def values(world: World, kind: str = "numeric") -> list[Any]:
    return [value for _, value in sorted(table(world, kind).items())]


def files(world: World) -> list[Path]:
    return sorted((world.root / "tenants" / "steel" / "numeric").glob("day=*/*.parquet"))


def test_sealed_samples_are_in_the_tenants_own_table(published: World) -> None:
    published.append([(1, 0, 1.0), (1, DAY, 2.0)])
    published.append([(1, 0, "a")], "text")
    published.append([(9, 0, 9.0)], tenant="power")
    published.telemetry.seal()
    assert values(published) == [1.0, 2.0]
    assert values(published, "text") == ["a"]
    published.append([(1, 1, 3.0)])
    assert values(published) == [1.0, 2.0]
    published.telemetry.seal()
    assert values(published) == [1.0, 3.0, 2.0]


def test_a_sample_written_again_is_never_seen_twice_and_holds_once_its_day_is_settled(
    published: World,
) -> None:
    published.append([(1, t, float(t)) for t in range(10)])
    published.telemetry.seal()
    published.append([(1, 5, 50.0), (1, 20, 20.0)])
    published.telemetry.seal()
    # The second segment repeats a sample, so readers of the table wait for the day to be settled.
    assert values(published) == [float(t) for t in range(10)]
    store = published.telemetry.tenant_store(published.scopes["steel"])
    published.telemetry._sealer.settle(store)
    assert values(published)[5] == 50.0
    assert values(published)[-1] == 20.0
    assert published.values(1) == values(published)


def test_files_that_merges_replaced_stay_for_readers_of_older_versions(
    published: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tundish_platform.store.write.merging.MERGE_FROM", 2)
    folder = published.root / "tenants" / "steel" / "numeric"
    for second in range(2):
        published.append([(1, second, float(second))])
        published.telemetry.seal()
    assert len(files(published)) == 3
    assert published.telemetry.state().segments == 1
    assert len(deltalake.DeltaTable(folder, version=0).to_pyarrow_table()) == 1
    published.telemetry.verify()
    assert len(files(published)) == 3
    store = published.telemetry.tenant_store(published.scopes["steel"])
    publisher = published.telemetry._sealer._publisher
    assert publisher.drop_retired(store, datetime.now(UTC)) == 0
    monkeypatch.setattr(publishing, "KEEP", timedelta(0))
    publisher._tables = None
    assert publisher.drop_retired(store, datetime.now(UTC)) == 2
    assert len(files(published)) == 1
    assert values(published) == [0.0, 1.0]


def test_who_drops_what_merges_replaced_forgets_it_of_that_tenant_alone(
    published: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tundish_platform.store.write.merging.MERGE_FROM", 2)
    monkeypatch.setattr(publishing, "KEEP", timedelta(0))
    for second in range(2):
        for tenant in ("steel", "power"):
            published.append([(1, second, float(second))], tenant=tenant)
        published.telemetry.seal()
    steel, power = (published.telemetry.tenant_store(published.scopes[slug]) for slug in ("steel", "power"))
    publisher, catalog = published.telemetry._sealer._publisher, published.telemetry._catalog
    kept = catalog.retired(power.tenant_id)
    paths = catalog.retired(steel.tenant_id)
    assert (len(paths), len(kept)) == (2, 2)
    with published.metadata.session() as session:
        # The first tenant's, and of the same names.
        session.add_all(RetiredSegment(tenant_id=1, path=path, retired_at=NOW) for path in paths)
    assert publisher.drop_retired(steel, datetime.now(UTC)) == 2
    assert catalog.retired(steel.tenant_id) == []
    assert (catalog.retired(power.tenant_id), catalog.retired(1)) == (kept, paths)
    assert publisher.drop_retired(power, datetime.now(UTC)) == 2
    assert catalog.retired(power.tenant_id) == []


def test_a_commit_that_failed_is_made_up_for(published: World, monkeypatch: pytest.MonkeyPatch) -> None:
    published.append([(1, 0, 1.0)])
    published.telemetry.seal()
    publisher = published.telemetry._sealer._publisher

    def fail(*_: object, **__: object) -> None:
        raise OSError("no table today")

    monkeypatch.setattr(publisher, "_commit", fail)
    published.append([(1, 1, 2.0)])
    published.append([(1, DAY, 3.0)])
    published.telemetry.seal()
    assert published.telemetry.state().buffered == 0
    assert values(published) == [1.0]
    monkeypatch.undo()
    published.append([(1, 2 * DAY, 4.0)])
    published.telemetry.seal()
    assert values(published) == [1.0, 2.0, 3.0, 4.0]


def test_what_a_crash_left_out_is_published_by_the_next_seal(published: World) -> None:
    published.append([(1, 0, 1.0)])
    published.open(publish=False).seal()
    published.open(publish=True)
    published.append([(1, DAY, 2.0)])
    published.telemetry.seal()
    assert values(published) == [1.0, 2.0]
