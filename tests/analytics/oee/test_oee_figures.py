"""OEE by hand, its identities for any states and counts, and what unknown time leaves open."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.oee import (
    ProductCount,
    Shift,
    ShiftCalendar,
    State,
    States,
    Time,
    classify,
    confidence_of,
    figures_of,
    losses,
    pareto,
    reliability,
    split_time,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

S = 1_000_000


def states_of(rows: Sequence[tuple[int, int, State, str]]) -> States:
    """Rows of start and end in seconds, state, reason."""
    columns = [np.array([row[n] for row in rows], np.int64) for n in range(3)]
    return States(columns[0] * S, columns[1] * S, columns[2], tuple(row[3] for row in rows))


def shift_of(start: int, end: int, *breaks: tuple[int, int]) -> Shift:
    return Shift("s", date(2026, 1, 1), start * S, end * S, tuple((a * S, b * S) for a, b in breaks))


def test_the_worked_example(two_shifts: ShiftCalendar) -> None:
    # A day of two shifts with an hour's break each; fault 3600 s, set-up 1800 s, 1200 s unknown.
    shifts = two_shifts.shifts(date(2026, 3, 2), date(2026, 3, 2))
    first = shifts[0].start // S
    states = states_of([
        (first, first + 3600, State.FAULT, "hydraulics"),
        (first + 3600, first + 5400, State.SETUP, ""),
        (first + 6600, first + 86400, State.PRODUCING, ""),
    ])  # fmt: skip
    time = split_time(states, shifts, shifts[0].start, shifts[1].end)
    assert (time.calendar, time.busy, time.production) == (86400 * S, 79200 * S, 72600 * S)
    counts = [ProductCount("coil", 60, 1150, 1127)]
    found = figures_of(time, counts)
    values = [r.value for r in (found.availability, found.performance, found.quality, found.oee, found.teep)]
    assert values == pytest.approx([0.93077, 0.95041, 0.98, 0.86692, 0.79366], abs=5e-6)
    assert (found.availability.low, found.availability.high) == pytest.approx((0.91667, 0.93182), abs=5e-6)
    assert found.oee.low == pytest.approx(1127 * 60 / 79200)
    assert found.setup_rate.value == pytest.approx(1800 / 74400)
    assert found.nee.value == pytest.approx(74400 / 78000 * 0.95041 * 0.98, abs=1e-5)
    assert time.worked_outside == 7200 * S
    grade = confidence_of(time, "machine", 1150, 1150)
    assert (grade.value, grade.grade) == (pytest.approx(1 - 1200 / 79200), "A")
    assert confidence_of(time, "manual").grade == "D"


def test_nothing_known_is_no_zero_and_no_hundred_percent() -> None:
    time = split_time(states_of([]), [shift_of(0, 100)], 0, 100 * S)
    found = figures_of(time, [])
    assert (found.availability.value, found.availability.reason) == (None, "NO_BUSY_TIME")
    assert (found.availability.low, found.availability.high) == (0, 1)
    assert found.quality.reason == "NO_PIECES"
    idle = split_time(states_of([(0, 200, State.IDLE, "no order")]), [shift_of(0, 200)], 0, 200 * S)
    stood = figures_of(idle, [])
    assert (stood.availability.value, stood.oee.value, stood.performance.value) == (0, 0, None)


def test_an_ideal_cycle_that_is_too_slow_is_shown_not_capped() -> None:
    time = split_time(states_of([(0, 100, State.PRODUCING, "")]), [shift_of(0, 100)], 0, 100 * S)
    found = figures_of(time, [ProductCount("a", 10, 12, 12)])
    assert found.performance.value == pytest.approx(1.2)
    assert found.warnings == ("IDEAL_CYCLE_TOO_SLOW",)
    assert losses(time, [ProductCount("a", 10, 12, 12)])["reduced_speed"] == pytest.approx(-20)


def test_short_stops_without_a_reason_stay_in_production_time() -> None:
    rows = [
        (0, 100, State.PRODUCING, ""),
        (100, 160, State.STARVED, ""),
        (160, 219, State.IDLE, ""),
        (219, 400, State.PRODUCING, ""),
        (400, 460, State.FAULT, "jam"),
        (460, 900, State.PRODUCING, ""),
        (900, 1020, State.BLOCKED, ""),
    ]
    time = split_time(states_of(rows), [shift_of(0, 1020)], 0, 1020 * S)
    assert (time[Time.MICRO_STOP], time[Time.DOWN], time[Time.DELAY]) == (119 * S, 60 * S, 120 * S)
    # The window's edge cuts the long stop; what is left of it is still no short one.
    cut = split_time(states_of(rows), [shift_of(0, 1020)], 0, 950 * S)
    assert cut[Time.DELAY] == 50 * S


def test_failures_repairs_and_the_one_still_open() -> None:
    rows = [
        (0, 1000, State.PRODUCING, ""),
        (1000, 1200, State.FAULT, "pump"),
        (1200, 1300, State.FAULT, "valve"),
        (1300, 2300, State.PRODUCING, ""),
        (2300, 2400, State.FAULT, "pump"),
        (2400, 3400, State.PRODUCING, ""),
        (3400, 3600, State.FAULT, ""),
    ]
    pieces = classify(states_of(rows), [shift_of(0, 3600)], 0, 3600 * S)
    found = reliability(states_of(rows), pieces)
    assert (found.failures, found.mtbf_s, found.mttr_s, found.open_repair_s) == (3, 1000, 200, 200)
    assert found.mtbf_high_s is not None
    assert found.mtbf_low_s < 1000 < found.mtbf_high_s
    rows_of = {row.reason: row for row in pareto(states_of(rows), pieces)}
    assert [(r.seconds, r.stops) for r in (rows_of["pump"], rows_of["valve"], rows_of[""])] == [
        (300, 2),
        (100, 1),
        (200, 1),
    ]


def test_no_failure_gives_a_lower_bound_only() -> None:
    states = states_of([(0, 3000, State.PRODUCING, "")])
    found = reliability(states, classify(states, [shift_of(0, 3000)], 0, 3000 * S))
    assert (found.mtbf_s, found.mtbf_high_s, found.mttr_s) == (None, None, None)
    assert found.mtbf_low_s == pytest.approx(3000 / -math.log(0.05))


def test_states_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="follow each other"):
        states_of([(0, 10, State.IDLE, ""), (5, 20, State.IDLE, "")])


@st.composite
def runs(draw: st.DrawFn, *, holes: bool = True) -> States:
    at, rows = draw(st.integers(0, 300)), []
    for _ in range(draw(st.integers(0 if holes else 1, 25))):
        length = draw(st.integers(1, 400))
        reason = draw(st.sampled_from(["", "", "tool", "wait"]))
        rows.append((at, at + length, State(draw(st.integers(0, 8 if holes else 7))), reason))
        at += length + (draw(st.sampled_from([0, 0, 0, 50])) if holes else 0)
    return states_of(rows)


@st.composite
def plans(draw: st.DrawFn) -> list[Shift]:
    at, found = draw(st.integers(0, 500)), []
    for _ in range(draw(st.integers(0, 4))):
        length = draw(st.integers(100, 1500))
        low = at + draw(st.integers(0, length - 10))
        found.append(shift_of(at, at + length, (low, draw(st.integers(low + 1, at + length)))))
        at += length + draw(st.sampled_from([0, 200]))
    return found


products = st.lists(
    st.builds(
        lambda ideal, total, good: ProductCount("p", ideal, total, good * total),
        st.floats(0.1, 100),
        st.floats(0, 1000),
        st.floats(0, 1),
    ),
    max_size=4,
)


@settings(max_examples=120, deadline=None)
@given(runs(), plans(), products, st.integers(1, 3999))
def test_identities_hold_for_any_states_plans_and_counts(
    states: States, shifts: list[Shift], counts: list[ProductCount], middle: int
) -> None:
    window = (0, 4000 * S)
    time = split_time(states, shifts, *window)
    assert time.calendar == window[1]
    assert sum(losses(time, counts).values()) == pytest.approx(4000)
    found = figures_of(time, counts)
    parts = [found.availability.value, found.performance.value, found.quality_weighted.value]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts):
        assert found.oee.value == pytest.approx(math.prod(known))
        assert found.teep.value is not None
    for ratio in (found.availability, found.oee, found.teep, found.nee, found.allocation_efficiency):
        if ratio.value is not None and ratio.low is not None and ratio.high is not None:
            assert ratio.low <= ratio.value + 1e-12
            assert ratio.value <= ratio.high + 1e-12
            if time[Time.UNKNOWN] == 0:
                assert ratio.low == pytest.approx(ratio.value)
    # Cut in two anywhere, the parts add up: a day's figures come from sums, never from means of ratios.
    halves = split_time(states, shifts, 0, middle * S) + split_time(states, shifts, middle * S, window[1])
    assert halves == time


@settings(max_examples=60, deadline=None)
@given(runs(), plans())
def test_the_pareto_holds_all_lost_time_that_has_a_state(states: States, shifts: list[Shift]) -> None:
    pieces = classify(states, shifts, 0, 4000 * S)
    rows, time = pareto(states, pieces), pieces.split()
    lost = sum(time[kind] for kind in (Time.DOWN, Time.DELAY, Time.SETUP, Time.MICRO_STOP)) / S
    assert sum(row.seconds for row in rows) == pytest.approx(lost)
    assert [row.seconds for row in rows] == sorted((row.seconds for row in rows), reverse=True)
    if rows:
        assert rows[-1].cumulative == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(runs(holes=False), plans(), st.floats(0, 1), st.data())
def test_the_truth_lies_within_the_bounds_that_missing_states_leave(
    states: States, shifts: list[Shift], share: float, data: st.DataObject
) -> None:
    window = int(states.start[0]), int(states.end[-1])
    time = split_time(states, shifts, *window, micro_stop_s=0)
    made = share * time.production / S
    hidden = data.draw(st.lists(st.booleans(), min_size=states.state.size, max_size=states.state.size))
    seen = States(states.start, states.end, np.where(hidden, State.UNKNOWN, states.state), states.reason)
    blurred = split_time(seen, shifts, *window, micro_stop_s=0)
    # The pieces of the known time are counted, of the unknown time none is.
    counted = [ProductCount("p", 1.0, share * blurred.production / S, share * blurred.production / S)]
    truth = figures_of(time, [ProductCount("p", 1.0, made, made)])
    found = figures_of(blurred, counted)
    for name in ("availability", "oee"):
        true, bounds = getattr(truth, name), getattr(found, name)
        if true.value is not None:
            assert bounds.low - 1e-9 <= true.value <= bounds.high + 1e-9
