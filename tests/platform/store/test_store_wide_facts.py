"""The grid for models, and the facts for the programme."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.samples import Origin
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from conftest import World

    from tundish_platform.samples import SampleBatch, SignalInfo

BAD = 0x80000000
STEP = timedelta(seconds=10)


def column(table: object, name: str) -> list[float | None]:
    found: list[float | None] = table[name].to_pylist()  # type: ignore[index]
    return found


def test_each_instant_has_the_newest_good_value_before_it(
    world: World, at: Callable[[float], datetime], make_spec: Callable[..., SignalInfo]
) -> None:
    specs = [make_spec(1), make_spec(2, kind="integer"), make_spec(3)]
    world.append([(1, -3, 1.0), (1, 10, 2.0), (1, 19, 3.0), (1, 20, None, BAD), (1, 31, 9.0, BAD)])
    world.append([(2, 12, 2**55)], "integer")
    for _ in range(2):
        grid = world.telemetry.wide(world.scopes["steel"], specs, at(0), at(40), STEP)
        assert grid.column_names == ["ts", "s1", "s2", "s3"]
        assert grid["ts"].to_pylist() == [at(0), at(10), at(20), at(30)]
        assert column(grid, "s1") == [1.0, 2.0, 3.0, 3.0]
        assert column(grid, "s2") == [None, None, float(2**55), float(2**55)]
        assert column(grid, "s3") == [None] * 4
        world.telemetry.seal()


@pytest.mark.parametrize(("age", "expected"), [(0, [1.0, None, None]), (10, [1.0, 1.0, None])])
def test_a_value_older_than_allowed_is_unknown(
    world: World,
    at: Callable[[float], datetime],
    make_spec: Callable[..., SignalInfo],
    age: float,
    expected: list[float | None],
) -> None:
    world.append([(1, 0, 1.0)])
    grid = world.telemetry.wide(
        world.scopes["steel"], [make_spec(1)], at(0), at(30), STEP, max_age=timedelta(seconds=age)
    )
    assert column(grid, "s1") == expected


def test_ten_steps_are_the_age_allowed_unless_told(
    world: World, at: Callable[[float], datetime], make_spec: Callable[..., SignalInfo]
) -> None:
    world.append([(1, 0, 1.0)])
    grid = world.telemetry.wide(world.scopes["steel"], [make_spec(1)], at(90), at(130), STEP)
    assert column(grid, "s1") == [1.0, 1.0, None, None]


@pytest.mark.parametrize("step", [timedelta(0), timedelta(seconds=-1), timedelta(microseconds=1)])
def test_a_grid_that_nobody_can_hold_is_refused(
    world: World,
    at: Callable[[float], datetime],
    make_spec: Callable[..., SignalInfo],
    step: timedelta,
) -> None:
    with pytest.raises(ValueError, match="longer step"):
        world.telemetry.wide(world.scopes["steel"], [make_spec(1)], at(0), at(3600), step)


def facts(world: World, start: datetime, end: datetime) -> list[tuple[int, datetime, int, int]]:
    table = world.telemetry.facts(world.scopes["steel"], start, end)
    return [(row["signal"], row["minute"], row["good"], row["total"]) for row in table.to_pylist()]


def test_facts_go_by_arrival_and_count_live_samples_only(
    world: World, make_batch: Callable[..., SampleBatch], at: Callable[[float], datetime]
) -> None:
    def send(rows: list[tuple[object, ...]], second: float, kind: str = "numeric", **more: object) -> None:
        batch = make_batch(kind, rows, arrival=at(second), **more)
        world.telemetry.append(world.scopes["steel"], [batch])

    send([(1, 0, 1.0), (1, 1, 2.0, BAD)], 5)
    send([(1, 2, 3.0)], 59)
    send([(1, 3, 4.0, BAD)], 60)
    send([(2, -9_000_000, "x")], 61, "text")
    send([(1, 4, 5.0)], 120)
    send([(3, 5, 5.0)], 65, origin=Origin.IMPORT)
    send([(1, 6, 7, "silent")], 62, "gap")
    expected = [(1, at(0), 2, 3), (1, at(60), 0, 1), (2, at(60), 1, 1)]
    assert facts(world, at(0), at(120)) == expected
    assert facts(world, at(59), at(60)) == [(1, at(0), 1, 1)]
    world.telemetry.seal()
    assert facts(world, at(0), at(120)) == expected
    send([(1, 7, 8.0)], 30)
    assert facts(world, at(0), at(120)) == [(1, at(0), 3, 4), *expected[1:]]
    world.open()
    assert facts(world, at(0), at(120)) == [(1, at(0), 3, 4), *expected[1:]]


def test_facts_of_a_narrowed_scope_are_of_its_signals(
    world: World, make_batch: Callable[..., SampleBatch], at: Callable[[float], datetime]
) -> None:
    for _ in range(2):
        batch = make_batch("numeric", [(1, 0, 1.0), (2, 0, 1.0)], arrival=at(0))
        world.telemetry.append(world.scopes["steel"], [batch])
        narrowed = world.scopes["steel"].narrowed(frozenset({2}), frozenset({Permission.READ}))
        assert world.telemetry.facts(narrowed, at(0), at(60))["signal"].to_pylist() == [2]
        nothing = world.scopes["steel"].narrowed(frozenset(), frozenset({Permission.READ}))
        assert world.telemetry.facts(nothing, at(0), at(60)).num_rows == 0
        world.telemetry.seal()
