"""Charts against cases of the NIST/SEMATECH e-Handbook (public domain), sections 6.3.2 and 6.3.3."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tundish_analytics.spc import beyond, capability, count_limits, cusum, ewma, individuals, lag1

FLOW_RATE = np.array([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
EWMA_DATA = np.array(
    [52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6,
     52.4, 53.6, 52.1]
)  # fmt: skip
CUSUM_DATA = np.array(
    [324.925, 324.675, 324.725, 324.350, 325.350, 325.225, 324.125, 324.525, 325.225, 324.600, 324.625,
     325.150, 328.325, 327.250, 327.825, 328.500, 326.675, 327.775, 326.875, 328.350]
)  # fmt: skip
WAFER_DEFECTS = np.array(
    [16, 14, 28, 16, 12, 20, 10, 12, 10, 17, 19, 17, 14, 16, 15, 13, 14, 16, 11, 20, 11, 19, 16, 31, 13],
    float,
)  # fmt: skip


def test_individuals_chart_of_the_flow_rate() -> None:
    chart = individuals(FLOW_RATE)
    assert chart.centre == pytest.approx(50.81)
    assert chart.range_centre == pytest.approx(1.8778, abs=5e-5)
    assert (chart.lower, chart.upper) == pytest.approx((45.8187, 55.8041), abs=3e-3)
    assert beyond(chart.standardised()) == []


def test_ewma_stays_within_its_limits() -> None:
    statistic, half = ewma(EWMA_DATA, target=50.0, sigma=2.0539, weight=0.3)
    assert statistic[-2:] == pytest.approx([51.94, 51.99], abs=5e-3)
    # The handbook prints the limits of the long run, which the exact ones approach.
    assert half[-1] == pytest.approx(52.5884 - 50, abs=2e-3)
    assert np.all(np.abs(statistic - 50) < half)


def test_cusum_signals_at_sample_14() -> None:
    up, down = cusum(CUSUM_DATA, target=325.0, slack=0.3175)
    assert int(np.argmax(up > 4.1959)) + 1 == 14
    assert (up[13], up[-1]) == pytest.approx((4.94, 19.04), abs=6e-3)
    assert np.all(down < 4.1959)


def test_counts_of_wafer_defects_and_a_point_exactly_on_the_limit() -> None:
    centre, lower, upper = count_limits(WAFER_DEFECTS)
    assert (centre, lower, upper) == (16.0, 4.0, 28.0)
    z = (WAFER_DEFECTS - centre) / math.sqrt(centre)
    assert beyond(z) == [23]


def test_a_missing_point_gives_no_range_across_it() -> None:
    chart = individuals(np.array([1.0, 2.0, np.nan, 100.0, 101.0]))
    assert chart.range_centre == 1.0


def test_constant_values_judge_nothing() -> None:
    chart = individuals(np.full(30, 5.0))
    assert chart.sigma == 0
    assert beyond(chart.standardised()) == []


def test_autocorrelation_is_found_where_it_is_and_only_there() -> None:
    noise = np.random.default_rng(1).normal(size=2_000)
    walk = np.zeros(2_000)
    for i in range(1, 2_000):
        walk[i] = 0.8 * walk[i - 1] + noise[i]
    correlation, bound = lag1(walk)
    assert correlation == pytest.approx(0.8, abs=0.05)
    assert bound == pytest.approx(2 / math.sqrt(2_000))
    assert abs(lag1(noise)[0]) < 0.06


def test_capability_of_one_side_invents_no_other() -> None:
    found = capability(mean=10.0, sigma=1.0, count=200, lower=None, upper=13.0)
    assert found is not None
    assert (found.cpk, found.cp, found.preliminary) == (1.0, None, False)
    assert found.low < 1.0 < found.high
    assert capability(10.0, 1.0, 200, None, None) is None


def test_capability_of_the_piston_rings() -> None:
    # Montgomery's figures: mean 74.00118, sigma 0.009785, specification 73.95 to 74.05, 125 rings.
    found = capability(74.00118, 0.009785039, 125, 73.95, 74.05)
    assert found is not None
    assert (found.cp, found.cpk) == pytest.approx((1.70, 1.66), abs=5e-3)
    assert (found.low, found.high) == pytest.approx((1.45, 1.88), abs=1e-2)
