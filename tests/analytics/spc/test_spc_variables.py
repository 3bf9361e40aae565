"""Charts of measured values against Montgomery's piston rings and viscosity batches, as qcc prints them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.spc import (
    from_deviations,
    from_ranges,
    individual_chart,
    mean_chart,
    moving_range_chart,
    xbar_r,
    xbar_s,
)

VISCOSITY = np.array(
    [34.05, 34.40, 33.59, 35.96, 34.70, 33.51, 33.79, 34.04, 34.52, 33.75, 33.27, 33.71, 34.03, 34.58,
     34.02, 33.97, 34.05, 34.04, 33.73, 34.05, 34.39, 33.75, 33.40, 33.27, 34.65, 34.80, 34.55, 35.40,
     34.75, 34.50, 34.70, 34.29, 34.61, 34.49, 35.03]
)  # fmt: skip


def test_mean_and_range_of_the_piston_rings(piston_rings: np.ndarray) -> None:
    means, ranges = xbar_r(piston_rings[:25])
    assert means.baseline.centre == pytest.approx(74.00118, abs=5e-6)
    # The print divides by a d2 of three decimals.
    assert means.baseline.sigma == pytest.approx(0.009785039, rel=5e-5)
    assert (means.lower[0], means.upper[0]) == pytest.approx((73.98805, 74.0143), abs=6e-6)
    assert ranges.centre[0] == pytest.approx(0.02276, rel=1e-5)
    assert (ranges.lower[0], ranges.upper[0]) == pytest.approx((0, 0.04812533), rel=2e-5)
    assert not means.outside().any()
    assert not ranges.outside().any()


def test_mean_and_deviation_of_the_piston_rings(piston_rings: np.ndarray) -> None:
    _, deviations = xbar_s(piston_rings[:25])
    assert deviations.baseline.sigma == pytest.approx(0.009829977, rel=1e-6)
    assert deviations.centre[0] == pytest.approx(0.009240037, rel=1e-6)
    assert deviations.upper[0] == pytest.approx(0.01930242, rel=1e-6)


def test_later_rings_are_judged_by_the_frozen_baseline(piston_rings: np.ndarray) -> None:
    means, _ = xbar_r(piston_rings[25:], from_ranges(piston_rings[:25]))
    # Montgomery: the last groups of the fifteen new ones leave the limits.
    assert (np.flatnonzero(means.outside()) + 26).tolist() == [37, 38, 39]


def test_viscosity_with_and_without_the_batch_that_has_a_cause() -> None:
    chart = individual_chart(VISCOSITY[:20])
    assert (chart.baseline.centre, chart.baseline.sigma) == pytest.approx((34.088, 0.5076521), rel=4e-4)
    assert (chart.lower[0], chart.upper[0]) == pytest.approx((32.56504, 35.61096), abs=6e-4)
    assert np.flatnonzero(chart.outside()).tolist() == [3]
    rest = individual_chart(np.delete(VISCOSITY[:20], 3))
    assert (rest.lower[0], rest.upper[0]) == pytest.approx((32.75425, 35.2247), abs=6e-4)


def test_a_missing_ring_narrows_no_limit(piston_rings: np.ndarray) -> None:
    rings = piston_rings[:25].copy()
    rings[3, 1:] = np.nan
    rings[7, 0] = np.nan
    means, ranges = xbar_r(rings)
    assert means.upper[3] - means.centre[3] == pytest.approx(np.sqrt(5) * (means.upper[0] - means.centre[0]))
    assert np.isnan(ranges.statistic[3])
    assert means.baseline.points == 24
    assert from_deviations(rings).sigma == pytest.approx(0.00983, rel=0.05)


def test_groups_of_one_have_no_spread_within() -> None:
    with pytest.raises(ValueError, match="no group has two values"):
        from_ranges(np.ones((5, 1)))


def test_the_moving_range_goes_on_from_the_point_before() -> None:
    chart = moving_range_chart(VISCOSITY[:20])
    later = moving_range_chart(VISCOSITY[20:], chart.baseline, previous=VISCOSITY[19])
    whole = moving_range_chart(VISCOSITY, chart.baseline)
    assert np.array_equal(whole.statistic[20:], later.statistic)
    assert chart.upper[0] == pytest.approx(3.267 * chart.centre[0], rel=2e-4)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shift=st.floats(-100, 100),
    scale=st.floats(0.01, 100),
    holes=st.floats(0, 0.3),
)
def test_shift_and_scale_change_no_verdict(seed: int, shift: float, scale: float, holes: float) -> None:
    generator = np.random.default_rng(seed)
    groups = generator.normal(size=(30, 5))
    groups[generator.random(groups.shape) < holes] = np.nan
    for make in (xbar_r, xbar_s):
        for plain, moved in zip(make(groups), make(shift + scale * groups), strict=True):
            assert plain.standardised() == pytest.approx(moved.standardised(), abs=1e-6, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(5)))
def test_the_order_within_a_group_does_not_matter(seed: int, order: list[int]) -> None:
    groups = np.random.default_rng(seed).normal(size=(12, 5))
    plain, shuffled = from_ranges(groups), from_ranges(groups[:, order])
    assert shuffled.sigma == pytest.approx(plain.sigma)
    again = mean_chart(groups, plain)
    assert again.statistic == pytest.approx(mean_chart(groups[:, order], plain).statistic)
