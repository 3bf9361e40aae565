"""IGBT drift at matched temperature, and remaining life of MOSFETs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tundish_analytics.condition.life import (
    MIN_RECORDS,
    LifeModel,
    end_of_life,
    extrapolated,
    remaining,
)
from tundish_analytics.condition.vce import AgeingModel, find_pulses
from tundish_analytics.tables import devices_from_table

if TYPE_CHECKING:
    import pandas as pd


def cycling(pulses: int, *, drift: float = 0.0, warmer: float = 0.0, seed: int = 0) -> np.ndarray:
    """Pulses of six seconds every fifteen; VCE falls 10 mV a kelvin, and by `drift` in %."""
    generator = np.random.default_rng(seed)
    rows = []
    for pulse in range(pulses):
        for second in range(6):
            temperature = 263 + abs(second - 2.0) * 1.5 + warmer
            volt = (2.0 - 0.01 * (temperature - 266)) * (1 + drift / 100)
            rows.append((15 * pulse + second, volt + 0.002 * generator.normal(), 7.9, temperature))
    return np.array(rows, dtype=float)


def test_drift_is_measured_and_a_warmer_package_is_not_taken_for_ageing() -> None:
    model = AgeingModel.fit(cycling(140))
    for drift in (-5.0, 0.0, 3.0):
        ageing = model.measure(cycling(20, drift=drift, warmer=1.2, seed=3))
        assert ageing is not None
        assert ageing.percent == pytest.approx(drift, abs=0.3)
        assert ageing.low <= ageing.percent <= ageing.high
        assert ageing.share == 1.0
    # A plain comparison of means would have seen 0.6 % of drift in the warmer window.
    assert cycling(20, warmer=1.2)[:, 1].mean() < 0.996 * cycling(140)[:, 1].mean()


def test_pulses_without_a_match_are_left_out_and_too_few_give_no_reading() -> None:
    model = AgeingModel.fit(cycling(140))
    assert model.measure(cycling(20, warmer=9.0)) is None
    assert model.measure(cycling(5)) is None
    assert model.measure(np.empty((0, 4))) is None
    other_current = cycling(20)
    other_current[:, 2] = 7.0
    assert model.measure(other_current) is None
    assert len(find_pulses(cycling(7))) == 7
    with pytest.raises(ValueError, match="pulses after thermal settling"):
        AgeingModel.fit(cycling(10))


def test_the_baseline_begins_after_thermal_settling(igbt_seconds: pd.DataFrame) -> None:
    values = igbt_seconds[["vce_on", "current", "temperature"]].to_numpy(float)
    seconds = np.column_stack([np.arange(len(values), dtype=float), values])
    model = AgeingModel.fit(seconds[:3600])
    assert 200 < model.baseline.ts[0] < 300
    assert np.ptp(model.baseline.temperature) < 3
    again = AgeingModel.from_state(model.state())
    assert again.measure(seconds[5000:5300]) == model.measure(seconds[5000:5300])


def device(length: int, *, power: float = 3.0, noise: float = 2e-4, seed: int = 0) -> np.ndarray:
    """A made-up device that reaches 0.05 Ohm after `length` records and goes on a little."""
    record = np.arange(length + 60)
    return 0.05 * (record / length) ** power + noise * np.random.default_rng(seed).normal(size=len(record))


def test_life_of_a_device_like_the_known_ones_is_found() -> None:
    model = LifeModel.fit([device(6000, seed=1), device(9000, seed=2), device(7000, seed=3)])
    unseen = device(8000, seed=4)
    left = remaining(unseen)
    rows = slice(MIN_RECORDS, len(left))
    estimate = model.estimate(unseen)
    within = (estimate.low[rows] <= left[rows]) & (left[rows] <= estimate.high[rows])
    assert within.mean() > 0.75
    late = slice(int(0.7 * len(left)), len(left) - 200)
    assert np.median(np.abs(estimate.records[late] / left[late] - 1)) < 0.2


def test_an_estimate_uses_no_later_record() -> None:
    model = LifeModel.fit([device(6000, seed=1), device(9000, seed=2)])
    whole = device(7000, seed=5)
    cut = whole[:3001].copy()
    other_future = np.concatenate([cut, np.full(2000, 0.2)])
    expected = model.estimate(cut)
    for series in (whole, other_future):
        found = model.estimate(series)
        for name in ("records", "low", "high", "margin", "slope"):
            assert np.array_equal(getattr(found, name)[:3001], getattr(expected, name), equal_nan=True)


def test_no_estimate_below_the_minimum_history_and_holes_are_tolerated() -> None:
    model = LifeModel.fit([device(6000, seed=1), device(9000, seed=2)])
    estimate = model.estimate(device(7000, seed=5))
    assert np.isnan(estimate.records[: MIN_RECORDS - 1]).all()
    assert np.isfinite(estimate.records[MIN_RECORDS:]).all()
    holed = device(7000, seed=5)
    holed[::10] = np.nan
    found = model.estimate(holed).records
    assert np.isfinite(found[MIN_RECORDS:]).all()
    assert np.nanmedian(np.abs(np.log(found / estimate.records))) < 0.1
    past = np.concatenate([device(7000, noise=0), np.full(300, 0.06)])
    assert model.estimate(past).records[-1] == 0


def test_a_device_that_did_not_fail_is_censored_not_counted() -> None:
    running = device(9000)[:5000]
    assert end_of_life(running) is None
    with pytest.raises(ValueError, match="censored"):
        remaining(running)
    with pytest.raises(ValueError, match="got 1"):
        LifeModel.fit([device(6000), running])


def test_real_devices_are_covered_and_nearer_than_a_straight_line(mosfet_records: pd.DataFrame) -> None:
    devices = devices_from_table(mosfet_records)
    for name, delta in devices.items():
        model = LifeModel.fit([other for known, other in devices.items() if known != name])
        left = remaining(delta)[MIN_RECORDS:]
        rows = slice(MIN_RECORDS, MIN_RECORDS + len(left))
        estimate = model.estimate(delta)
        assert ((estimate.low[rows] <= left) & (left <= estimate.high[rows])).mean() > 0.75
        line = np.exp(extrapolated(delta)[rows])
        assert np.abs(estimate.records[rows] - left).mean() < 0.5 * np.abs(line - left).mean()
    state = LifeModel.from_state(model.state())
    assert np.array_equal(state.estimate(delta).records, estimate.records, equal_nan=True)
