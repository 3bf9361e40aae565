"""Energy per piece, load forecast and peak shaving, on made loads whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tundish_analytics.energy import (
    LoadModel,
    Storage,
    energy_use,
    idle_energy,
    load_features,
    plan_peak,
    seasonal_naive,
)

NO_STORAGE = Storage(0, 0)


def made_load(weeks: int, seed: int = 1) -> np.ndarray:
    """Quarter-hours from a Monday's midnight: a working day, a quiet weekend, noise that grows with load."""
    steps = np.arange(weeks * 7 * 96)
    hour, weekday = steps % 96 / 4, steps // 96 % 7
    shape = np.where((weekday < 5) & (hour >= 6) & (hour < 22), 60 + 20 * np.sin(hour / 24 * np.pi), 5.0)
    return shape * (1 + 0.1 * np.random.default_rng(seed).normal(size=steps.size))


def test_base_load_and_energy_of_one_more_piece_by_hand() -> None:
    # 2 kW of base over half an hour, 3 kWh a piece.
    pieces = np.array([0, 1, 2, 3, 4] * 4, float)
    found = energy_use(1 + 3 * pieces, pieces, 0.5)
    assert found.base_kw is not None
    assert found.specific_kwh is not None
    assert (found.base_kw.value, found.specific_kwh.value) == pytest.approx((2, 3))
    assert found.per_output_kwh == pytest.approx(140 / 40)
    assert found.base_share == pytest.approx(20 / 140)
    assert found.kgce == pytest.approx(140 * 0.1229)
    assert idle_energy(1 + 3 * pieces, pieces > 0) == 4


def test_no_output_keeps_its_energy_and_gives_no_ratio() -> None:
    found = energy_use(np.full(20, 5.0), np.zeros(20), 0.25)
    assert (found.total_kwh, found.per_output_kwh, found.base_kw) == (100, None, None)
    holed = energy_use(np.array([1, np.nan, 2, 3.0]), np.array([1, 1, np.nan, 1.0]), 0.25)
    assert (holed.total_kwh, holed.output, holed.coverage) == (4, 2, 0.5)


def test_intervals_of_the_base_load_hold_it_although_neighbours_are_alike() -> None:
    held = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        noise = np.zeros(400)
        for i in range(1, 400):
            noise[i] = 0.5 * noise[i - 1] + generator.normal()
        pieces = generator.poisson(5, 400).astype(float)
        base = energy_use(10 + 2 * pieces + noise, pieces, 1.0).base_kw
        assert base is not None
        held += base.low <= 10 <= base.high
    assert held / 60 > 0.85


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 100), lot=st.floats(0.1, 100))
def test_units_of_energy_and_output_carry_through(seed: int, scale: float, lot: float) -> None:
    generator = np.random.default_rng(seed)
    pieces = generator.poisson(4, 50).astype(float)
    energy = 5 + 2 * pieces + generator.random(50)
    plain, other = energy_use(energy, pieces, 0.25), energy_use(energy * scale, pieces * lot, 0.25)
    assert other.total_kwh == pytest.approx(scale * plain.total_kwh)
    assert plain.base_kw is not None
    assert other.base_kw is not None
    assert other.base_kw.low == pytest.approx(scale * plain.base_kw.low)
    assert plain.specific_kwh is not None
    assert other.specific_kwh is not None
    assert other.specific_kwh.value == pytest.approx(scale / lot * plain.specific_kwh.value)
    assert other.explained == pytest.approx(plain.explained)


def test_the_forecast_beats_last_week_and_its_interval_covers() -> None:
    load = made_load(10)
    cut = 8 * 7 * 96
    found = LoadModel.fit(load[:cut], trees=60).predict(load, 0, slice(cut, None))
    truth = load[cut:]
    error = np.sqrt(np.mean((found.value - truth) ** 2))
    assert error < 0.9 * np.sqrt(np.mean((seasonal_naive(load)[cut:] - truth) ** 2))
    inside = (found.low <= truth) & (truth <= found.high)
    assert inside.mean() == pytest.approx(0.9, abs=0.05)
    # Noise grows with the load, and so does the interval.
    busy = truth > 40
    assert (found.high - found.low)[busy].mean() > 3 * (found.high - found.low)[~busy].mean()


def test_nothing_of_the_day_to_forecast_is_read() -> None:
    load = made_load(6)
    changed = load.copy()
    changed[-96:] = np.random.default_rng(2).normal(1000, 100, 96)
    assert np.array_equal(load_features(load, 0)[-96:], load_features(changed, 0)[-96:], equal_nan=True)
    with pytest.raises(ValueError, match="28 days"):
        LoadModel.fit(load[: 27 * 96])


def test_storage_cuts_a_peak_to_what_water_filling_gives() -> None:
    # A block of 100 kW over two hours on 40 kW: 60 kWh shave it by 30 kW.
    load = np.full(24, 40.0)
    load[10:12] = 100
    found = plan_peak(load, 1.0, Storage(50, 60, efficiency=1.0))
    assert (found.before_kw, found.after_kw) == pytest.approx((100, 70))
    assert found.discharge.sum() == pytest.approx(60)
    weak = plan_peak(load, 1.0, Storage(10, 60, efficiency=1.0))
    assert weak.after_kw == pytest.approx(90)
    # Of what goes in, 80 % comes out.
    lossy = plan_peak(load, 1.0, Storage(50, 60, efficiency=0.8))
    assert lossy.charge.sum() * 0.8 == pytest.approx(lossy.discharge.sum())


def test_work_that_can_wait_fills_the_valley() -> None:
    load = np.array([10.0, 10, 40, 40])
    found = plan_peak(load, 1.0, NO_STORAGE, movable=np.array([0, 0, 20.0, 20]))
    assert found.after_kw == pytest.approx(25)
    assert found.shifted.sum() == pytest.approx(0)
    assert plan_peak(load, 1.0, NO_STORAGE).after_kw == 40
    with pytest.raises(ValueError, match="movable"):
        plan_peak(load, 1.0, NO_STORAGE, movable=np.full(4, 20.0))


@settings(max_examples=12, deadline=None)
@given(
    load=st.lists(st.floats(0, 200), min_size=2, max_size=24),
    power=st.floats(0, 80),
    capacity=st.floats(0, 300),
    efficiency=st.floats(0.5, 1),
)
def test_a_plan_keeps_every_limit_and_never_raises_the_peak(
    load: list[float], power: float, capacity: float, efficiency: float
) -> None:
    found = plan_peak(np.array(load), 0.25, Storage(power, capacity, efficiency, capacity / 2))
    assert found.after_kw <= found.before_kw + 1e-6
    level = capacity / 2 + 0.25 * np.cumsum(efficiency * found.charge - found.discharge)
    assert level.min() >= -1e-5
    assert level.max() <= capacity + 1e-5
    assert level[-1] == pytest.approx(capacity / 2, abs=1e-5)
    assert max(found.charge.max(), found.discharge.max()) <= power + 1e-6
