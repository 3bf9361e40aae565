"""The app over made devices whose drift is known, and over the recorded ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tundish_app_igbt_ageing
from tundish_app_igbt_ageing.app import run
from tundish_app_igbt_ageing.resistance import CURVE
from tundish_app_igbt_ageing.verify import (
    CURRENT,
    LEARNT,
    TEMPERATURE,
    VOLTAGE,
    devices,
    of_igbt,
    of_mosfets,
    of_shipped,
)

from tundish_analytics.condition.life import LifeModel, end_of_life
from tundish_platform.sdk import AppInputs, AppOutputs, SampleKind, SignalInfo, read_manifest
from tundish_platform.sdk.testing import check_app
from tundish_platform.sdk.windows import signal, window_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(tundish_app_igbt_ageing.__file__).parent
RECORDINGS = Path(__file__).parents[3] / "connectors/tundish_connectors/replay/recordings"
MANIFEST = read_manifest(FOLDER / "app.toml")
START = datetime(2026, 3, 1, tzinfo=UTC)
RDS = signal(4, "S/A/PCT/PCT1/Channel2/DeltaRdsOn", "resistance.rds_on.delta", unit="Ohm", period_s=1.0)
DEVICE = signal(5, "S/A/PCT/PCT1/Channel2/DeviceId", "identity.piece", kind=SampleKind.TEXT)
RTH = signal(6, "S/A/PCT/PCT1/Channel1/Rth", "resistance.thermal.jc", unit="K/W", period_s=60.0)


def window(
    samples: dict[SignalInfo, tuple[NDArray[Any], Any]], hours: float, **parameters: float | str
) -> AppInputs:
    return window_inputs(MANIFEST, samples, START, START + timedelta(hours=hours), parameters)


def cycled(rise: float) -> dict[SignalInfo, tuple[NDArray[Any], Any]]:
    """Two hours of pulses of 5 s each 15 s; the voltage depends on temperature, and rises after one hour."""
    seconds = np.concatenate([15.0 * n + np.arange(5.0) for n in range(480)])
    rng = np.random.default_rng(1)
    celsius = 80.0 + 2.0 * (seconds % 15.0)
    # Hotter surroundings in the second hour, which matched temperatures must take out.
    celsius += np.where(seconds >= 3_600, 1.5, 0.0)
    new = 2.0 + 0.004 * (celsius - 84.0) + 0.001 * rng.normal(size=seconds.size)
    volts = new * np.where(seconds >= 3_600, 1 + rise, 1.0)
    return {
        VOLTAGE: (seconds, volts),
        CURRENT: (seconds, np.full(seconds.size, 10.0)),
        TEMPERATURE: (seconds, celsius),
    }


def values_of(outputs: AppOutputs) -> dict[str, Any]:
    return {value.output: value.value for value in outputs.values}


def words_of(outputs: AppOutputs) -> str:
    return " ".join(block.text.en for block in outputs.screen.blocks if block.type == "text")


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


@pytest.mark.parametrize("rise", [0.0, 0.03, 0.06])
def test_a_rise_is_read_at_matched_temperature(rise: float) -> None:
    outputs = run(window(cycled(rise), 2.0))
    found = values_of(outputs)
    assert found["vce_drift"] == pytest.approx(100 * rise, abs=0.1)
    assert found["vce_drift_p10"] <= found["vce_drift"] <= found["vce_drift_p90"]
    assert found["end_of_life"] == pytest.approx(100 * rise / 0.05, abs=3.0)
    assert ("End of life reached" in words_of(outputs)) is (rise > 0.05)
    assert found["records_left"] is None


def test_a_fall_is_no_progress_to_the_rule_of_a_rise() -> None:
    outputs = run(window(cycled(-0.04), 2.0))
    found = values_of(outputs)
    assert found["vce_drift"] == pytest.approx(-4.0, abs=0.1)
    assert (found["end_of_life"], found["rule"]) == (None, "vce_falling")
    assert "does not apply" in words_of(outputs)


def test_a_baseline_that_is_given_does_not_move_with_the_window() -> None:
    samples = cycled(0.03)
    late = {one: (at[at >= 3_600] - 3_600, values[at >= 3_600]) for one, (at, values) in samples.items()}
    assert values_of(run(window(late, 1.0)))["vce_drift"] == pytest.approx(0.0, abs=0.1)
    given = values_of(run(window(late, 1.0, baseline_v=2.004, match_c=85.0)))
    assert given["vce_drift"] == pytest.approx(3.0, abs=0.1)


def test_a_voltage_without_temperature_is_not_compared() -> None:
    samples = {one: rows for one, rows in cycled(0.06).items() if one is not TEMPERATURE}
    outputs = run(window(samples, 2.0))
    assert values_of(outputs)["vce_drift"] is None
    assert "no package temperature" in words_of(outputs)


def test_thermal_resistance_is_held_against_twenty_percent() -> None:
    rows = np.concatenate([np.full(60, 0.1), np.full(60, 0.115)])
    found = values_of(run(window({RTH: (60.0 * np.arange(120), rows)}, 2.0)))
    assert found["rth_drift"] == pytest.approx(15.0)
    assert found["end_of_life"] == pytest.approx(75.0)
    assert found["rule"] == "rth"


def test_records_left_of_a_recorded_device_that_the_curve_has_not_seen() -> None:
    delta = devices(RECORDINGS)["12"]
    end = end_of_life(delta)
    assert end is not None
    asked = int(0.8 * end)
    seconds = np.arange(asked, dtype=np.float64)
    found = values_of(run(window({RDS: (seconds, delta[:asked])}, asked / 3600)))
    assert found["records_left_p10"] <= end - asked <= found["records_left_p90"]
    assert found["end_of_life"] == pytest.approx(100 * np.median(delta[asked - 201 : asked]) / 0.05)


def test_a_new_device_starts_anew_and_needs_its_own_records() -> None:
    delta = np.concatenate([devices(RECORDINGS)["12"][:4_000], np.zeros(500)])
    seconds = np.arange(delta.size, dtype=np.float64)
    identity = (np.array([0.0, 4_000.0]), ["MOSFET-12", "MOSFET-13"])
    outputs = run(window({RDS: (seconds, delta), DEVICE: identity}, 1.25))
    assert values_of(outputs)["records_left"] is None
    assert values_of(outputs)["rds_delta"] == pytest.approx(0.0)
    assert "there are 500" in words_of(outputs)


def test_the_shipped_curve_is_what_the_named_devices_give() -> None:
    known = devices(RECORDINGS)
    state = LifeModel.fit([known[name] for name in LEARNT]).state()
    shipped = json.loads(CURVE.read_text("utf-8"))
    assert shipped["log_life"] == pytest.approx(state["log_life"].tolist(), abs=1e-5)
    assert shipped["factors"] == pytest.approx(list(state["factors"]), abs=1e-5)


def test_the_figures_of_the_card() -> None:
    found = of_mosfets(RECORDINGS) | of_shipped(RECORDINGS) | of_igbt(RECORDINGS)
    said = {
        "device 9: P10-P90 coverage": 0.90,
        "device 11: P10-P90 coverage": 0.93,
        "device 12: P10-P90 coverage": 1.00,
        "device 9: within 20 %": 0.25,
        "device 11: within 20 %": 0.18,
        "device 12: within 20 %": 0.41,
        "device 12, shipped curve: P10-P90 coverage": 1.00,
        "IGBT: drift at the end, %": -22.2,
        "IGBT: median step between windows, %": 0.62,
    }
    assert {name: found[name] for name in said} == pytest.approx(said, abs=0.02)
    assert found["IGBT: beyond 2.5 % to stay, s"] == pytest.approx(3_598, abs=1)
    assert found["IGBT: beyond 5 % to stay, s"] == pytest.approx(4_498, abs=1)


def test_without_anything_that_ages_the_inputs_are_named() -> None:
    outputs = run(window({CURRENT: (np.array([1.0]), np.array([10.0]))}, 1.0))
    assert set(outputs.missing) == {"vce", "rds", "rth"}
    assert outputs.values == ()
