"""Soft sensors: held out by long stretches, silent where they know nothing, led back by the laboratory."""

from __future__ import annotations

import numpy as np
import pytest

from tundish_analytics.life.conformal import TooFewUnits
from tundish_analytics.quality import LabCorrection, SoftReading, SoftSensor
from tundish_analytics.quality.labs import best_gain, follow


def process(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Four signals that wander slowly, and a laboratory value that follows two of them."""
    generator = np.random.default_rng(seed)
    x = np.zeros((rows, 4))
    for row in range(1, rows):
        x[row] = 0.95 * x[row - 1] + 0.3 * generator.normal(size=4)
    return x, 10 + 3 * x[:, 0] - 2 * x[:, 1] + 0.5 * generator.normal(size=rows)


@pytest.fixture(scope="module")
def sensor() -> SoftSensor:
    x, y = process(1_500, 1)
    y[::5] = np.nan
    return SoftSensor.fit(x, y, gap=30, trees=30)


def hit(reading: SoftReading, truth: np.ndarray) -> float:
    inside = reading.inside
    return float(np.mean(((reading.low <= truth) & (truth <= reading.high))[inside]))


def test_new_rows_are_estimated_and_their_intervals_hold(sensor: SoftSensor) -> None:
    x, y = process(600, 2)
    reading = sensor.estimate(x)
    assert reading.inside.mean() > 0.85
    assert np.nanstd(reading.value - y) < 0.5 * y.std()
    assert 0.84 < hit(reading, y) <= 1


def test_nothing_is_said_of_rows_that_are_far_away_or_mostly_unknown(sensor: SoftSensor) -> None:
    x, _ = process(50, 3)
    far, holes = x.copy(), x.copy()
    far[:, 2] += 40
    holes[:, :3] = np.nan
    for strange in (far, holes):
        reading = sensor.estimate(strange)
        assert not reading.inside.any()
        assert np.isnan(reading.value).all()
    holes[:, :2] = x[:, :2]
    assert sensor.estimate(holes).inside.mean() > 0.5


def test_held_out_rows_were_not_seen_by_the_model_that_judged_them(sensor: SoftSensor) -> None:
    x, _ = process(1_500, 1)
    random_target = np.random.default_rng(4).normal(size=len(x))
    chance = SoftSensor.fit(x, random_target, gap=30, trees=10)
    assert np.corrcoef(chance.held_out.value, random_target)[0, 1] < 0.1
    assert np.corrcoef(sensor.held_out.value, sensor.truth)[0, 1] > 0.9


def test_too_few_laboratory_values_are_refused() -> None:
    x, y = process(56, 5)
    with pytest.raises(TooFewUnits, match="57"):
        SoftSensor.fit(x, y, gap=2, trees=5)


def drifting(rows: int = 2_000) -> tuple[SoftReading, np.ndarray]:
    """Estimates that are right with noise 1, until the plant moves by 4 for good."""
    generator = np.random.default_rng(6)
    value = generator.normal(size=rows)
    truth = value + generator.normal(size=rows) + 4.0 * (np.arange(rows) > rows // 4)
    return SoftReading(value, value - 1.645, value + 1.645, np.ones(rows, bool)), truth


def test_laboratory_values_lead_estimate_and_interval_back() -> None:
    reading, truth = drifting()
    lab = np.where(np.arange(len(truth)) % 4 == 0, truth, np.nan)
    corrected = follow(reading, lab, 4, LabCorrection(0.1))
    assert hit(reading, truth) < 0.4
    assert 0.86 < hit(corrected, truth) < 0.94
    assert np.std(corrected.value[800:] - truth[800:]) < 1.3
    widened = follow(reading, lab, 4, LabCorrection(0.0))
    assert 0.84 < hit(widened, truth) < 0.94
    assert (widened.high - widened.low).mean() > 1.5 * (corrected.high - corrected.low).mean()


def test_no_value_is_used_before_it_is_known() -> None:
    reading, truth = drifting(400)
    lab = np.where(np.arange(400) % 10 == 0, truth, np.nan)
    said = follow(reading, lab, 25, LabCorrection(0.3)).value
    for row in (0, 10, 100, 200):
        changed = lab.copy()
        changed[row] += 1_000
        again = follow(reading, changed, 25, LabCorrection(0.3)).value
        assert np.array_equal(again[: row + 25], said[: row + 25])
        assert again[row + 25] > said[row + 25] + 100


def test_the_gain_is_none_for_noise_and_some_for_drift() -> None:
    generator = np.random.default_rng(7)
    value, none = generator.normal(size=1_000), np.ones(1_000, bool)
    reading = SoftReading(value, value - 2, value + 2, none)
    still = value + generator.normal(size=1_000)
    assert best_gain(reading, still, still, 1) == 0.0
    wandering = still + np.cumsum(0.3 * generator.normal(size=1_000))
    assert best_gain(reading, wandering, wandering, 1) >= 0.2
