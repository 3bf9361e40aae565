"""What the writer does for a removal, it does for that tenant and for no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.files import LocalFiles
from tundish_platform.store.lifecycle import erased
from tundish_platform.store.lifecycle.erased import ErasedTenant, Leaving, StillWriting

if TYPE_CHECKING:
    from conftest import World

FIRST, STEEL, POWER = 1, 2, 3


@pytest.fixture
def closed() -> list[int]:
    return []


@pytest.fixture
def place(world: World, closed: list[int]) -> ErasedTenant:
    """Rows of two tenants in segments, in the first level and in the log."""
    for step in (world.telemetry.seal, world.telemetry.spill, lambda: None):
        for tenant in ("steel", "power"):
            world.append([(1, 0, 1.0)], tenant=tenant)
        step()
    parts = world.telemetry
    assert parts._spiller is not None
    return ErasedTenant(
        world.root, LocalFiles(), parts._log, parts._tenants, parts._sealer, parts._spiller, closed.append
    )


def test_what_is_left_of_a_tenant_is_told_of_that_one(place: ErasedTenant) -> None:
    for number, slug in ((STEEL, "steel"), (POWER, "power")):
        level, log, *files, folder = place.leftovers(number, slug)
        assert "first-level" in level
        assert "the log" in log
        assert files, "segments, each by its name"
        assert all(f"{slug}/" in name for name in files), files
        assert folder == f"{place.root / 'tenants' / slug} is there"
    assert place.leftovers(FIRST, "first") == []


def test_the_log_is_let_go_until_no_record_of_the_tenant_is_in_it(
    world: World, place: ErasedTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was let in before comes while the log is being cleared."""
    sealer = world.telemetry._sealer
    late, spill = [2.0, 3.0], sealer.spill_all

    def spill_all() -> None:
        spill()
        if late:
            world.append([(1, 0, late.pop())])

    monkeypatch.setattr(sealer, "spill_all", spill_all)
    place.clear_log(STEEL)
    assert late == []
    assert {record.tenant for record in world.telemetry._log.replay()} == set()


def test_who_is_closed_is_the_tenant_that_leaves(
    place: ErasedTenant, closed: list[int], world: World
) -> None:
    place.close_tenant(STEEL)
    assert closed == [STEEL]
    assert world.telemetry._tenants.find(STEEL) is None
    assert world.rows([1], tenant="power")


def test_a_tenant_that_leaves_waits_for_its_own_appends_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erased, "_UNDER_WAY_S", 0.0)
    leaving, limits = Leaving(world.metadata), world.telemetry.limits
    with limits.appending(STEEL, 1, 1):
        leaving.close(POWER, limits)
        assert POWER in leaving
        assert STEEL not in leaving
        with pytest.raises(StillWriting, match=f"tenant {STEEL} "):
            leaving.close(STEEL, limits)
    leaving.close(STEEL, limits)
    assert FIRST not in leaving
