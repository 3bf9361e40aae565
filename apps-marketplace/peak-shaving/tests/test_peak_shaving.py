"""The app over a month whose load follows a rule, over the recorded meter, and its plans by arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import tundish_app_peak_shaving
from tundish_app_peak_shaving.ahead import Tariff, shift_load
from tundish_app_peak_shaving.app import run
from tundish_app_peak_shaving.history import history_of
from tundish_app_peak_shaving.verify import FIRST_TESTED, measure

from tundish_platform.sdk import AppInputs, AppOutputs, SignalInfo, SignalRole, read_manifest
from tundish_platform.sdk.testing import check_app
from tundish_platform.sdk.windows import signal, window_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(tundish_app_peak_shaving.__file__).parent
RECORDINGS = Path(__file__).parents[3] / "connectors/tundish_connectors/replay/recordings"
MANIFEST = read_manifest(FOLDER / "app.toml")
DAYS = 31
END = datetime(2026, 3, 1, 16, tzinfo=UTC)
START = END - timedelta(days=DAYS)
METER = signal(1, "S/A/L/EM1/Meter/Usage", "energy.active.interval", unit="kW.h", period_s=900.0)
COUNTER = signal(
    2, "S/A/L/EM1/Meter/Import", "energy.active", unit="kW.h", period_s=900.0, role=SignalRole.COUNTER
)
TARIFF = "00:00-08:00=0.3 08:00-20:00=1.0 20:00-24:00=0.6"


def month(noise: float = 1.0) -> NDArray[np.float64]:
    """kW of each quarter from a midnight on: 100, and 300 from eight to five on working days."""
    rng = np.random.default_rng(5)
    step = np.arange(DAYS * 96)
    # The window begins on Friday, 30 January 2026 in Shanghai and ends with Sunday, 1 March.
    weekday, hour = (4 + step // 96) % 7, step % 96 / 4
    return np.where((weekday < 5) & (hour >= 8) & (hour < 17), 300.0, 100.0) + noise * rng.normal(
        size=step.size
    )


def window(one: SignalInfo, values: NDArray[np.float64], **parameters: float | str) -> AppInputs:
    seconds = (np.arange(values.size) + 1) * 900.0 - 1e-3
    return window_inputs(MANIFEST, {one: (seconds, values)}, START, END, parameters)


def values_of(outputs: AppOutputs) -> dict[str, Any]:
    return {value.output: value.value for value in outputs.values}


def words_of(outputs: AppOutputs) -> str:
    return " ".join(block.text.en for block in outputs.screen.blocks if block.type == "text")


@cache
def planned() -> AppOutputs:
    """A month that ends on Sunday night: the day to come is a Monday."""
    return run(window(METER, month() / 4, movable_share=0.2, tariff=TARIFF, limit_kw=250.0))


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_the_working_day_after_a_weekend_is_foreseen() -> None:
    found = values_of(planned())
    assert found["peak_ahead"] == pytest.approx(300.0, abs=40.0)
    assert found["energy_ahead"] == pytest.approx(9 * 300 + 15 * 100, rel=0.05)
    assert found["alert"] == "likely"
    assert datetime.fromisoformat(found["peak_at"]).hour in range(8, 17)
    assert found["completeness"] == pytest.approx(1.0, abs=0.01)


def test_the_band_holds_the_middle_and_the_screen_leaves_holes_open() -> None:
    (chart,) = [b for b in planned().screen.blocks if b.type == "chart"]
    by_name = {series.name.en: series.y for series in chart.series}
    ahead = [n for n, value in enumerate(by_name["forecast"]) if value is not None]
    assert len(ahead) == 96
    for n in ahead:
        low, middle, high = (by_name[name][n] for name in ("P10", "forecast", "P90"))
        assert low is not None
        assert middle is not None
        assert high is not None
        assert low <= middle <= high
        assert by_name["measured"][n] is None


def test_cost_and_saving_follow_from_the_tariff() -> None:
    found = values_of(planned())
    # Night 8 h at 100 kW, 9 h at 300 and 3 h at 100 dear, 4 h at 100 in the evening.
    assert found["cost_ahead"] == pytest.approx(8 * 30 + 9 * 300 + 3 * 100 + 4 * 60, rel=0.05)
    assert 0 < found["cost_saved"] < 0.2 * found["cost_ahead"]
    assert 0 < found["peak_saved"] <= 0.2 * found["peak_ahead"] + 1e-6


def test_without_parameters_nothing_is_planned_and_the_screen_says_so() -> None:
    outputs = run(window(METER, month() / 4))
    found = values_of(outputs)
    assert (found["alert"], found["cost_ahead"], found["peak_saved"]) == ("no_limit", None, None)
    assert "No tariff was given" in words_of(outputs)
    assert "No movable share" in words_of(outputs)


def test_a_counter_gives_the_same_month_but_for_silences() -> None:
    counted = 1e6 + np.cumsum(month() / 4)
    counted[1_000:1_010] = np.nan
    zone = ZoneInfo("Asia/Shanghai")
    read = history_of(window(COUNTER, counted), "counter", COUNTER, zone)
    told = history_of(window(METER, month() / 4), "interval", METER, zone)
    holes = np.flatnonzero(~np.isfinite(read.demand[5:-5])) + 5
    assert holes.size == pytest.approx(11, abs=1)
    kept = np.isfinite(read.demand) & np.isfinite(told.demand)
    assert read.demand[kept] == pytest.approx(told.demand[kept], abs=0.01)
    assert read.first_step % 96 == 1


def test_a_short_or_holey_history_is_not_extrapolated() -> None:
    half = month() / 4
    half[: DAYS * 48] = np.nan
    outputs = run(window(METER, half))
    assert set(values_of(outputs)) == {"completeness"}
    assert "28 days" in words_of(outputs)
    late = month() / 4
    late[-200:] = np.nan
    assert "peak_ahead" not in values_of(run(window(METER, late)))


def test_an_unknown_unit_is_said() -> None:
    outputs = run(window(METER.model_copy(update={"unit": "t"}), month()))
    assert outputs.values == ()
    assert "no energy" in words_of(outputs)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tariff": "00:00-23:00=1"},
        {"tariff": "00:00-24:00=1 08:00-09:00=2"},
        {"tariff": "early=1"},
        {"zone": "Nowhere/Land"},
    ],
)
def test_a_parameter_that_cannot_be_used_is_said(wrong: dict[str, float | str]) -> None:
    outputs = run(window(METER, month() / 4, **wrong))
    assert outputs.values == ()
    assert "cannot be used" in words_of(outputs)


def test_the_cheapest_plan_moves_what_can_move_into_cheap_hours_below_the_peak() -> None:
    load, prices = np.array([100.0, 300.0, 100.0, 100.0]), np.array([0.2, 1.0, 0.2, 0.5])
    plan = shift_load(load, 0.2, prices)
    assert plan.moved.sum() == pytest.approx(0.0, abs=1e-9)
    # 240 kW is what cannot move of the peak: no plan goes lower, and this one does not go above.
    assert plan.peak_saved == pytest.approx(60.0)
    assert (load + plan.moved).max() <= 240.0 + 1e-6
    assert plan.moved == pytest.approx([40.0, -60.0, 40.0, -20.0])
    assert plan.cost_saved == pytest.approx((60 * 1.0 + 20 * 0.5 - 80 * 0.2) / 4)


def test_equal_prices_move_nothing_but_the_peak() -> None:
    load = np.array([100.0, 300.0, 100.0, 100.0])
    plan = shift_load(load, 0.2, np.full(4, 0.7))
    assert plan.cost_saved == pytest.approx(0.0, abs=1e-9)
    assert plan.peak_saved == pytest.approx(60.0)


def test_a_tariff_goes_by_the_local_clock_and_past_midnight() -> None:
    tariff = Tariff("22:00-06:00=0.3 06:00-22:00=0.9")
    clock = [datetime(2026, 1, 1, hour, 30, tzinfo=UTC) for hour in (23, 5, 6, 21)]
    assert tariff.of(clock).tolist() == [0.3, 0.3, 0.9, 0.9]


def test_the_recorded_meter_is_forecast_better_than_by_the_week_before() -> None:
    found = measure(RECORDINGS, [FIRST_TESTED + 2, FIRST_TESTED + 30])
    assert found["rmse, kWh"] < found["rmse, a week before"]
    assert 0.6 <= found["P10-P90 coverage"] <= 0.95
