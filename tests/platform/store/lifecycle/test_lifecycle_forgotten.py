"""Single signals are removed for good: from memory, files and rollups, and no others with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tundish_platform.store.lifecycle.forgotten import AGAIN, ask_removal, removal_under_way
from tundish_platform.store.lifecycle.policy import (
    PolicyDefaults,
    operator_scope,
    place_hold,
    release_hold,
)
from tundish_platform.store.lifecycle.tables import SignalRemoval
from tundish_platform.store.query.rollup import HOUR_US
from tundish_platform.tenancy import Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def filled(new_world: Callable[..., World]) -> World:
    """Signals 1 and 2 of two tenants in a segment, in the first level, and in memory; a text and a gap."""
    world = new_world()
    world.settings["now"] = lambda: NOW
    world.open()
    for turn, move in enumerate((world.telemetry.seal, world.telemetry.spill, lambda: None)):
        for tenant in ("steel", "power"):
            rows = [(signal, 100 * turn + n, float(turn)) for signal in (1, 2) for n in range(5)]
            world.append(rows, tenant=tenant)
            world.append([(3, 100 * turn, "text")], "text", tenant)
            world.append([(1, 100 * turn, 100 * turn + 50, "source_offline")], "gap", tenant)
        move()
    return world


def ask(world: World, *signals: int) -> int:
    with world.metadata.session() as session:
        return ask_removal(session, world.scopes["steel"], signals, "app cancelled", NOW)


def record(world: World, number: int) -> SignalRemoval:
    with world.metadata.session() as session:
        return session.get_one(SignalRemoval, number)


def later(world: World, span: timedelta) -> None:
    world.open(now=lambda: NOW + span)
    world.telemetry.housekeep()


def in_files(world: World, tenant: str) -> set[int]:
    folder = world.root / "tenants" / tenant
    tables = [
        pq.read_table(path, columns=["signal"], partitioning=None) for path in folder.rglob("*.parquet")
    ]
    return {number for table in tables for number in table["signal"].to_pylist()}


def test_a_signal_goes_wherever_its_samples_lie_and_no_other_does(filled: World) -> None:
    number = ask(filled, 1, 3)
    filled.telemetry.housekeep()
    assert filled.rows([1]) == filled.rows([3], "text") == filled.rows([1], "gap") == []
    assert len(filled.rows([2])) == 15
    assert len(filled.rows([1], tenant="power")) == len(filled.rows([2], tenant="power")) == 15
    assert len(filled.rows([3], "text", "power")) == 3
    assert in_files(filled, "steel") == {2}
    latest = filled.telemetry.latest(filled.scopes["steel"], [1, 2])
    assert latest["signal"].to_pylist() == [2]
    assert record(filled, number).rows == 15 + 3 + 3
    filled.open()
    assert filled.rows([1]) == []
    assert filled.telemetry.verify() == []
    assert filled.telemetry.state().problems == ()


def test_what_a_run_that_was_under_way_writes_goes_at_the_second_pass(filled: World) -> None:
    number = ask(filled, 1)
    filled.telemetry.housekeep()
    filled.append([(1, 500, 9.0)])
    later(filled, AGAIN - timedelta(seconds=1))
    with filled.metadata.session() as session:
        assert removal_under_way(session, filled.scopes["steel"], [7, 1])
        assert not removal_under_way(session, filled.scopes["steel"], [2])
        assert not removal_under_way(session, filled.scopes["power"], [1])
    assert (len(filled.rows([1])), record(filled, number).done_at) == (1, None)
    later(filled, AGAIN)
    assert filled.rows([1]) == []
    assert record(filled, number).done_at == NOW + AGAIN
    # Done is done: whoever writes the signal anew keeps what is written.
    filled.append([(1, 600, 9.0)])
    later(filled, 2 * AGAIN)
    assert len(filled.rows([1])) == 1


def rolled_up(world: World, tenant: str) -> set[int]:
    store = world.telemetry.tenant_store(world.scopes[tenant])
    files = [file for file in store.segments() if file.kind == "numeric"]
    assert all(file.expired for file in files)
    return set(store.reader.pieces(HOUR_US, files, None, 0, 2**62)["signal"].to_pylist())


@pytest.mark.parametrize("days", [12, 30])
def test_of_days_whose_rows_went_before_the_rollups_go(filled: World, days: int) -> None:
    old = PolicyDefaults(raw_days=10, rollup_60_days=20)
    filled.open(now=lambda: NOW + timedelta(days=days), policy=old)
    for _ in range(4):
        filled.telemetry.housekeep()
    assert rolled_up(filled, "steel") == rolled_up(filled, "power") == {1, 2}
    for signal, left in ((1, {2}), (2, set())):
        ask(filled, signal)
        filled.telemetry.housekeep()
        assert rolled_up(filled, "steel") == left
    assert rolled_up(filled, "power") == {1, 2}
    assert (filled.telemetry.verify(), filled.telemetry.state().problems) == ([], ())


def test_a_legal_hold_keeps_them_until_it_is_released(filled: World) -> None:
    number = ask(filled, 1)
    with filled.metadata.session() as session:
        place_hold(session, operator_scope(session, OPERATOR, "steel"), "case 7")
    later(filled, 2 * AGAIN)
    assert (len(filled.rows([1])), record(filled, number).passes) == (15, 0)
    with filled.metadata.session() as session:
        release_hold(session, operator_scope(session, OPERATOR, "steel"))
    later(filled, 2 * AGAIN)
    assert filled.rows([1]) == []
