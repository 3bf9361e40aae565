"""Hit rates and probabilities against training: false alarms at the stated rates, real losses found."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binom

from tundish_analytics.drift import CalibrationWatch, HitWatch
from tundish_analytics.drift.calibration import BATCH as CALIBRATION_BATCH
from tundish_analytics.drift.calibration import gap_p
from tundish_analytics.drift.hits import ACT, BATCH, SLACK, WATCH
from tundish_analytics.drift.levels import FALSE_ALARM
from tundish_analytics.drift.model import ModelDrift
from tundish_analytics.spc.runlength import cusum_arl

# A two-sided sum signals twice as often as one side of it.
WATCH_ARL = 2 * cusum_arl(0.0, SLACK, WATCH)


def runs(generator: np.random.Generator, count: int, wrong: float, stay: float) -> np.ndarray:
    """Answers, right or wrong in runs: a chain that repeats its state with a probability."""
    fresh = generator.random(count) < wrong
    kept = generator.random(count) < stay
    for at in range(1, count):
        if kept[at]:
            fresh[at] = fresh[at - 1]
    return ~fresh


def said(watch: HitWatch, right: np.ndarray) -> list[str]:
    return [str(level) for level in watch.add(list(enumerate(right.tolist())))]


def test_the_stated_run_lengths_are_those_of_the_chart() -> None:
    assert pytest.approx(335, abs=1) == WATCH_ARL
    assert pytest.approx(6966, abs=5) == 2 * cusum_arl(0.0, SLACK, ACT)


@pytest.mark.parametrize(("share", "stay"), [(0.95, 0.0), (0.9, 0.0), (0.8, 0.0), (0.9, 0.6)])
def test_an_unchanged_hit_rate_alarms_no_more_often_than_stated(share: float, stay: float) -> None:
    watches = [HitWatch(share) for _ in range(10)]
    first = 0
    for seed, watch in enumerate(watches):
        levels = said(watch, runs(np.random.default_rng(seed), 100 * BATCH, 1 - share, stay))
        assert "act" not in levels
        first += "watch" in levels
    # Of 10 charts over 100 batches each, so many alarm at this average run length, and chance more.
    assert first <= binom.ppf(0.999, 10, 1 - np.exp(-100 / WATCH_ARL))


def test_a_hit_rate_that_falls_by_a_fifth_is_found_within_ten_batches() -> None:
    for seed in range(10):
        generator = np.random.default_rng(seed)
        watch = HitWatch(0.95)
        said(watch, generator.random(20 * BATCH) < 0.95)
        levels = said(watch, generator.random(10 * BATCH) < 0.75)
        assert levels[-1] == "act"
        assert watch.since is not None
        told = watch.document()
        assert (told["judged"], told["level"]) == (30 * BATCH, "act")
    assert said(HitWatch(1.0), np.ones(10 * BATCH, bool)) == ["ok"] * 10


def calibrated(seed: int, count: int, spread: float = 0.5, lie: float = 0.0) -> list[tuple[int, float, bool]]:
    generator = np.random.default_rng(seed)
    stated = 1 - spread * generator.random(count)
    right = generator.random(count) < stated - lie
    return list(zip(range(count), stated.tolist(), right.tolist(), strict=True))


def test_probabilities_that_come_true_alarm_no_more_often_than_stated() -> None:
    levels = [
        level
        for seed in range(20)
        for level in CalibrationWatch().add(calibrated(seed, 20 * CALIBRATION_BATCH))
    ]
    assert sum(level != "ok" for level in levels) <= binom.ppf(0.999, len(levels), FALSE_ALARM)
    # As far off as the tolerance allows, it is still no alarm.
    levels = [
        level
        for seed in range(20)
        for level in CalibrationWatch().add(calibrated(seed, 20 * CALIBRATION_BATCH, lie=0.05))
    ]
    assert sum(level != "ok" for level in levels) <= binom.ppf(0.999, len(levels), FALSE_ALARM)


def test_probabilities_that_promise_too_much_are_found_within_six_batches() -> None:
    for seed in range(10):
        watch = CalibrationWatch()
        assert "act" in watch.add(calibrated(seed, 6 * CALIBRATION_BATCH, lie=0.4))
    told = watch.document()
    assert told["observed_high"] < told["expected"]
    assert told["calibration_error"] == pytest.approx(0.4, abs=0.1)
    assert told["brier"] > 0.2


def test_the_gap_is_tested_by_the_binomial_law() -> None:
    # 45 of 50 stated at 0.95: with 5 points of tolerance exactly what 0.9 gives.
    assert gap_p(0.95, 45, 50) == 1.0
    assert gap_p(0.95, 30, 50) == pytest.approx(2 * binom.cdf(30, 50, 0.9))
    assert gap_p(0.5, 45, 50) == pytest.approx(2 * binom.sf(44, 50, 0.55))


def test_all_watches_of_a_version_speak_with_one_voice() -> None:
    drift = ModelDrift.of(None, {"class": 0.95})
    assert not drift.tested
    for number, (_, probability, right) in enumerate(calibrated(1, 400, spread=0.1, lie=0.4)):
        drift.stated("class", number, probability)
        drift.judged("class", number, right=right)
    assert drift.tested
    assert drift.level == "act"
    assert drift.since is not None
    assert drift.moment == 399
    told = json.loads(json.dumps(drift.document(), allow_nan=False))
    assert told["inputs"] == {"level": None, "watched": False}
    assert told["hits"]["class"]["level"] == told["calibration"]["class"]["level"] == "act"
