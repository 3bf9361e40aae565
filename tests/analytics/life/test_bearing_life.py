"""Vibration indicators on signals whose content is known, and life of made-up bearings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tundish_analytics.evaluate.bearings import evaluate_bearings
from tundish_analytics.evaluate.waveforms import (
    CHALLENGE_LEFT_S,
    COLUMNS,
    GEOMETRY,
    RATE_HZ,
    SAMPLES,
    read_bearings,
)
from tundish_analytics.life.bearing import BearingLife, BearingRun, bearing_features
from tundish_analytics.life.vibration import indicator_names, indicators

if TYPE_CHECKING:
    from pathlib import Path

SHAFT_HZ = 30.0
SECONDS = np.arange(SAMPLES) / RATE_HZ


def read(signal: np.ndarray) -> dict[str, float]:
    row = indicators(signal[None], RATE_HZ, SHAFT_HZ, GEOMETRY)[0]
    return dict(zip(indicator_names(), row, strict=True))


def test_damage_frequencies_are_those_of_the_bench() -> None:
    found = GEOMETRY.frequencies(SHAFT_HZ)
    assert found["outer"] == pytest.approx(168.3, abs=0.1)
    assert found["inner"] == pytest.approx(221.7, abs=0.1)
    assert found["outer"] + found["inner"] == pytest.approx(13 * SHAFT_HZ)
    assert found["cage"] * 13 == pytest.approx(found["outer"])


def test_a_sine_has_its_rms_in_its_band_and_noise_a_kurtosis_of_three() -> None:
    sine = read(2 * np.sin(2 * np.pi * 4_000 * SECONDS) + 5)
    assert sine["rms"] == pytest.approx(np.sqrt(2), rel=1e-3)
    assert sine["rms_3_6_khz"] == pytest.approx(np.sqrt(2), rel=1e-3)
    assert sine["rms_1_3_khz"] < 1e-6
    assert sine["envelope"] == pytest.approx(2, rel=1e-2)
    noise = np.random.default_rng(1).normal(size=(20, SAMPLES))
    kurtosis = indicators(noise, RATE_HZ, SHAFT_HZ, GEOMETRY)[:, indicator_names().index("kurtosis")]
    assert kurtosis.mean() == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("damage", ["outer", "inner"])
def test_a_resonance_struck_at_a_damage_frequency_shows_there(damage: str) -> None:
    since = SECONDS % (1 / GEOMETRY.frequencies(SHAFT_HZ)[damage])
    ringing = np.exp(-since * 1_500) * np.sin(2 * np.pi * 5_000 * since)
    found = read(ringing + 0.05 * np.random.default_rng(2).normal(size=SAMPLES))
    other = {"outer": "inner", "inner": "outer"}[damage]
    assert found[damage] > 2 * found[other]
    assert found["kurtosis"] > 4


def bearing(life: int, seed: int) -> BearingRun:
    """Indicators that stay level for most of the life, then grow tenfold, on a scale of the bearing's own."""
    generator = np.random.default_rng(seed)
    share = np.arange(1, life + 1)[:, None] / life
    growth = np.exp(2.3 * np.clip((share - 0.5) / 0.5, 0, None) ** 2)
    scale = np.exp(generator.normal(size=(1, 4)))
    return BearingRun(scale * growth * np.exp(0.1 * generator.normal(size=(life, 4))))


def test_features_are_free_of_scale_and_read_no_later_snapshot() -> None:
    run = bearing(400, 1)
    features = bearing_features(run)
    assert bearing_features(BearingRun(run.indicators * 7)) == pytest.approx(features, abs=1e-9)
    assert bearing_features(run.upto(250)) == pytest.approx(features[:250])
    assert run.upto(250).life == run.life == 400


def test_growth_says_more_than_age() -> None:
    runs = {f"1_{n}": bearing(life, n) for n, life in enumerate((400, 900, 600, 1500), start=1)}
    found = {figure.name: figure.value for figure in evaluate_bearings(runs, trees=40).figures}
    assert found["phm2012_score"] > found["phm2012_score by age alone"] + 0.05
    with pytest.raises(ValueError, match="needs 2 bearings"):
        BearingLife.fit([bearing(300, 1)])


def test_a_bearing_never_helps_to_judge_itself() -> None:
    shipped = {f"7_{n}": bearing(500 + 100 * n, n) for n in range(1, 5)}
    alone = evaluate_bearings(shipped, trees=5).figures
    copies = {f"9_{name[-1]}": run for name, run in shipped.items()}
    again = evaluate_bearings(shipped, copies, trees=5).figures
    assert [figure.value for figure in again] == [figure.value for figure in alone]


def waveforms(snapshots: int, seed: int) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    size = snapshots * SAMPLES
    return pd.DataFrame({
        "snapshot": np.repeat(np.arange(1, snapshots + 1), SAMPLES),
        "h_mg": generator.integers(-900, 900, size),
        "v_mg": generator.integers(-500, 500, size),
    })  # fmt: skip


def test_files_are_read_by_their_names(tmp_path: Path) -> None:
    waveforms(5, 1).to_parquet(tmp_path / "Learning_set__Bearing1_2__acc.parquet")
    waveforms(4, 2).to_parquet(tmp_path / "Test_set__Bearing2_3__acc.parquet")
    waveforms(6, 3).to_parquet(tmp_path / "Full_Test_Set__Bearing1_3__acc.parquet")
    pd.DataFrame({"snapshot": [1], "h_rms": [0.5]}).to_parquet(tmp_path / "Bearing1_2__snapshots.parquet")
    runs = read_bearings(tmp_path)
    assert {name: run.left for name, run in runs.items()} == {
        "1_2": 0,
        "1_3": 0,
        "2_3": CHALLENGE_LEFT_S["2_3"] / 10,
    }
    assert runs["1_3"].indicators.shape == (6, len(COLUMNS))
    assert runs["1_2"].indicators[:, 0] == pytest.approx(np.full(5, 0.9 / np.sqrt(3)), rel=0.05)
    waveforms(2, 4).to_parquet(tmp_path / "nameless.parquet")
    with pytest.raises(ValueError, match="which bearing"):
        read_bearings(tmp_path / "nameless.parquet")
    with pytest.raises(ValueError, match="no waveforms"):
        read_bearings(tmp_path / "Bearing1_2__snapshots.parquet")
