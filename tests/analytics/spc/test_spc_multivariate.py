"""Hotelling's T² against Ryan's and Montgomery's cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.spc import VectorBaseline, t_squared_groups, t_squared_rows

# Ryan, Statistical Methods for Quality Improvement: 20 groups of 4 pairs.
X1 = (
    72, 84, 79, 49, 56, 87, 33, 42, 55, 73, 22, 60, 44, 80, 54, 74, 97, 26, 48, 58,
    83, 89, 91, 62, 47, 66, 53, 58, 88, 50, 84, 69, 57, 47, 41, 46, 26, 39, 52, 48,
    46, 27, 63, 34, 49, 62, 78, 87, 71, 63, 82, 55, 71, 58, 69, 70, 67, 69, 70, 94,
    55, 63, 72, 49, 49, 51, 55, 76, 72, 80, 61, 59, 61, 74, 62, 57, 35, 38, 41, 46,
)  # fmt: skip
X2 = (
    23, 30, 28, 10, 14, 31, 8, 9, 13, 22, 6, 16, 9, 28, 15, 25, 36, 10, 14, 15,
    30, 35, 36, 18, 12, 18, 14, 16, 31, 11, 30, 19, 14, 10, 8, 10, 7, 11, 35, 30,
    10, 8, 19, 9, 11, 20, 27, 31, 22, 16, 31, 15, 21, 19, 17, 20, 18, 19, 18, 35,
    15, 16, 20, 12, 13, 14, 16, 26, 22, 28, 18, 17, 19, 20, 16, 14, 10, 11, 13, 16,
)  # fmt: skip
RYAN = np.stack([np.reshape(X1, (20, 4)), np.reshape(X2, (20, 4))], axis=2).astype(float)


def test_ryans_groups() -> None:
    chart = t_squared_groups(RYAN, alpha=1 - 0.9973**2)
    assert chart.baseline.centre == pytest.approx([60.375, 18.4875])
    assert chart.baseline.covariance.ravel() == pytest.approx(
        [222.0333, 103.1167, 103.1167, 56.57917], abs=5e-5
    )
    assert chart.upper == pytest.approx(11.03976, abs=1e-4)
    assert (np.flatnonzero(chart.outside()) + 1).tolist() == [10, 20]


def test_montgomerys_limit_of_tensile_strength_and_diameter() -> None:
    # Example 11.1: 20 samples of 10, alpha 0.001, limit 13.72.
    groups = np.random.default_rng(0).normal(size=(20, 10, 2))
    chart = t_squared_groups(groups, alpha=0.001)
    assert chart.upper == pytest.approx(13.72, abs=5e-3)
    base = VectorBaseline(np.array([115.59, 1.06]), np.array([[1.23, 0.79], [0.79, 0.83]]), rows=20, size=10)
    later = t_squared_groups(np.tile([115.25, 1.04], (1, 10, 1)), base, alpha=0.001)
    # T² by the formula that the example prints for two signals.
    by_hand = 10 / (1.23 * 0.83 - 0.79**2) * (0.83 * 0.34**2 + 1.23 * 0.02**2 - 2 * 0.79 * 0.34 * 0.02)
    assert later.statistic[0] == pytest.approx(by_hand)
    assert later.upper > chart.upper


def test_false_alarms_are_as_frequent_as_promised_in_both_phases() -> None:
    generator = np.random.default_rng(2)
    inside = np.mean(
        [t_squared_rows(generator.normal(size=(40, 3)), alpha=0.05).outside() for _ in range(200)]
    )
    later = []
    for _ in range(200):
        base = t_squared_rows(generator.normal(size=(40, 3))).baseline
        later.append(t_squared_rows(generator.normal(size=(50, 3)), base, alpha=0.05).outside().mean())
    assert inside == pytest.approx(0.05, abs=0.01)
    assert np.mean(later) == pytest.approx(0.05, abs=0.01)


def test_parts_are_the_fall_of_t_squared_without_the_signal() -> None:
    rows = np.random.default_rng(3).normal(size=(60, 4)) @ np.random.default_rng(4).normal(size=(4, 4))
    chart = t_squared_rows(rows)
    for signal in range(4):
        without = t_squared_rows(np.delete(rows, signal, axis=1)).statistic
        assert chart.parts[:, signal] == pytest.approx(chart.statistic - without, abs=1e-8)


def test_a_signal_that_breaks_the_bond_with_another_is_named() -> None:
    generator = np.random.default_rng(5)
    first = generator.normal(size=200)
    rows = np.column_stack([first, first + 0.1 * generator.normal(size=200), generator.normal(size=200)])
    base = t_squared_rows(rows).baseline
    # Each value alone lies within two sigmas; only together are they impossible.
    found = t_squared_rows(np.array([[1.5, -1.5, 0.2], [np.nan, 0, 0]]), base)
    assert found.outside().tolist() == [True, False]
    assert found.parts[0, :2].min() > 100 * found.parts[0, 2]


def test_signals_that_follow_from_others_and_too_few_rows_are_refused() -> None:
    rows = np.random.default_rng(6).normal(size=(30, 2))
    with pytest.raises(ValueError, match="combination"):
        t_squared_rows(np.column_stack([rows, rows[:, 0] + rows[:, 1]]))
    with pytest.raises(ValueError, match="whole rows"):
        t_squared_rows(rows[:3])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_units_and_mixtures_of_the_signals_do_not_matter(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(25, 3))
    mixed = rows @ (np.eye(3) * 3 + 0.3 * generator.normal(size=(3, 3))) + generator.normal(size=3) * 10
    assert t_squared_rows(mixed).statistic == pytest.approx(t_squared_rows(rows).statistic, rel=1e-6)
    # Jackson's identity: over phase I the statistics add up to p (m − 1).
    assert t_squared_rows(rows).statistic.sum() == pytest.approx(3 * 24)
