"""Quarters of an hour out of meters' samples, and the measured error of a forecast."""

from __future__ import annotations

import numpy as np
import pytest

from tundish_analytics.energy import (
    NothingToTest,
    Stretches,
    counter_stretches,
    forecast_error,
    interval_stretches,
    quarters_of,
)

QUARTER = 900
FIRST = 2_000_000
BEGIN = FIRST * QUARTER
US = 1_000_000


def span(quarters: int) -> tuple[int, int]:
    return BEGIN * US, (BEGIN + quarters * QUARTER) * US


def test_an_interval_belongs_to_the_time_before_its_stamp() -> None:
    seconds = BEGIN + QUARTER * np.array([1.0, 2.0, 4.0])
    found = quarters_of(interval_stretches(seconds, np.array([10.0, 20.0, 40.0]), QUARTER), *span(4))
    assert found.first == FIRST
    assert found.kwh == pytest.approx([10, 20, 0, 40])
    assert found.covered == pytest.approx([900, 900, 0, 900])
    assert found.demand[[0, 1, 3]] == pytest.approx([40, 80, 160])
    assert np.isnan(found.demand[2])
    assert found.starts_us().tolist() == [(BEGIN + n * QUARTER) * US for n in range(4)]


def test_a_counter_leaves_silences_unknown_and_counts_on_after_a_reset() -> None:
    seconds = BEGIN + np.array([0.0, 900.0, 1800.0, 9000.0, 9900.0])
    found = quarters_of(
        counter_stretches(seconds, np.array([5.0, 15.0, 20.0, 95.0, 8.0]), QUARTER), *span(11)
    )
    assert found.kwh[[0, 1, 10]] == pytest.approx([10, 5, 8])
    assert found.covered[2:10] == pytest.approx(np.zeros(8))
    assert found.resets == 1


def test_a_quarter_known_by_less_than_nine_tenths_has_no_demand() -> None:
    stretches = Stretches(np.array([float(BEGIN)]), np.array([BEGIN + 900.0 + 800.0]), np.array([17.0]))
    found = quarters_of(stretches, *span(2))
    assert found.demand[0] == pytest.approx(36.0)
    assert np.isnan(found.demand[1])


def test_windows_take_their_share_and_nothing_is_expected_after_now() -> None:
    seconds = BEGIN + QUARTER * np.arange(1.0, 5.0)
    found = quarters_of(interval_stretches(seconds, np.full(4, 9.0), QUARTER), *span(8))
    bounds = np.array([[BEGIN, BEGIN + 1350], [BEGIN, BEGIN + 8 * QUARTER]], np.int64) * US
    kwh, known = found.within(bounds, (BEGIN + 4 * QUARTER) * US)
    assert kwh == pytest.approx([13.5, 36.0])
    assert known == pytest.approx([1.0, 1.0])
    later = found.within(bounds, (BEGIN + 8 * QUARTER) * US)[1]
    assert later[1] == pytest.approx(0.5)


def test_nothing_measured_is_nothing_known() -> None:
    empty = np.empty(0)
    for stretches in (interval_stretches(empty, empty, None), counter_stretches(empty, empty, None)):
        found = quarters_of(stretches, *span(3))
        assert not found.covered.any()
        assert np.isnan(found.demand).all()


def made_load(days: int) -> np.ndarray:
    steps = np.arange(days * 96)
    hour, weekday = steps % 96 / 4, steps // 96 % 7
    shape = np.where((weekday < 5) & (hour >= 6) & (hour < 22), 60.0, 5.0)
    return shape * (1 + 0.1 * np.random.default_rng(3).normal(size=steps.size))


def test_the_error_is_of_days_that_the_model_has_not_seen() -> None:
    load = made_load(42)
    found = forecast_error(load, 0)
    assert found.quarters == 7 * 96
    assert found.naive_mae is not None
    assert 0 < found.mae < found.naive_mae
    assert found.covered == pytest.approx(found.promised, abs=0.12)
    assert found.peak_mae is not None
    spoilt = load.copy()
    spoilt[-96:] *= 3
    assert forecast_error(spoilt, 0).mae > found.mae + 1, "what happened afterwards is not learnt"


def test_an_unknown_or_short_past_gives_no_error() -> None:
    load = made_load(40)
    with pytest.raises(ValueError, match="28 days"):
        forecast_error(load[: 34 * 96], 0)
    load[-6 * 96 :] = np.nan
    with pytest.raises(NothingToTest):
        forecast_error(load, 0)
