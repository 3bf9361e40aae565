"""When the background moves rows on: each tenant by the age of its own rows."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.write import sealer
from tundish_platform.tenancy import Permission, Principal, Role, access_tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

    from tundish_platform.store.tenant import TenantStore


class Minutes:
    """A store whose background looks around only when told, by a clock that stands still in between."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.now = 0.0
        monkeypatch.setattr(sealer, "time", SimpleNamespace(monotonic=lambda: 60 * self.now))
        who = Principal(1, "tester", {"first": (1, frozenset({Role.ANALYST}))})
        world.scopes["first"] = access_tenant(who, "first", Permission.READ)

    def open(self, own_rows: int) -> None:
        times = {"seal_after": timedelta(minutes=10), "compact_after": timedelta(minutes=60)}
        self.world.open(own_rows=own_rows, **times)
        # Both are open, whoever of them has rows.
        for slug in ("first", "steel"):
            assert self.world.rows([1], tenant=slug) == []

    def turn(self, minute: float) -> None:
        self.now = minute
        self.world.telemetry._sealer.turn()

    def append(self, minute: float, slug: str) -> None:
        """A row, and the turn at which it is seen."""
        self.world.append([(1, minute, 0.0)], tenant=slug)
        self.turn(minute)

    def stands(self, slug: str) -> tuple[int, int, int]:
        """Rows in memory, rows in the first level, segments."""
        store: TenantStore = self.world.telemetry.tenant_store(self.world.scopes[slug])
        return store.unsealed_rows, store.first_level_rows, len(store.segments())


@pytest.fixture
def minutes(new_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> Minutes:
    return Minutes(new_world(), monkeypatch)


def test_each_tenants_rows_become_segments_at_their_own_age(minutes: Minutes) -> None:
    minutes.open(own_rows=1)
    minutes.append(0, "first")
    minutes.append(6, "steel")
    minutes.turn(10)
    assert (minutes.stands("first"), minutes.stands("steel")) == ((0, 0, 1), (1, 0, 0))
    minutes.turn(16)
    assert minutes.stands("steel") == (0, 0, 1)
    # The age begins anew with the next row.
    minutes.append(17, "steel")
    minutes.turn(26)
    assert minutes.stands("steel") == (1, 0, 1)
    minutes.turn(27)
    assert minutes.stands("steel") == (0, 0, 2)


def test_each_tenants_rows_leave_memory_and_first_level_at_their_own_age(minutes: Minutes) -> None:
    minutes.open(own_rows=100)
    minutes.append(0, "first")
    minutes.append(6, "steel")
    minutes.turn(10)
    assert (minutes.stands("first"), minutes.stands("steel")) == ((0, 1, 0), (1, 0, 0))
    minutes.turn(11)
    minutes.turn(16)
    assert minutes.stands("steel") == (0, 1, 0)
    minutes.append(17, "steel")
    assert minutes.stands("steel") == (1, 1, 0)
    minutes.turn(27)
    assert minutes.stands("steel") == (0, 2, 0)
    minutes.turn(71)
    assert (minutes.stands("first"), minutes.stands("steel")) == ((0, 0, 1), (0, 2, 0))
    minutes.turn(77)
    assert minutes.stands("steel") == (0, 0, 1)
    # What comes into the first level later stays there as long again.
    minutes.world.append([(1, 78, 0.0)])
    minutes.world.telemetry.spill()
    minutes.turn(78)
    assert minutes.stands("steel") == (0, 1, 1)
    minutes.turn(137)
    assert minutes.stands("steel") == (0, 1, 1)
    minutes.turn(138)
    assert minutes.stands("steel") == (0, 0, 2)


def test_rows_that_were_sealed_on_demand_leave_no_age_behind(minutes: Minutes) -> None:
    minutes.open(own_rows=100)
    minutes.append(0, "steel")
    minutes.turn(10)
    minutes.turn(11)
    assert minutes.stands("steel") == (0, 1, 0)
    minutes.world.telemetry.seal()
    minutes.turn(12)
    minutes.append(69, "steel")
    minutes.turn(79)
    minutes.turn(80)
    # By the age of the rows before them, they would have to become a segment at once.
    assert minutes.stands("steel") == (0, 1, 1)
