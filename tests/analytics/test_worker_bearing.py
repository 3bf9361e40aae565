"""Bearing health from waveforms that were made with a known fault frequency."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tundish_analytics.condition.bearing import (
    BEGINNING,
    BearingBaseline,
    envelope_line,
    health_indicators,
    meaning_of,
    trend,
)
from tundish_analytics.models.registry import Registry
from tundish_analytics.worker import Worker, loop
from tundish_platform.samples import SampleKind, SignalSpec

if TYPE_CHECKING:
    from pathlib import Path

RATE, SAMPLES, FAULT_HZ = 20_000.0, 4_000, 105.0
TENANT, PART = "plant", "S/Shop/L1/Fan1/DriveEnd"
BASE = "S/Shop/L1/Models/bearing-health"
START = int(time.time()) - 5 * 86_400


def block(seed: int, impact: float) -> np.ndarray:
    """Noise, the shaft's turning, and impacts at the fault frequency that ring at 4 kHz."""
    rng = np.random.default_rng(seed)
    t = np.arange(SAMPLES) / RATE
    since = t % (1 / FAULT_HZ)
    ringing = np.exp(-900 * since) * np.sin(2 * np.pi * 4_000 * since)
    return rng.normal(size=SAMPLES) + np.sin(2 * np.pi * 30 * t) + impact * ringing


def test_the_envelope_shows_the_fault_frequency_that_the_spectrum_hides() -> None:
    assert envelope_line(block(1, 6.0), RATE) == pytest.approx(FAULT_HZ, abs=RATE / SAMPLES)
    found = health_indicators(np.array([block(1, 0.0), block(1, 6.0)]), RATE)
    rms, _, _, line = 20 / np.log(10) * (found[1] - found[0])
    assert line > 15
    assert rms < 6


def test_a_change_counts_only_against_the_scatter_of_the_beginning() -> None:
    quiet = health_indicators(np.array([block(n, 0.0) for n in range(BEGINNING)]), RATE)
    baseline = BearingBaseline.fit(quiet)
    same = baseline.change(health_indicators(np.array([block(n, 0.0) for n in range(900, 910)]), RATE))
    worse = baseline.change(health_indicators(np.array([block(n, 6.0) for n in range(900, 910)]), RATE))
    assert abs(same.value) < 3
    assert same.low <= same.value <= same.high
    assert worse.low > 6
    assert worse.decibels.argmax() == 3
    assert meaning_of(same.value, same.low).en.startswith("Vibration near")
    assert meaning_of(21.0, 15.0).en.startswith("Vibration is ten")
    assert meaning_of(7.0, 2.0).en.startswith("Vibration near")


def test_the_trend_has_the_slope_that_was_put_in() -> None:
    days = np.arange(60) / 24
    decibels = 2.5 * days + np.random.default_rng(3).normal(size=60)
    found = trend(days, decibels)
    assert found is not None
    slope, low, high = found
    assert low < 2.5 < high
    assert slope == pytest.approx(2.5, abs=0.5)
    assert trend(days[:20], decibels[:20]) is None


def test_waveforms_become_change_and_trend_without_a_life(
    memory_platform: Any,  # noqa: ANN401
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "_TRAIN_RETRY_S", 0.0)
    wave = SignalSpec(
        path=f"{PART}/Waveform", name_zh="加速度", name_en="acceleration", unit="m/s2", period_s=600.0,
        semantic="vibration.acceleration", kind=SampleKind.ARRAY,
    )  # fmt: skip
    rate = SignalSpec(
        path=f"{PART}/Rate", name_zh="采样率", name_en="rate", semantic="frequency.sampling", unit="Hz"
    )
    memory_platform.put_signals(TENANT, "gateway", [wave, rate])
    memory_platform.put(TENANT, rate.path, [START], [RATE])

    def play(first: int, impacts: np.ndarray) -> list[str]:
        ts = START + 600 * (first + np.arange(len(impacts)))
        blocks = [block(first + n, impact).tolist() for n, impact in enumerate(impacts)]
        memory_platform.put(TENANT, wave.path, ts, blocks)
        told: list[Any] = []
        worker = Worker(memory_platform, [TENANT], Registry(tmp_path), told.append)
        worker.tick()
        return [p.stage for p in told]

    assert play(0, np.zeros(BEGINNING - 1)) == ["waiting"]
    assert play(BEGINNING - 1, np.zeros(1)) == ["training", "ready"]
    play(BEGINNING, np.zeros(20))
    play(BEGINNING + 20, np.linspace(0.0, 8.0, 30))

    change = [
        json.loads(text) for text in memory_platform.stored(TENANT, f"{BASE}/vibration_change/Evidence")
    ]
    assert len(change) == 50
    assert len({text["window_end"] for text in change}) == 50
    assert all(text["value"] < 6 for text in change[:20])
    last = change[-1]
    assert last["value"] > 6
    assert last["low"] > 3
    assert "doubled" in last["label_en"] or "ten times" in last["label_en"]
    strongest = last["evidence"][0]
    assert "strongest line" in strongest["name_en"]
    assert "105 Hz" in strongest["name_en"]
    assert strongest["value"] > 3 * strongest["expected"]
    slope = json.loads(memory_platform.stored(TENANT, f"{BASE}/vibration_trend/Evidence")[-1])
    assert slope["unit"] == "dB/d"
    assert 0 < slope["low"] <= slope["value"] <= slope["high"]
    assert "no remaining life" in slope["label_en"]
