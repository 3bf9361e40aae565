from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_connectors.replay.clock import LONGEST_STEP, ReplayClock, fresh_start

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SPAN = timedelta(hours=12)
SPEEDS = st.floats(min_value=1, max_value=500)
STEPS = st.lists(st.floats(min_value=-5, max_value=4_000), min_size=1, max_size=60)


class Wall:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@given(SPEEDS, STEPS, st.floats(min_value=0.1, max_value=48))
def test_never_in_the_future_never_backwards_never_faster_than_told(
    speed: float, steps: list[float], span_hours: float
) -> None:
    wall = Wall()
    clock = ReplayClock(fresh_start(NOW, speed, timedelta(hours=span_hours)), speed, wall)
    seen = clock.advance()
    latest_wall = NOW
    for step in steps:
        wall.now += timedelta(seconds=step)
        latest_wall = max(latest_wall, wall.now)
        virtual = clock.advance()
        assert seen <= virtual <= latest_wall
        assert virtual == seen or virtual <= wall.now
        assert virtual - seen <= LONGEST_STEP * speed + timedelta(microseconds=1)
        seen = virtual


def test_meets_the_wall_clock_after_span_over_speed_and_stays_with_it() -> None:
    wall = Wall()
    start = fresh_start(NOW, 60, SPAN)
    assert start == NOW - timedelta(hours=11, minutes=48)
    clock = ReplayClock(start, 60, wall)
    for _ in range(12 * 60 - 1):
        wall.now += timedelta(seconds=1)
        assert clock.advance() < wall.now
    for _ in range(5):
        wall.now += timedelta(seconds=1)
        assert clock.advance() == wall.now


def test_after_a_long_sleep_it_catches_up_instead_of_leaping() -> None:
    wall = Wall()
    clock = ReplayClock(NOW, 60, wall)
    wall.now += timedelta(hours=1)
    assert clock.advance() == NOW + timedelta(seconds=60)
    for _ in range(61):
        wall.now += timedelta(seconds=1)
        clock.advance()
    assert clock.advance() == wall.now


def test_a_speed_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="speed"):
        ReplayClock(NOW, 0.5, Wall())


@given(SPEEDS, st.floats(min_value=0.1, max_value=48))
def test_a_fresh_start_is_a_whole_second_and_not_later_than_now(speed: float, hours: float) -> None:
    start = fresh_start(NOW + timedelta(microseconds=777_777), speed, timedelta(hours=hours))
    assert start.microsecond == 0
    assert start <= NOW + timedelta(microseconds=777_777)
