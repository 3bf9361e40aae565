"""First passage of a degrading quantity: against the law's own numbers, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from tundish_analytics.life.degradation import NoDrift, WienerDegradation

DRIFT, DIFFUSION, DISTANCE = 0.05, 0.1, 10.0


def path(rng: np.random.Generator, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of a Wiener process at unequal times."""
    step = rng.uniform(5, 15, steps)
    increments = DRIFT * step + DIFFUSION * np.sqrt(step) * rng.normal(size=steps)
    return np.concatenate([[0.0], np.cumsum(step)]), np.concatenate([[1.0], 1.0 + np.cumsum(increments)])


def test_drift_and_diffusion_are_found() -> None:
    model = WienerDegradation.fit(*path(np.random.default_rng(1), 4000))
    assert model.drift == pytest.approx(DRIFT, rel=0.05)
    assert model.diffusion == pytest.approx(DIFFUSION, rel=0.05)


def test_the_interval_holds_first_passages_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    held, before = [], []
    for _ in range(200):
        model = WienerDegradation.fit(*path(rng, 25))
        found = model.passage(model.last + DISTANCE)
        # First passage times of the true process are inverse Gaussian.
        true = rng.wald(DISTANCE / DRIFT, (DISTANCE / DIFFUSION) ** 2, 20)
        held.append(np.mean((found.low <= true) & (true <= found.high)))
        before.append(np.mean(true < found.median))
    assert 0.86 < np.mean(held) < 0.94
    assert 0.42 < np.mean(before) < 0.58


def test_exponential_growth_is_a_line_in_the_logarithm() -> None:
    time, value = path(np.random.default_rng(3), 200)
    linear, log = WienerDegradation.fit(time, value), WienerDegradation.fit(time, np.exp(value), "log")
    assert (log.drift, log.diffusion) == pytest.approx((linear.drift, linear.diffusion))
    threshold = linear.last + 3
    assert log.passage(float(np.exp(threshold))).median == pytest.approx(linear.passage(threshold).median)


def test_no_time_is_told_where_there_is_no_drift() -> None:
    rng = np.random.default_rng(5)
    still = WienerDegradation.fit(np.arange(100.0), rng.normal(size=100))
    with pytest.raises(NoDrift, match="chance"):
        still.passage(100.0)
    time, value = path(rng, 50)
    with pytest.raises(NoDrift):
        WienerDegradation.fit(time, -value).passage(5.0)


def test_what_is_already_beyond_and_what_cannot_be_read() -> None:
    time, value = path(np.random.default_rng(6), 50)
    model = WienerDegradation.fit(time, value)
    assert model.passage(model.last - 1).high == 0
    even = WienerDegradation.fit(np.arange(20.0), 2 * np.arange(20.0))
    assert even.passage(even.last + 10).median == pytest.approx(5.0)
    with pytest.raises(ValueError, match="10 needed"):
        WienerDegradation.fit(time[:5], value[:5])
    with pytest.raises(ValueError, match="rise"):
        WienerDegradation.fit(np.zeros(30), np.arange(30.0))
    with pytest.raises(ValueError, match="above 0"):
        WienerDegradation.fit(np.arange(30.0), np.arange(30.0), "log")
