"""Retention, hold, Delta tables, takeout and removal where segments lie in an object store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import deltalake
import pyarrow.parquet as pq
import pytest

from tundish_platform.store.lifecycle.listing import manifest_listing
from tundish_platform.store.lifecycle.policy import (
    PolicyDefaults,
    operator_scope,
    place_hold,
    release_hold,
)
from tundish_platform.store.lifecycle.removal import begin_removal
from tundish_platform.store.lifecycle.snapshot import held_still
from tundish_platform.store.lifecycle.tables import TenantRemoval
from tundish_platform.store.lifecycle.takeout import write_takeout
from tundish_platform.store.lifecycle.targets import FolderTarget
from tundish_platform.store.objects_cache import ObjectCache
from tundish_platform.store.objects_s3 import S3Objects
from tundish_platform.tenancy import Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World

    from tundish_platform.store.testing.bucket import BucketServer

pytestmark = pytest.mark.integration

OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
DAYS = PolicyDefaults(raw_days=10, rollup_60_days=20, rollup_3600_days=30)
DAY = datetime(2026, 3, 1, tzinfo=UTC)
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


def far(bucket: BucketServer, folder: Path) -> S3Objects:
    """As another machine opens it: with a cache of its own."""
    access = replace(bucket.access, url=f"{bucket.access.url}/lifecycle")
    return S3Objects(access, ObjectCache(folder, 100_000_000))


def names(objects: S3Objects, tenant: str = "steel") -> set[str]:
    """Endings of the files with rows or rollups that a tenant has."""
    return {name.rpartition(".")[2] for name, _ in objects.listing(tenant) if "/day=" in name}


def hold(world: World, *, on: bool) -> None:
    with world.metadata.session() as session:
        scope = operator_scope(session, OPERATOR, "steel")
        if on:
            place_hold(session, scope, "case 7")
        else:
            release_hold(session, scope)


def test_a_life_in_an_object_store(
    tmp_path: Path, new_world: Callable[..., World], bucket: BucketServer
) -> None:
    world, objects = new_world(in_memory=False), far(bucket, tmp_path / "cache")

    def after(days: float) -> None:
        now = DAY + timedelta(days=days)
        world.open(objects=objects, publish=True, policy=DAYS, now=lambda: now)
        for _ in range(4):
            world.telemetry.housekeep()

    after(1)
    for part in range(2):
        for tenant in world.scopes:
            seconds = range(3600 * part, 3600 * part + 3600)
            world.append([(1, second, float(part)) for second in seconds], tenant=tenant)
        world.telemetry.seal()
    world.append([(1, 2, 7.0), (1, 9000, 9.0)])
    assert published(objects) == 7200

    hold(world, on=True)
    after(12)
    assert names(objects) == {"parquet", "rollup"}
    hold(world, on=False)
    after(12)
    # What the Delta table's readers may still need stays a day longer; nobody else sees it.
    assert world.rows([1]) == []
    assert published(objects) == 0
    assert world.telemetry.state().problems == ()

    taken = takeout(world, objects, tmp_path / "out")
    hours = pq.read_table(tmp_path / "out" / "rollup-3600s" / "numeric" / "2026-03.parquet")
    assert sum(hours["count"].to_pylist()) == 7201
    assert taken["rows"] == {"rollup-3600s/numeric": 3, "rollup-60s/numeric": 121}

    with world.metadata.session() as session:
        begin_removal(session, operator_scope(session, OPERATOR, "steel"), "left")
    world.telemetry.housekeep()
    with world.metadata.session() as session:
        receipt = session.get_one(TenantRemoval, 1).receipt
    assert receipt["files"] > 0
    assert receipt["traces"] == 0
    assert {name.split("/")[0] for name, _ in objects.listing()} == {"power"}


def published(objects: S3Objects) -> int:
    """Rows that a stranger's Delta reader sees."""
    place, options = f"{objects.table('steel')}/numeric", objects.table_options
    return int(deltalake.DeltaTable(place, storage_options=options).to_pyarrow_table().num_rows)


def takeout(world: World, objects: S3Objects, target: Path) -> dict[str, Any]:
    scope = world.scopes["steel"]
    folder = objects.reading("steel")[0]
    with held_still(folder, lambda: manifest_listing(world.metadata, scope, objects)) as snapshot:
        return write_takeout(FolderTarget(target), scope, snapshot, [])
