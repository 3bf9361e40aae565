"""Part average testing: limits by hand, tightened but never widened."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.spc import NoLimits, Specification, dynamic_limits, static_limits


def test_dynamic_limits_by_hand() -> None:
    # Quartiles of 1 … 41 are 11 and 31, the median 21: sigma 20 / 1.35.
    lot = np.arange(1.0, 42.0)
    found = dynamic_limits(lot)
    assert (found.centre, found.sigma) == pytest.approx((21, 20 / 1.35))
    assert (found.lower, found.upper) == pytest.approx((21 - 120 / 1.35, 21 + 120 / 1.35))
    assert not found.outliers(lot).any()


def test_an_outlier_within_specification_is_found_and_moves_no_limit() -> None:
    lot = np.random.default_rng(1).normal(1.7, 0.02, 500)
    limits = Specification(1.2, 2.2)
    plain = dynamic_limits(lot, limits)
    lot[:4] = [2.0, 1.4, np.nan, 1.95]
    found = dynamic_limits(lot, limits)
    assert np.flatnonzero(found.outliers(lot)).tolist() == [0, 1, 3]
    assert found.loss(lot) == pytest.approx(3 / 499)
    assert (found.lower, found.upper) == pytest.approx((plain.lower, plain.upper), abs=2e-3)


def test_static_limits_need_lots_that_passed_and_hold_their_drift() -> None:
    generator = np.random.default_rng(2)
    lots = [generator.normal(5 + 0.1 * number, 0.1, 60) for number in range(6)]
    found = static_limits(lots)
    assert found.parts == 360
    assert found.sigma > dynamic_limits(lots[0]).sigma
    with pytest.raises(NoLimits, match="6 lots of 30"):
        static_limits(lots[:5])
    with pytest.raises(NoLimits, match="6 lots of 30"):
        static_limits([*lots[:5], lots[5][:20]])


def test_leakage_is_judged_on_a_logarithm_and_above_only() -> None:
    generator = np.random.default_rng(3)
    lot = 10 ** generator.normal(-8, 0.15, 400)
    plain, logarithmic = dynamic_limits(lot), dynamic_limits(lot, Specification(upper=1e-6), logarithmic=True)
    assert logarithmic.lower == -np.inf
    assert plain.outliers(10 ** generator.normal(-8, 0.15, 20_000)).mean() > 1e-4
    assert logarithmic.outliers(10 ** generator.normal(-8, 0.15, 20_000)).mean() == 0
    assert logarithmic.outliers(np.array([2e-7])).all()
    with pytest.raises(NoLimits, match="above 0"):
        dynamic_limits(np.append(lot, 0.0), logarithmic=True)


def test_parts_that_are_mostly_alike_give_no_limits() -> None:
    with pytest.raises(NoLimits, match="one and the same value"):
        dynamic_limits(np.append(np.full(31, 2.0), np.linspace(1, 1.9, 9)))


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shift=st.floats(-50, 50),
    scale=st.floats(0.1, 50),
    half=st.floats(0.5, 20),
)
def test_limits_never_widen_the_specification_and_follow_the_unit(
    seed: int, shift: float, scale: float, half: float
) -> None:
    lot = np.random.default_rng(seed).standard_t(4, size=120)
    found = dynamic_limits(lot, Specification(-half, half))
    assert -half <= found.lower <= found.upper <= half
    moved = dynamic_limits(shift + scale * lot, Specification(shift - scale * half, shift + scale * half))
    assert (moved.lower, moved.upper) == pytest.approx(
        (shift + scale * found.lower, shift + scale * found.upper), rel=1e-6, abs=1e-6
    )
