"""Figures of a line's shift from states and counts, with shifts of 11 and 13 hours where clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tundish_analytics.handover.control import judgeable, out_of_control
from tundish_analytics.handover.figures import (
    NO_COUNT,
    NO_IDEAL_CYCLE,
    NO_REJECTS,
    NO_STATE,
    Counted,
    count_pieces,
    count_steps,
    judge,
)
from tundish_analytics.oee import Shift, ShiftCalendar, ShiftRule, State, instant
from tundish_analytics.oee.hearing import Heard, Held, heard

if TYPE_CHECKING:
    from numpy.typing import NDArray

S = 1_000_000
HOUR = 3600 * S
NIGHTS = [(date(2026, 3, 28), 11), (date(2026, 10, 24), 13), (date(2026, 5, 1), 12)]
START = instant(datetime(2026, 3, 2, 8, tzinfo=UTC))
SHIFT = Shift("day", date(2026, 3, 2), START, START + 12 * HOUR, ())


def words(*said: tuple[float, str], period_s: float | None = None, known_h: float = 24.0) -> Held:
    """Words said so many hours after the shift's start."""
    at = np.array([START + round(hour * HOUR) for hour, _ in said], np.int64)
    return held(at, [word for _, word in said], START + round(known_h * HOUR), period_s)


def held(at: NDArray[np.int64], said: list[str], known_until: int, period_s: float | None) -> Held:
    return Held.of(at, said, np.ones(at.size, np.bool_), known_until, period_s)


def hear(state: Held, reason: Held | None, start: int, end: int) -> Heard:
    return heard(state, start, end, reason=reason)


def pieces(*hours: float) -> Counted:
    return Counted(np.array([START + round(hour * HOUR) for hour in hours], np.int64), np.ones(len(hours)))


def test_a_shift_with_a_stop_a_reason_and_rejects_adds_up() -> None:
    state = words((-1, "Execute"), (4, "Held"), (6, "Execute"))
    heard = hear(state, words((5, "换辊")), SHIFT.start, SHIFT.end)
    total, rejects = pieces(*np.linspace(0.1, 3.9, 39), *np.linspace(6.1, 11.9, 61)), pieces(1.0, 2.0)
    judged = judge(heard, SHIFT, SHIFT.end, total, rejects, 288.0)
    assert judged.seconds["down"] == 7200
    assert judged.seconds["producing"] == 36000
    assert judged.availability.value == pytest.approx(36000 / 43200)
    assert judged.performance.value == pytest.approx(288 * 100 / 36000)
    assert judged.quality.value == pytest.approx(0.98)
    assert judged.oee.value == pytest.approx(288 * 98 / 43200)
    assert sum(judged.losses.values()) == pytest.approx(43200)
    (stop,) = judged.stops
    assert (stop.state, stop.reason, stop.goes_on) == ("fault", "换辊", False)
    assert (stop.end - stop.start).total_seconds() == 7200


def test_what_is_not_known_has_no_value_and_says_why() -> None:
    heard = hear(words((0, "Execute")), None, SHIFT.start, SHIFT.end)
    assert judge(None, SHIFT, SHIFT.end, pieces(1), None, 60.0).oee.reason == NO_STATE
    assert judge(heard, SHIFT, SHIFT.end, None, None, 60.0).oee.reason == NO_COUNT
    assert judge(heard, SHIFT, SHIFT.end, pieces(1), None, None).oee.reason == NO_IDEAL_CYCLE
    without = judge(heard, SHIFT, SHIFT.end, pieces(1), None, 60.0)
    assert (without.oee.reason, without.quality.reason) == (NO_REJECTS, NO_REJECTS)
    assert without.performance.value == pytest.approx(60 / 43200)
    assert without.losses == {}


