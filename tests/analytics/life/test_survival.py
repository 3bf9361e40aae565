"""Lives with units that still run: published worked numbers, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import CensoredData, weibull_min

from tundish_analytics.life.survival import Lives, Survival, TooFewFailures, WeibullLife

# Freireich et al., Blood 21 (1963): weeks in remission under 6-mercaptopurine, as worked in Kleinbaum and
# Klein, Survival Analysis, chapter 2 (Kaplan-Meier table) and by R's survival package (survreg).
FAILED = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23.0])
RUNNING = np.array([6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35.0])
REMISSION = Lives(np.concatenate([FAILED, RUNNING]), np.arange(21) < 9)


def test_the_published_table_of_kaplan_and_meier() -> None:
    found = Survival.of(REMISSION)
    at = {age: share for age, share in zip(found.age, found.share, strict=True) if age in FAILED}
    published = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    assert at == pytest.approx(published, abs=5e-5)
    assert np.all((found.low <= found.share) & (found.share <= found.high))


def test_the_published_weibull_law() -> None:
    law = WeibullLife.fit(REMISSION, draws=20)
    # survreg prints intercept 3.519 and scale 0.739: the scale of the law is exp(3.519), its shape 1 / 0.739.
    assert np.log(law.scale) == pytest.approx(3.519, abs=1e-3)
    assert law.shape == pytest.approx(1 / 0.739, abs=2e-3)
    shape, _, scale = weibull_min.fit(CensoredData.right_censored(REMISSION.age, ~REMISSION.failed), floc=0)
    assert (law.shape, law.scale) == pytest.approx((shape, scale), rel=1e-3)
    assert law.misfit() < 0.12


def test_leaving_out_what_still_runs_would_shorten_lives() -> None:
    every, failed = WeibullLife.fit(REMISSION, draws=20), Lives(FAILED, np.ones(9, np.bool_))
    assert WeibullLife.fit(failed, draws=20).left(10.0).median < 0.5 * every.left(10.0).median
    assert (every.left(0.0).failed, every.left(0.0).running) == (9, 12)


def test_the_life_left_of_worn_units_shrinks_with_age() -> None:
    rng = np.random.default_rng(0)
    law = WeibullLife.fit(Lives(100 * rng.weibull(3.0, 200), np.ones(200, np.bool_)), draws=20)
    medians = [law.left(age).median for age in (0.0, 40.0, 80.0, 120.0)]
    assert medians == sorted(medians, reverse=True)
    # Of one law: scale (x + ln 2)^(1/shape) - age.
    expected = law.scale * ((40 / law.scale) ** law.shape + np.log(2)) ** (1 / law.shape) - 40
    assert law.left(40.0).median == pytest.approx(expected)


def test_intervals_of_life_left_hold_about_what_they_say() -> None:
    rng = np.random.default_rng(4)
    held = []
    for _ in range(60):
        life, stop = 100 * rng.weibull(2.5, 30), rng.uniform(60, 220, 30)
        law = WeibullLife.fit(Lives(np.minimum(life, stop), life <= stop), draws=40)
        left = law.left(50.0)
        new = 100 * (0.5**2.5 + rng.exponential(size=50)) ** (1 / 2.5) - 50
        held.append(np.mean((left.low <= new) & (new <= left.high)))
    assert 0.82 < np.mean(held) < 0.95


def test_too_few_failures_are_refused() -> None:
    with pytest.raises(TooFewFailures, match="2 units failed"):
        WeibullLife.fit(Lives(np.arange(1.0, 21.0), np.arange(20) < 2))
