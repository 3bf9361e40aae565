"""Gauge studies against the AIAG manual's and Montgomery's data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.spc import gauge_study

# AIAG, Measurement Systems Analysis: 3 appraisers × 3 trials (rows) of 10 parts.
AIAG = np.array([
    [0.29, -0.56, 1.34, 0.47, -0.80, 0.02, 0.59, -0.31, 2.26, -1.36],
    [0.41, -0.68, 1.17, 0.50, -0.92, -0.11, 0.75, -0.20, 1.99, -1.25],
    [0.64, -0.58, 1.27, 0.64, -0.84, -0.21, 0.66, -0.17, 2.01, -1.31],
    [0.08, -0.47, 1.19, 0.01, -0.56, -0.20, 0.47, -0.63, 1.80, -1.68],
    [0.25, -1.22, 0.94, 1.03, -1.20, 0.22, 0.55, 0.08, 2.12, -1.62],
    [0.07, -0.68, 1.34, 0.20, -1.28, 0.06, 0.83, -0.34, 2.19, -1.50],
    [0.04, -1.38, 0.88, 0.14, -1.46, -0.29, 0.02, -0.46, 1.77, -1.49],
    [-0.11, -1.13, 1.09, 0.20, -1.07, -0.67, 0.01, -0.56, 1.45, -1.77],
    [-0.15, -0.96, 0.67, 0.11, -1.45, -0.49, 0.21, -0.49, 1.87, -2.16],
]).reshape(3, 3, 10).transpose(2, 0, 1)  # fmt: skip
# Montgomery, thermal impedance of 10 power modules: 3 inspectors × 3 trials a row.
IMPEDANCE = np.array([
    [37, 38, 37, 41, 41, 40, 41, 42, 41],
    [42, 41, 43, 42, 42, 42, 43, 42, 43],
    [30, 31, 31, 31, 31, 31, 29, 30, 28],
    [42, 43, 42, 43, 43, 43, 42, 42, 42],
    [28, 30, 29, 29, 30, 29, 31, 29, 29],
    [42, 42, 43, 45, 45, 45, 44, 46, 45],
    [25, 26, 27, 28, 28, 30, 29, 27, 27],
    [40, 40, 40, 43, 42, 42, 43, 43, 41],
    [25, 25, 25, 27, 29, 28, 26, 26, 26],
    [35, 34, 34, 35, 35, 34, 35, 34, 35],
], float).reshape(10, 3, 3)  # fmt: skip


def test_the_manuals_study_pools_an_interaction_that_is_none() -> None:
    found = gauge_study(AIAG)
    rows = (found.part, found.operator, found.interaction, found.error)
    assert [row.squares for row in rows] == pytest.approx([88.3619, 3.1673, 0.3590, 2.7589], abs=6e-5)
    assert [row.freedom for row in rows] == [9, 2, 18, 60]
    assert [row.f for row in rows[:3]] == pytest.approx([492.291, 79.406, 0.434], abs=5e-4)
    assert found.pooled
    sigmas = [found.ev, found.av, found.grr, found.pv, found.tv]
    assert sigmas == pytest.approx([0.199933, 0.226838, 0.302373, 1.042327, 1.085], abs=5e-4)
    shares = [100 * sigma / found.tv for sigma in sigmas[:4]]
    assert shares == pytest.approx([18.4, 20.9, 27.9, 96.0], abs=6e-2)
    assert found.contribution == pytest.approx(7.76, abs=5e-3)
    assert (found.categories, found.verdict) == (4, "conditional")


def test_montgomerys_study_keeps_its_interaction() -> None:
    found = gauge_study(IMPEDANCE, tolerance=42)
    rows = (found.part, found.operator, found.interaction, found.error)
    assert [row.squares for row in rows] == pytest.approx([3935.96, 39.27, 48.51, 30.67], abs=5e-3)
    assert [row.f for row in rows[:3]] == pytest.approx([162.27, 7.28, 5.27], abs=6e-3)
    assert not found.pooled
    variances = [s**2 for s in (found.pv, found.av, found.interaction_sigma, found.ev)]
    assert variances == pytest.approx([48.29, 0.56, 0.73, 0.51], abs=6e-3)
    assert found.of_tolerance == pytest.approx(600 * 1.343 / 42, abs=0.02)


def test_a_gauge_that_sees_nothing_is_rejected() -> None:
    blind = gauge_study(np.random.default_rng(2).normal(size=(10, 3, 3)))
    assert blind.verdict == "rejected"
    assert blind.study_variation > 30
    assert blind.categories is not None
    assert blind.categories < 5


def test_components_below_zero_are_clipped_and_named() -> None:
    found = gauge_study(np.random.default_rng(0).normal(size=(10, 3, 3)), pool_above=1.0)
    assert found.clipped
    assert all(value >= 0 for value in (found.av, found.pv, found.interaction_sigma))


def test_studies_with_holes_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing missing"):
        gauge_study(np.full((5, 2, 1), 1.0))
    holed = AIAG.copy()
    holed[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="nothing missing"):
        gauge_study(holed)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shift=st.floats(-100, 100),
    scale=st.floats(0.1, 100),
    shape=st.tuples(st.integers(3, 8), st.integers(2, 4), st.integers(2, 4)),
)
def test_squares_add_up_and_shares_depend_on_no_unit(
    seed: int, shift: float, scale: float, shape: tuple[int, int, int]
) -> None:
    generator = np.random.default_rng(seed)
    measured = generator.normal(size=(shape[0], 1, 1)) * 3 + generator.normal(size=shape)
    found = gauge_study(measured)
    rows = (found.part, found.operator, found.interaction, found.error)
    assert sum(row.squares for row in rows) == pytest.approx(float(np.sum((measured - measured.mean()) ** 2)))
    assert sum(row.freedom for row in rows) == measured.size - 1
    moved = gauge_study(shift + scale * measured[:, ::-1])
    assert moved.study_variation == pytest.approx(found.study_variation, rel=1e-6)
    assert moved.ev == pytest.approx(scale * found.ev, rel=1e-6)