def test_a_state_that_fell_silent_is_unknown_and_widens_the_bounds() -> None:
    heard = hear(words((0, "Execute"), period_s=60.0), None, SHIFT.start, SHIFT.end)
    judged = judge(heard, SHIFT, SHIFT.end, pieces(), pieces(), 60.0)
    assert judged.seconds["unknown"] == 12 * 3600 - 150
    assert judged.availability.value == 1.0
    assert judged.availability.low == pytest.approx(150 / 43200)


def test_a_stop_that_goes_on_says_so_and_a_word_nobody_knows_is_told() -> None:
    heard = hear(words((0, "Execute"), (1, "Aborted"), known_h=2), None, SHIFT.start, START + 2 * HOUR)
    (stop,) = judge(heard, SHIFT, START + 2 * HOUR, None, None, None).stops
    assert stop.goes_on
    assert hear(words((0, "Dancing")), None, SHIFT.start, SHIFT.end).unread == ("Dancing",)


@pytest.mark.parametrize(("day", "hours"), NIGHTS)
def test_a_night_of_changing_clocks_is_as_long_as_it_lasts(day: date, hours: int) -> None:
    night = ShiftRule("night", time(20), time(8))
    (shift,) = ShiftCalendar("Europe/Berlin", ((night,),) * 7).shifts(day, day)
    said = held(np.array([shift.start - HOUR], np.int64), ["Execute"], shift.end, None)
    judged = judge(hear(said, None, shift.start, shift.end), shift, shift.end, None, None, None)
    assert judged.seconds["producing"] == hours * 3600
    assert sum(judged.seconds.values()) == hours * 3600


SAID = st.sampled_from(["Execute", "Held", "Idle", "Setup", "", "odd"])


@given(
    st.lists(
        st.tuples(st.integers(-7200, 60_000), SAID),
        max_size=40, unique_by=lambda one: one[0],
    ),
    st.sampled_from([None, 60.0, 900.0]),
    st.integers(1, 43_200),
)  # fmt: skip
def test_every_second_of_a_shift_belongs_to_one_class(
    said: list[tuple[int, str]], period_s: float | None, until: int
) -> None:
    said.sort()
    at = np.array([START + second * S for second, _ in said], np.int64)
    end = START + until * S
    heard = hear(held(at, [word for _, word in said], end, period_s), None, START, end)
    judged = judge(heard, SHIFT, end, pieces(), pieces(), 60.0)
    assert sum(judged.seconds.values()) == pytest.approx(until)
    stopped = sum((stop.end - stop.start).total_seconds() for stop in judged.stops)
    expected = judged.seconds["down"] + judged.seconds["delay"] + judged.seconds["setup"]
    assert stopped == pytest.approx(expected)
    lengths = [stop.end - stop.start for stop in judged.stops]
    assert lengths == sorted(lengths, reverse=True)
    states = heard.states
    assert np.all(states.state != State.UNKNOWN)


def test_counters_reset_jump_and_belong_to_the_shift_that_finished_the_piece() -> None:
    at = np.array([-60, 0, 60, 120, 180, 240], np.int64) * S + START
    values = np.array([98.0, 99.0, 100.0, 1.0, 2.0, 5000.0])
    counted = count_steps(at, values, START, SHIFT.end, 60.0)
    assert counted.within(START, SHIFT.end) == 3
    assert (counted.resets, counted.suspects) == (1, 1)
    named = count_pieces(at, ["a", "a", "b", "b", "c", "c"])
    assert named.within(START, SHIFT.end) == 2


def test_a_signal_is_out_of_control_only_beyond_its_habit() -> None:
    rng = np.random.default_rng(1)
    before = rng.normal(10, 1, 500)
    assert out_of_control(before, rng.normal(10, 1, 200), 20) is None
    found = out_of_control(before, rng.normal(14, 1, 200), 20)
    assert found is not None
    assert found.outside.size > 100
    skewed = rng.lognormal(0, 1, 2000)
    assert out_of_control(skewed, rng.lognormal(0, 1, 300), 20) is None, "its limits are crossed every day"
    assert not judgeable(np.full(40, 3.0), np.ones(5))
    assert not judgeable(before[:29], np.ones(5))
