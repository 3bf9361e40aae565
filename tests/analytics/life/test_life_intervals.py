"""Intervals over units: they cover new units, and only because no unit helps to judge itself."""

from __future__ import annotations

import numpy as np
import pytest

from tundish_analytics.life.conformal import HeldOut, TooFewUnits, unit_folds
from tundish_analytics.life.scores import (
    alpha_lambda,
    coverage,
    nasa_score,
    percent_error,
    phm2012_score,
    rmse,
)


def units(count: int, rows: int, generator: np.random.Generator) -> np.ndarray:
    """Errors ``(count, rows)`` of which most is the unit's own, the same in all its rows."""
    return 10 * generator.normal(size=(count, 1)) + generator.normal(size=(count, rows))


def held_out(errors: np.ndarray) -> HeldOut:
    count, rows = errors.shape
    unit = np.repeat(np.arange(count), rows)
    return HeldOut(unit, unit % 5, errors.ravel())


def test_new_units_are_covered_as_often_as_promised() -> None:
    generator = np.random.default_rng(6)
    hits = []
    for _ in range(60):
        calibration = held_out(units(40, 12, generator))
        new = units(20, 1, generator)[:, 0]
        zero, one = np.zeros((20, 5)), np.ones((20, 5))
        hits.append(coverage(*calibration.interval(zero, one), new))
    assert 0.88 < np.mean(hits) < 0.94


def test_a_unit_counts_once_however_many_rows_it_has() -> None:
    errors = np.concatenate([np.zeros(19 * 2), np.full(1_000, 50.0)])
    unit = np.concatenate([np.repeat(np.arange(19), 2), np.full(1_000, 19)])
    calibration = HeldOut(unit, np.zeros(len(unit), np.int64), errors)
    low, high = calibration.interval(np.zeros((1, 1)), np.ones((1, 1)), level=0.8)
    assert (low[0], high[0]) == (0.0, 0.0)
    assert calibration.weights()[unit == 19].sum() == pytest.approx(1 / 21)


def test_an_interval_follows_the_predicted_spread_and_the_fold() -> None:
    calibration = held_out(units(40, 3, np.random.default_rng(7)))
    estimate = np.tile([[100.0], [100.0]], 5)
    low, high = calibration.interval(estimate, np.array([[1.0] * 5, [3.0] * 5]))
    assert (high - low)[1] == pytest.approx(3 * (high - low)[0])
    shifted = calibration.interval(estimate + 7, np.ones((2, 5)))
    assert shifted[0][0] == pytest.approx(low[0] + 7)


def uneven(count: int, seed: int) -> tuple[HeldOut, HeldOut, np.ndarray, np.ndarray]:
    """Units asked at estimates between 0 and 100: errors of 1 below 50, of 20 above; and new cases."""
    generator = np.random.default_rng(seed)
    unit = np.repeat(np.arange(count), 10)
    estimate = generator.uniform(0, 100, unit.size)
    score = np.where(estimate < 50, 1, 20) * generator.normal(size=unit.size)
    new = generator.uniform(0, 100, 400)
    truth = new + np.where(new < 50, 1, 20) * generator.normal(size=400)
    fold = np.zeros(unit.size, np.int64)
    return HeldOut(unit, fold, score), HeldOut(unit, fold, score, estimate, 10.0), new, truth


def test_like_estimates_give_intervals_that_hold_everywhere() -> None:
    plain, near, new, truth = uneven(80, 9)
    one = np.ones((400, 1))
    small = (new > 10) & (new < 40)
    low, high = plain.interval(new[:, None], one)
    assert coverage(low[small], high[small], truth[small]) == 1
    assert coverage(low[new > 60], high[new > 60], truth[new > 60]) < 0.87
    low, high = near.interval(new[:, None], one)
    assert 0.84 < coverage(low[small], high[small], truth[small]) < 0.97
    assert 0.84 < coverage(low[new > 60], high[new > 60], truth[new > 60]) < 0.97
    assert (high - low)[small].mean() < 5


def test_where_few_units_are_alike_all_count() -> None:
    plain, near, _, _ = uneven(80, 9)
    far, one = np.array([[300.0]]), np.ones((1, 1))
    assert near.interval(far, one) == plain.interval(far, one)


def test_too_few_units_give_no_interval() -> None:
    few = held_out(units(10, 50, np.random.default_rng(8)))
    with pytest.raises(TooFewUnits, match="19 units"):
        few.interval(np.zeros((1, 5)), np.ones((1, 5)))


def test_no_unit_lies_on_both_sides_and_each_is_held_out_once() -> None:
    unit = np.repeat(np.arange(23), 4)
    seen = []
    for train, held in unit_folds(unit, 5):
        assert not set(train) & set(held)
        seen += held.tolist()
    assert sorted(seen) == list(range(23))


def test_scores_are_those_of_the_contests() -> None:
    truth = np.array([100.0])
    assert nasa_score(truth + 20, truth) == pytest.approx(6.389, abs=1e-3)
    assert nasa_score(truth - 20, truth) == pytest.approx(3.657, abs=1e-3)
    assert percent_error(truth * 0.8, truth)[0] == pytest.approx(20)
    assert phm2012_score(np.array([80.0, 105.0, 100.0]), np.full(3, 100.0)) == pytest.approx([0.5, 0.5, 1.0])
    assert rmse(np.array([3.0, -4.0]), np.zeros(2)) == pytest.approx(np.sqrt(12.5))
    assert alpha_lambda(np.array([79.0, 81.0, 121.0, 119.0]), np.full(4, 100.0)) == pytest.approx(0.5)
