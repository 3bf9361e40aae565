"""What pages need of statistical process control beside the charts: points apart, and stability."""

from __future__ import annotations

import numpy as np
import pytest

from tundish_analytics.quality import defect_pareto
from tundish_analytics.spc import (
    SPREAD_CHANCE,
    Baseline,
    every,
    independent_step,
    individual_chart,
    lag1,
    stability,
)

SECOND = 1_000_000


def test_points_stay_the_same_while_a_window_moves() -> None:
    times = np.arange(1000, 1100, dtype=np.int64) * SECOND
    values = np.arange(100.0)
    whole, later = every(times, values, 10 * SECOND), every(times[13:], values[13:], 10 * SECOND)
    assert whole.points.tolist() == list(range(0, 100, 10))
    assert later.points[1:].tolist() == whole.points[2:].tolist()
    assert later.times[1:].tolist() == whole.times[2:].tolist()


def test_a_stretch_without_a_good_sample_is_a_missing_point() -> None:
    times = np.array([0, 1, 2, 3, 30, 31], np.int64) * SECOND
    values = np.array([np.nan, 1.0, 2.0, 3.0, np.nan, np.nan])
    found = every(times, values, 10 * SECOND)
    assert found.points[0] == 1.0
    assert np.isnan(found.points[1:]).all()
    assert found.times.tolist() == [0, 10 * SECOND, 20 * SECOND, 30 * SECOND]


def test_held_values_are_taken_once_and_a_walk_has_no_step() -> None:
    rng = np.random.default_rng(5)
    times = np.arange(600, dtype=np.int64) * SECOND
    held = np.repeat(rng.normal(size=120), 5)
    step = independent_step(times, held, SECOND)
    assert step == 5
    correlation, bound = lag1(every(times, held, step * SECOND).points)
    assert abs(correlation) <= bound
    assert independent_step(times, np.cumsum(rng.normal(size=600)), SECOND) is None


def test_a_few_points_outside_are_chance_and_many_are_not() -> None:
    quiet = np.random.default_rng(1).normal(size=400)
    chart = individual_chart(quiet, Baseline(0.0, 1.0))
    assert stability(chart).stable
    assert stability(chart).allowed == 4
    quiet[:5] = 9.0
    found = stability(individual_chart(quiet, Baseline(0.0, 1.0)))
    assert (found.points, found.outside >= 5, found.stable) == (400, True, False)


def test_one_point_far_out_is_never_chance() -> None:
    quiet = np.random.default_rng(1).normal(size=400)
    quiet[7] = 3.2
    assert stability(individual_chart(quiet, Baseline(0.0, 1.0))).stable
    quiet[7] = 20.0
    found = stability(individual_chart(quiet, Baseline(0.0, 1.0)))
    assert found.outside == found.allowed + 1
    assert stability(individual_chart(quiet, Baseline(0.0, 1.0)), SPREAD_CHANCE).stable


def test_no_point_vouches_for_nothing() -> None:
    assert not stability(individual_chart(np.full(3, np.nan), Baseline(0.0, 1.0))).stable


def test_a_pareto_adds_up_from_the_most_frequent_on() -> None:
    rows = defect_pareto(["b", "a", "b", "c", "a", "b"])
    assert [(row.name, row.count) for row in rows] == [("b", 3), ("a", 2), ("c", 1)]
    assert [row.cumulative for row in rows] == pytest.approx([1 / 2, 5 / 6, 1.0])
    assert sum(row.share for row in rows) == pytest.approx(1.0)
    assert defect_pareto([]) == []
