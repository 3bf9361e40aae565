"""Values that are not normal: the test, the laws and the quantile indices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import johnsonsb, johnsonsu, norm

from tundish_analytics.spc import (
    CannotFit,
    Specification,
    empirical_law,
    fit_box_cox,
    fit_johnson,
    fit_normal,
    indices,
    normality,
    quantile_indices,
)

# NIST/SEMATECH e-Handbook 6.5.2 (public domain): radiation of 42 microwave ovens, closed door.
RADIATION = np.array(
    [0.15, 0.09, 0.18, 0.1, 0.05, 0.12, 0.08, 0.05, 0.08, 0.1, 0.07, 0.02, 0.01, 0.1, 0.1, 0.1, 0.02, 0.1,
     0.01, 0.4, 0.1, 0.05, 0.03, 0.05, 0.15, 0.1, 0.15, 0.09, 0.08, 0.18, 0.1, 0.2, 0.11, 0.3, 0.02, 0.2,
     0.2, 0.3, 0.3, 0.4, 0.3, 0.05]
)  # fmt: skip


def evenly(law: object, count: int = 2000) -> np.ndarray:
    """A law's own quantiles: a sample without luck."""
    return law.ppf((np.arange(count) + 0.5) / count)  # type: ignore[attr-defined]  # scipy's frozen laws


def test_the_power_of_the_radiation_data() -> None:
    law = fit_box_cox(RADIATION)
    assert law.parameters["lambda"] == pytest.approx(0.28, abs=5e-3)
    assert normality(RADIATION)[1] < 0.005
    assert normality(law.scores(RADIATION))[1] > 0.02


def test_the_normality_test_at_its_published_points() -> None:
    # D'Agostino and Stephens (1986): 0.631, 0.752, 0.873, 1.035 at 10, 5, 2.5 and 1 percent.
    generator = np.random.default_rng(3)
    found = [normality(generator.normal(size=50)) for _ in range(3000)]
    statistics = np.array([statistic for statistic, _ in found])
    assert np.quantile(statistics, [0.9, 0.95, 0.975]) == pytest.approx([0.631, 0.752, 0.873], rel=0.06)
    for limit, share in ((0.631, 0.1), (0.752, 0.05), (0.873, 0.025), (1.035, 0.01)):
        nearest = min(found, key=lambda pair: abs(pair[0] - limit))
        assert nearest[1] == pytest.approx(share, rel=0.1)
    with pytest.raises(ValueError, match="at least"):
        normality(np.ones(20))


@pytest.mark.parametrize(
    ("law", "name"),
    [
        (johnsonsu(1.0, 1.5, loc=3, scale=2), "Johnson SU"),
        (johnsonsb(0.8, 1.2, loc=-1, scale=4), "Johnson SB"),
    ],
)
def test_johnson_finds_the_law_that_made_the_values(law: object, name: str) -> None:
    found = fit_johnson(evenly(law))
    assert found.name == name
    for p in (0.00135, 0.01, 0.5, 0.99, 0.99865):
        assert found.quantile(p) == pytest.approx(law.ppf(p), rel=0.02, abs=0.03)  # type: ignore[attr-defined]  # scipy
    values = evenly(law, 50)
    assert [found.quantile(float(norm.cdf(z))) for z in found.scores(values)] == pytest.approx(values)


def test_johnson_finds_a_lognormal_tail_on_either_side() -> None:
    z = evenly(norm())
    for side in (1, -1):
        values = 5 + side * np.exp(0.6 * z)
        found = fit_johnson(values)
        assert found.quantile(0.5) == pytest.approx(5 + side, abs=0.02)
        extreme = 0.99865 if side == 1 else 0.00135
        assert found.quantile(extreme) == pytest.approx(5 + side * np.exp(1.8), rel=0.03)


def test_skewed_values_are_not_flattered_and_the_quantiles_tell_the_true_tail() -> None:
    values = np.exp(0.5 * evenly(norm(), 300))
    limit = Specification(upper=float(np.exp(0.5 * 3.5)))
    as_if_normal = indices(values, limit).ppk.value
    found = quantile_indices(values, limit, resamples=120)
    truth = (limit.upper - 1) / (np.exp(1.5) - 1)  # type: ignore[operator]  # set above
    assert found.law.name != "normal"
    assert found.ppk.low < truth < found.ppk.high
    assert abs(found.ppk.value - truth) < abs(as_if_normal - truth)
    assert found.normal_p > 0.05
    assert (found.pp, found.ppl) == (None, None)
    assert found.note is None


def test_normal_values_give_the_usual_indices_and_an_interval_like_the_formulas() -> None:
    values = np.random.default_rng(8).normal(10, 1, 200)
    limits = Specification(6, 15)
    usual, found = indices(values, limits), quantile_indices(values, limits, resamples=300)
    assert found.law.name == "normal"
    assert found.pp is not None
    assert usual.pp is not None
    # The normal law's 99.865 % quantile lies at 2.99998 sigmas.
    assert (found.pp.value, found.ppk.value) == pytest.approx((usual.pp.value, usual.ppk.value), rel=1e-4)
    width = found.ppk.high - found.ppk.low
    assert width == pytest.approx(usual.ppk.high - usual.ppk.low, rel=0.2)


def test_what_lies_beyond_the_values_is_said() -> None:
    values = np.random.default_rng(9).normal(size=100)
    limits = Specification(-5, 5)
    assert quantile_indices(values, limits, fit_normal, resamples=20).beyond_data
    many = np.random.default_rng(9).normal(size=5000)
    assert not quantile_indices(many, limits, empirical_law, resamples=20).beyond_data


def test_values_not_above_zero_have_no_power() -> None:
    with pytest.raises(CannotFit, match="above 0"):
        quantile_indices(np.linspace(-1, 1, 50), Specification(-2, 2), fit_box_cox)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-50, 50), scale=st.floats(0.1, 50))
def test_johnson_follows_shift_and_scale(seed: int, shift: float, scale: float) -> None:
    values = np.sinh(np.random.default_rng(seed).normal(size=200) / 1.5)
    plain, moved = fit_johnson(values), fit_johnson(shift + scale * values)
    for p in (0.01, 0.5, 0.99):
        assert moved.quantile(p) == pytest.approx(shift + scale * plain.quantile(p), rel=1e-5, abs=1e-5)
