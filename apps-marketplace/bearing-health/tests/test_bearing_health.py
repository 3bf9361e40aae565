"""The app over made vibration whose growth is known, and over the recorded pump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tundish_app_bearing_health
from tundish_app_bearing_health.app import run
from tundish_app_bearing_health.verify import of_bench, of_rms

from tundish_platform.sdk import AppInputs, AppOutputs, SampleKind, SignalInfo, Texts, read_manifest
from tundish_platform.sdk.testing import check_app
from tundish_platform.sdk.windows import signal, window_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(tundish_app_bearing_health.__file__).parent
RECORDINGS = Path(__file__).parents[3] / "connectors/tundish_connectors/replay/recordings"
BEARINGS = Path(__file__).parents[3] / "analytics/tundish_analytics/evaluate/sets/bearings.parquet"
MANIFEST = read_manifest(FOLDER / "app.toml")
START = datetime(2026, 3, 1, tzinfo=UTC)
RMS = signal(1, "S/A/L/Pump/Bearing/Velocity", "vibration.velocity.rms", unit="mm/s", period_s=10.0)
WAVE = signal(
    2, "S/A/L/Pump/Bearing/Wave", "vibration.acceleration", kind=SampleKind.ARRAY, unit="m/s2", period_s=600.0
)
RATE = signal(3, "S/A/L/Pump/Bearing/Rate", "frequency.sampling", unit="Hz")
HOURS = 48


def window(samples: dict[SignalInfo, tuple[NDArray[Any], Any]], **parameters: float | str) -> AppInputs:
    return window_inputs(MANIFEST, samples, START, START + timedelta(hours=HOURS), parameters)


def grown(decibels_an_hour: float, begin_h: float = 24.0) -> dict[SignalInfo, tuple[NDArray[Any], Any]]:
    """RMS of 2 mm/s that grows from an hour on."""
    seconds = np.arange(0.0, HOURS * 3600, 10.0)
    growth = np.maximum(seconds / 3600 - begin_h, 0.0) * decibels_an_hour
    noise = np.random.default_rng(3).normal(0.0, 0.03, seconds.size)
    return {RMS: (seconds, 2.0 * 10 ** (growth / 20) * np.exp(noise))}


def values_of(outputs: AppOutputs) -> dict[str, Any]:
    return {value.output: value.value for value in outputs.values}


def words_of(outputs: AppOutputs) -> str:
    return " ".join(block.text.en for block in outputs.screen.blocks if block.type == "text")


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


@pytest.mark.parametrize(("rate", "stage"), [(0.0, "steady"), (0.5, "changed"), (1.0, "severe")])
def test_growth_is_read_in_decibels_against_the_beginning(rate: float, stage: str) -> None:
    found = values_of(run(window(grown(rate))))
    assert found["change"] == pytest.approx(24 * rate, abs=0.5)
    assert found["change_p5"] <= found["change"] <= found["change_p95"]
    assert found["stage"] == stage
    assert found["hours_to_limit"] is None


def test_a_time_is_told_only_once_degradation_began_and_a_limit_is_given() -> None:
    limit = 2.0 * 10 ** (18 / 20)
    steady = run(window(grown(0.0), limit=limit))
    assert values_of(steady)["hours_to_limit"] is None
    assert "No degradation has begun" in words_of(steady)
    outputs = run(window(grown(0.5), limit=limit))
    found = values_of(outputs)
    assert found["hours_p10"] <= 12.0 <= found["hours_p90"]
    assert found["hours_to_limit"] == pytest.approx(12.0, rel=0.3)
    assert "a rough hint only" in words_of(outputs)


def test_a_baseline_that_is_given_shows_what_is_older_than_the_window() -> None:
    found = values_of(run(window(grown(0.0), baseline=0.5)))
    assert found["change"] == pytest.approx(20 * np.log10(4), abs=0.3)
    assert found["stage"] == "changed"


def test_a_machine_that_stands_is_no_change() -> None:
    samples = grown(0.0)
    seconds, values = samples[RMS]
    values = np.where(seconds % 7_200 < 3_600, values, 0.02)
    outputs = run(window({RMS: (seconds, values)}, least=0.5))
    assert values_of(outputs)["stage"] == "steady"
    assert values_of(outputs)["change"] == pytest.approx(0.0, abs=0.5)
    (chart,) = [b for b in outputs.screen.blocks if b.type == "chart"]
    assert None in chart.series[0].y


def test_silence_lowers_completeness_and_is_not_filled() -> None:
    seconds, values = grown(0.0)[RMS]
    values = np.where(seconds < 36 * 3600, np.nan, values)
    assert values_of(run(window({RMS: (seconds, values)})))["completeness"] == pytest.approx(0.25, abs=0.01)


def test_impacts_show_in_the_envelope_before_the_rms() -> None:
    rng = np.random.default_rng(4)
    rate, count, length = 25_600.0, 200, 2_560
    seconds = 600.0 * np.arange(count)
    waves = rng.normal(0.0, 1.0, (count, length))
    ring = np.exp(-np.arange(120) / 20) * np.sin(2 * np.pi * 5_000 / rate * np.arange(120))
    for row in range(150, count):
        for at in range(0, length - 120, 256):
            waves[row, at : at + 120] += 12.0 * ring
    samples = {WAVE: (seconds, waves), RATE: (np.array([0.0]), np.array([rate]))}
    outputs = run(window(samples))
    assert values_of(outputs)["stage"] == "severe"
    (figures,) = [b for b in outputs.screen.blocks if b.type == "table"]
    by_name = {row[0].en: row[1] for row in figures.rows if isinstance(row[0], Texts)}
    line, level = by_name["strongest line of the envelope's spectrum (changed most)"], by_name["RMS"]
    assert isinstance(line, float)
    assert isinstance(level, float)
    assert line > level + 6


def test_waveforms_without_a_rate_are_not_judged() -> None:
    waves = np.random.default_rng(1).normal(size=(80, 256))
    outputs = run(window({WAVE: (600.0 * np.arange(80), waves)}))
    assert outputs.values == ()
    assert "no sampling rate" in words_of(outputs)


def test_too_little_is_said() -> None:
    seconds, values = grown(0.0)[RMS]
    outputs = run(window({RMS: (seconds[:300], values[:300])}))
    assert values_of(outputs)["stage"] == "too_little"
    assert values_of(outputs).get("change") is None


def test_the_recorded_pump_is_never_called_changed() -> None:
    found = of_bench(RECORDINGS)
    assert found["bench: called changed"] == 0.0
    assert found["bench: largest change, dB"] == pytest.approx(1.98, abs=0.05)


def test_the_figures_of_the_card_by_the_rms_of_bearings_run_to_failure() -> None:
    found = of_rms(BEARINGS)
    said = {
        "1_2 rms: changed, to stay, from % of life": 95.9,
        "2_2 rms: changed, to stay, from % of life": 95.4,
        "3_1 rms: change at the end, dB": 5.4,
        "2_2 rms: true time within P10-P90": 0.4,
    }
    assert {name: found[name] for name in said} == pytest.approx(said, abs=0.1)
    assert all(found[f"{name} rms: called changed in the first half of life"] == 0 for name in ("1_2", "2_2"))
    assert np.isnan(found["3_1 rms: changed, to stay, from % of life"])


def test_without_vibration_the_inputs_are_named() -> None:
    outputs = run(window({RATE: (np.array([0.0]), np.array([1.0]))}))
    assert set(outputs.missing) == {"velocity", "acceleration", "waveform"}
