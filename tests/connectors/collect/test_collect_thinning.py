"""What thinning may leave out, and what it must keep."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tundish_connectors.collect.thinning import Point, Thinner, Thinning, ThinRule

SECOND = 1_000_000
BAD = 0x80000000

values = st.floats(-100, 100).map(lambda value: round(value, 3))
points = st.lists(
    st.tuples(st.integers(1, 30), st.one_of(values, st.none()), st.sampled_from([0, 0, 0, 0, 0, BAD])),
    max_size=60,
)


def thin(
    rule: ThinRule, raw: list[tuple[int, float | None, int]]
) -> tuple[list[Point], list[Point], Thinner]:
    """All samples, the kept ones, and the thinner; the first number of each raw one is the time passed."""
    thinner = Thinner(rule)
    moment, every, kept = 0, [], []
    for step, value, status in raw:
        moment += step * SECOND
        every.append((moment, value, status))
        kept += thinner.take(moment, value, status)
    return every, kept + thinner.release(), thinner


def around(kept: list[Point], ts: int) -> tuple[Point, Point]:
    at = bisect_right(kept, ts, key=lambda point: point[0])
    return kept[at - 1], kept[at]


@settings(deadline=None)
@given(raw=points, deviation=st.sampled_from([0.0, 0.5, 5.0]))
def test_each_sample_left_out_lies_within_the_deviation_of_the_line(
    raw: list[tuple[int, float | None, int]], deviation: float
) -> None:
    every, kept, thinner = thin(ThinRule(paths="*", deviation=deviation, max_interval_s=40), raw)
    assert kept == sorted(kept)
    assert set(kept) <= set(every)
    assert len(kept) + thinner.left_out == len(every)
    for ts, value, status in set(every) - set(kept):
        before, after = around(kept, ts)
        line = before[1] + (after[1] - before[1]) * (ts - before[0]) / (after[0] - before[0])
        assert abs(value - line) <= deviation + 1e-9
        assert (status, before[2], after[2]) == (0, 0, 0)


@settings(deadline=None)
@given(raw=points, deadband=st.sampled_from([0.0, 0.5, 5.0]))
def test_each_sample_left_out_lies_within_the_deadband_of_the_kept_one(
    raw: list[tuple[int, float | None, int]], deadband: float
) -> None:
    every, kept, _ = thin(ThinRule(paths="*", deadband=deadband, max_interval_s=40), raw)
    for ts, value, _ in set(every) - set(kept):
        before, _ = around(kept, ts)
        assert abs(value - before[1]) <= deadband


@settings(deadline=None)
@given(raw=points, rule=st.sampled_from([{"deadband": 1.0}, {"deviation": 1.0}]))
def test_status_changes_nulls_the_last_sample_and_the_longest_interval_are_kept(
    raw: list[tuple[int, float | None, int]], rule: dict[str, float]
) -> None:
    every, kept, _ = thin(ThinRule(paths="*", max_interval_s=40, **rule), raw)
    assert kept[:1] == every[:1]
    assert kept[-1:] == every[-1:]
    for before, after in pairwise(every):
        if before[2] != after[2] or after[1] is None or before[1] is None:
            assert {before, after} <= set(kept)
    longest_step = max((step for step, _, _ in raw), default=0)
    for before, after in pairwise(kept):
        assert after[0] - before[0] <= max(40, longest_step) * SECOND


def test_the_point_before_an_excursion_is_kept() -> None:
    flat = [(1, 10.0, 0)] * 20
    for rule in ({"deadband": 0.5}, {"deviation": 0.5}):
        _, kept, thinner = thin(ThinRule(paths="*", **rule), [*flat, (1, 90.0, 0), (1, 90.0, 0)])
        assert (
            kept[:3] == [(1 * SECOND, 10.0, 0), (20 * SECOND, 10.0, 0), (21 * SECOND, 90.0, 0)][: len(kept)]
        )
        assert thinner.left_out >= 18


def test_a_ramp_becomes_two_points_by_the_swinging_door_only() -> None:
    ramp = [(1, float(at), 0) for at in range(30)]
    assert len(thin(ThinRule(paths="*", deviation=0.01), ramp)[1]) == 2
    assert len(thin(ThinRule(paths="*", deadband=0.5), ramp)[1]) == 30


def test_odd_numbers_and_late_samples_pass_as_they_are() -> None:
    thinner = Thinner(ThinRule(paths="*", deviation=1.0))
    assert thinner.take(10, math.nan, 0) == [(10, pytest.approx(math.nan, nan_ok=True), 0)]
    assert thinner.take(20, 1.0, 0) == [(20, 1.0, 0)]
    assert thinner.take(15, 7.0, 0) == [(15, 7.0, 0)]
    assert thinner.take(30, 1.0, 0) == []


def test_rules_hold_for_the_paths_they_name_and_count_what_they_leave_out() -> None:
    thinning = Thinning([ThinRule(paths="A/*", deadband=1.0)])
    assert thinning.follow("A/x", "A/x")
    assert not thinning.follow("B/x", "B/x")
    for at in range(10):
        assert thinning.take("B/x", (at, 1.0, 0)) == [(at, 1.0, 0)]
        thinning.take("A/x", (at, 1.0, 0))
    assert thinning.settle() == 8
    assert thinning.settle() == 0
    assert thinning.on_disk() == {"A/x": 0}
    assert thinning.release() == [("A/x", (9, 1.0, 0))]


@pytest.mark.parametrize("rule", [{"deadband": 1.0}, {"deviation": 1.0}])
def test_what_could_not_be_kept_is_taken_again_as_if_for_the_first_time(rule: dict[str, float]) -> None:
    thinning = Thinning([ThinRule(paths="*", **rule)])
    thinning.follow(1, "a")
    for at in range(5):
        thinning.take(1, (at, 1.0, 0))
    assert thinning.settle() == 3
    first = [thinning.take(1, (at, 9.0, 0)) for at in range(5, 9)]
    # The last one of the flat stretch goes with it, and would else be lost for good.
    assert first[0][0] == (4, 1.0, 0)
    thinning.go_back()
    assert thinning.on_disk() == {1: 0}
    assert [thinning.take(1, (at, 9.0, 0)) for at in range(5, 9)] == first


def test_both_samples_beside_a_gap_are_kept() -> None:
    thinning = Thinning([ThinRule(paths="*", deadband=1.0)])
    thinning.follow(1, "a")
    for at in range(5):
        thinning.take(1, (at, 1.0, 0))
    assert thinning.cut([1, 2]) == [(1, (4, 1.0, 0))]
    assert [thinning.take(1, (at, 1.0, 0)) for at in (20, 21, 22)] == [[(20, 1.0, 0)], [], []]


@pytest.mark.parametrize("wrong", [{}, {"deadband": 1.0, "deviation": 1.0}, {"deadband": -1.0}])
def test_a_rule_has_one_band(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        ThinRule(paths="*", **wrong)
