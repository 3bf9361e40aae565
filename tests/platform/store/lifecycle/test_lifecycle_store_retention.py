"""Retention over the real store: rows go, rollups answer, and a crash at any operation changes no answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle import retained
from tundish_platform.store.lifecycle.listing import manifest_listing
from tundish_platform.store.lifecycle.policy import (
    PolicyChange,
    PolicyDefaults,
    change_policy,
    operator_scope,
    place_hold,
    release_hold,
)
from tundish_platform.store.lifecycle.retention import Level
from tundish_platform.store.lifecycle.snapshot import held_still
from tundish_platform.store.lifecycle.tables import RetentionRecord
from tundish_platform.store.lifecycle.takeout import write_takeout
from tundish_platform.store.lifecycle.targets import FolderTarget
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.testing.crashes import Crash, CrashingFiles
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import World
    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo

OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
DAYS = PolicyDefaults(raw_days=10, rollup_60_days=20, rollup_3600_days=30)
DAY = datetime(2026, 3, 1, tzinfo=UTC)
HOUR_US, MINUTE_US = 3_600_000_000, 60_000_000
DAY_US = int(DAY.timestamp()) * 1_000_000
EXACT = ("mean", "min", "max", "count", "completeness")


def windows(width_us: int) -> NDArray[np.int64]:
    starts = DAY_US + np.arange(2 * HOUR_US // width_us) * width_us
    return np.column_stack([starts, starts + width_us])


def answers(world: World, specs: list[SignalInfo], width_us: int = HOUR_US) -> dict[str, NDArray[Any]]:
    table = world.telemetry.aggregate(world.scopes["steel"], specs, windows(width_us))
    return {name: table[name].to_numpy() for name in EXACT}


def alike(found: dict[str, NDArray[Any]], wanted: dict[str, NDArray[Any]]) -> bool:
    return all(np.allclose(found[name], wanted[name], equal_nan=True) for name in EXACT)


def fill(world: World) -> None:
    """A day in three segments that lie across each other, a text and a gap; and as much of another tenant."""
    chance = np.random.default_rng(7)
    for part in range(3):
        for tenant in ("steel", "power"):
            seconds = np.arange(part, 7200, 3)
            values = chance.normal(size=len(seconds))
            world.append([(1, int(s), float(v)) for s, v in zip(seconds, values, strict=True)], tenant=tenant)
            # Sent again with another value: the later one counts, whichever segment it lies in.
            world.append([(1, 30, float(part)), (2, 600 * part, 1.0)], tenant=tenant)
        world.telemetry.seal()
    world.append([(3, 5, "text")], "text")
    world.append([(1, 8000, 8100, "source_offline")], "gap")
    world.telemetry.seal()


def after(world: World, days: float, **settings: Any) -> None:  # noqa: ANN401 - arguments of `Telemetry`
    """Open the store so long after the day began, and let it do what is due."""
    now = DAY + timedelta(days=days)
    world.open(**({"now": lambda: now, "policy": DAYS} | settings))
    for _ in range(4):
        world.telemetry.housekeep()


def parquet(world: World, tenant: str = "steel") -> list[str]:
    folder = world.root / "tenants" / tenant
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*.parquet"))


def records(world: World) -> dict[tuple[str, str], int]:
    with world.metadata.session() as session:
        mine = RetentionRecord.tenant_id == world.scopes["steel"].tenant_id
        rows = list(session.scalars(select(RetentionRecord).where(mine)))
        assert not any(row.unfinished for row in rows)
        return {(row.kind, row.level): row.rows for row in rows}


@pytest.fixture
def specs(make_spec: Callable[..., SignalInfo]) -> list[SignalInfo]:
    return [make_spec(1), make_spec(2, period_s=None)]


@pytest.fixture
def filled(new_world: Callable[..., World]) -> World:
    world = new_world()
    world.open()
    fill(world)
    return world


def test_rows_go_first_and_rollups_answer_as_they_did(filled: World, specs: list[SignalInfo]) -> None:
    world, scope = filled, filled.scopes["steel"]
    hours, minutes = answers(world, specs[:1]), answers(world, specs[:1], MINUTE_US)
    sparse = answers(world, specs[1:])
    assert hours["count"].tolist() == [3600, 3600]
    after(world, 11.1)
    assert parquet(world) == ["gap/day=2026-03-01/" + p.rpartition("/")[2] for p in parquet(world)]
    assert world.rows([1]) == world.rows([3], "text") == []
    assert len(world.rows([1], "gap")) == 1
    assert alike(answers(world, specs[:1]), hours)
    assert alike(answers(world, specs[:1], MINUTE_US), minutes)
    assert alike(answers(world, specs[1:]), sparse)
    for points in (50, 100_000):
        chart = world.telemetry.trend(scope, specs, DAY, DAY + timedelta(hours=2), points)
        assert set(chart["signal"].to_pylist()) == {1, 2}
    assert records(world)["numeric", "raw"] == 7200 + 2 + 3
    assert world.telemetry.verify() == []
    assert world.telemetry.state().problems == ()


def test_what_was_removed_is_told_and_not_called_missing(filled: World) -> None:
    after(filled, 11.1)
    (kinds,) = [
        {
            (r.kind, r.level)
            for r in filled.telemetry.removed(filled.scopes["steel"], DAY, DAY + timedelta(hours=1))
        }
    ]
    assert kinds == {(SampleKind.NUMERIC, Level.RAW), (SampleKind.TEXT, Level.RAW)}
    assert filled.telemetry.removed(filled.scopes["steel"], DAY - timedelta(hours=1), DAY) == []


def test_minutes_go_next_then_hours_and_gaps_a_year_later(filled: World, specs: list[SignalInfo]) -> None:
    hours = answers(filled, specs[:1])
    after(filled, 21.1)
    folder = filled.root / "tenants" / "steel" / "numeric" / "day=2026-03-01"
    (left,) = folder.iterdir()
    assert left.name.endswith("-h.rollup")
    assert alike(answers(filled, specs[:1]), hours)
    store = filled.telemetry.tenant_store(filled.scopes["steel"])
    files = store.segments()
    assert store.reader.pieces(MINUTE_US, files, None, DAY_US, DAY_US + 24 * HOUR_US).num_rows == 0
    after(filled, 31.1)
    assert list(folder.iterdir()) == []
    assert answers(filled, specs[:1])["count"].tolist() == [0, 0]
    assert {level for kind, level in records(filled) if kind == "numeric"} == {"raw", "60", "3600"}
    assert len(filled.rows([1], "gap")) == 1
    after(filled, 31.1 + 366)
    assert filled.rows([1], "gap") == []
    assert parquet(filled) == []


def test_a_lost_rollup_is_made_anew_for_its_own_tenant_before_the_rows_go(
    new_world: Callable[..., World], specs: list[SignalInfo]
) -> None:
    world = new_world()
    world.open()
    for tenant, first in (("steel", 0), ("power", 3600)):
        world.append([(1, second, 1.0) for second in range(first, 7200)], tenant=tenant)
    world.telemetry.seal()
    hours = answers(world, specs[:1])
    lost = list((world.root / "tenants" / "steel").rglob("*.rollup"))
    (other,) = (world.root / "tenants" / "power").rglob("*.rollup")
    content = other.read_bytes()
    lost[0].unlink()
    after(world, 11.1)
    assert [path.is_file() for path in lost] == [True]
    assert alike(answers(world, specs[:1]), hours)
    assert (parquet(world), parquet(world, "power")) == ([], [])
    assert other.read_bytes() == content
    assert sorted(path.name for path in (world.root / "tenants").iterdir()) == ["power", "steel"]


def test_a_large_day_is_rolled_up_signal_after_signal(
    filled: World, specs: list[SignalInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retained, "_ROWS_AT_ONCE", 1000)
    both = answers(filled, specs)
    after(filled, 11.1)
    assert alike(answers(filled, specs), both)


def test_rows_that_waited_in_memory_and_in_the_first_level_go_too(new_world: Callable[..., World]) -> None:
    world = new_world()
    world.open()
    world.append([(1, 4, 1.0)])
    world.telemetry.seal()
    world.append([(1, 5, 1.0)])
    world.telemetry.spill()
    world.append([(1, 6, 2.0)])
    after(world, 11.1)
    assert world.rows([1]) == []
    assert records(world) == {("numeric", "raw"): 3}
    world.open()
    assert world.rows([1]) == []


def test_late_rows_are_told_and_the_others_taken(new_world: Callable[..., World]) -> None:
    world = new_world()
    after(world, 11.1)
    taken = world.append([(1, 5, 1.0), (1, 86_400 * 11, 2.0)])
    assert (taken, taken.expired) == (1, 1)
    nothing = world.append([(1, 6, 1.0)])
    assert (nothing, nothing.expired) == (0, 1)
    assert world.values(1) == [2.0]
    world.telemetry.housekeep()
    assert records(world) == {("numeric", "late"): 2}


def test_one_tenant_keeps_what_another_loses(filled: World) -> None:
    with filled.metadata.session() as session:
        who = operator_scope(session, OPERATOR, "power")
        days = {"raw_days": "unlimited", "rollup_60_days": "unlimited", "rollup_3600_days": "unlimited"}
        change_policy(session, who, PolicyChange.model_validate(days), DAYS)
    after(filled, 31.1)
    assert len(filled.rows([1], tenant="power")) == 7200
    assert filled.rows([1]) == []


def test_a_legal_hold_stops_everything_until_it_is_released(filled: World) -> None:
    with filled.metadata.session() as session:
        place_hold(session, operator_scope(session, OPERATOR, "steel"), "case 7")
    after(filled, 500)
    assert len(filled.rows([1])) == 7200
    assert filled.append([(1, 7, 9.0)]).expired == 0
    with filled.metadata.session() as session:
        release_hold(session, operator_scope(session, OPERATOR, "steel"))
    after(filled, 500)
    assert filled.rows([1]) == []


def test_a_published_day_leaves_the_table_before_its_files_go(new_world: Callable[..., World]) -> None:
    delta = pytest.importorskip("deltalake")
    world = new_world()
    world.open(publish=True)
    world.append([(1, 5, 1.0), (1, 86_400 * 11, 2.0)])
    world.telemetry.seal()
    after(world, 11.1, publish=True)
    place = world.root / "tenants" / "steel" / "numeric"
    assert len(delta.DeltaTable(place).file_uris()) == 1
    with world.metadata.session() as session:
        # Its readers may still hold the version before; the file goes a day later.
        assert session.scalars(select(RetentionRecord)).one().unfinished
    assert world.telemetry.verify() == []
    assert len(parquet(world)) == 2


@pytest.mark.parametrize("days", [11.1, 31.1])
def test_a_crash_at_any_operation_changes_no_answer_and_leaves_nothing(
    new_world: Callable[..., World], make_spec: Callable[..., SignalInfo], days: float
) -> None:
    crashes, specs = 0, [make_spec(1, period_s=20.0)]
    for at in range(1, 100):
        world, files = new_world(), CrashingFiles()
        world.open()
        world.append([(1, s, float(s)) for s in range(0, 7200, 40)])
        world.telemetry.seal()
        world.append([(1, s, float(s)) for s in range(20, 7200, 40)])
        world.telemetry.seal()
        wanted = answers(world, specs[:1])
        files.left = at
        try:
            after(world, days, files=files)
        except Crash:
            crashes += 1
            # As it is found, before anything goes on.
            world.open()
            if world.telemetry.tenant_store(world.scopes["steel"]).segments():
                assert alike(answers(world, specs[:1]), wanted)
            after(world, days)
        else:
            break
        if days < 30:
            assert alike(answers(world, specs[:1]), wanted)
        assert records(world)["numeric", "raw"] == 360
        assert parquet(world) == []
        assert world.telemetry.verify() == []
        left = list((world.root / "tenants" / "steel" / "numeric" / "day=2026-03-01").iterdir())
        assert len(left) == (1 if days < 30 else 0), left
        world.metadata.close()
    assert crashes >= 6


def test_a_takeout_has_the_rollups_of_days_whose_rows_are_gone(filled: World, tmp_path: Path) -> None:
    def taken(name: str) -> dict[str, int]:
        objects = LocalObjects(filled.root / "tenants")
        scope = filled.scopes["steel"]
        folder = filled.root / "tenants" / "steel"
        with held_still(folder, lambda: manifest_listing(filled.metadata, scope, objects)) as snapshot:
            manifest = write_takeout(FolderTarget(tmp_path / name), scope, snapshot, [])
        assert manifest["damaged"] == damaged
        rows: dict[str, int] = manifest["rows"]
        return rows

    damaged: list[str] = []
    assert taken("before") == {"numeric": 7203, "text": 1, "gap": 1}
    after(filled, 11.1)
    assert taken("rows-gone") == {"rollup-60s/numeric": 120, "rollup-3600s/numeric": 3, "gap": 1}
    hours = pq.read_table(tmp_path / "rows-gone" / "rollup-3600s" / "numeric" / "2026-03.parquet")
    assert sum(hours["count"].to_pylist()) == 7203
    after(filled, 21.1)
    assert taken("minutes-gone") == {"rollup-3600s/numeric": 3, "gap": 1}
    (left,) = (filled.root / "tenants" / "steel").rglob("*.rollup")
    left.write_bytes(left.read_bytes()[:-1] + b"?")
    damaged = [str(left.relative_to(filled.root / "tenants" / "steel").with_suffix(".parquet"))]
    assert taken("damaged") == {"gap": 1}


def test_only_who_may_read_takes_anything_out(filled: World) -> None:
    tenants = {"steel": (filled.scopes["steel"].tenant_id, frozenset({Role.COLLECTOR}))}
    sender = access_tenant(Principal(3, "sender", tenants), "steel", Permission.INGEST)
    with pytest.raises(AccessDenied):
        manifest_listing(filled.metadata, sender, LocalObjects(filled.root / "tenants"))
