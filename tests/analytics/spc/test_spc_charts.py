"""Charts against cases of the NIST/SEMATECH e-Handbook (public domain), sections 6.3.2 and 6.3.3."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tundish_analytics.spc import DEFAULT_RULES, capability, individuals, lag1

FLOW_RATE = np.array([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])


def test_individuals_chart_of_the_flow_rate() -> None:
    chart = individuals(FLOW_RATE)
    assert chart.centre == pytest.approx(50.81)
    assert chart.range_centre == pytest.approx(1.8778, abs=5e-5)
    assert (chart.lower, chart.upper) == pytest.approx((45.8187, 55.8041), abs=3e-3)
    assert DEFAULT_RULES[0].find(chart.standardised()) == []


def test_a_missing_point_gives_no_range_across_it() -> None:
    chart = individuals(np.array([1.0, 2.0, np.nan, 100.0, 101.0]))
    assert chart.range_centre == 1.0


def test_constant_values_judge_nothing() -> None:
    chart = individuals(np.full(30, 5.0))
    assert chart.sigma == 0
    assert DEFAULT_RULES[0].find(chart.standardised()) == []


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
