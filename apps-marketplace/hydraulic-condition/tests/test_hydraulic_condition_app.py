"""The app over the recorded bench, cycle by cycle, and over what it must say nothing about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tundish_app_hydraulic_condition
from tundish_app_hydraulic_condition.app import run
from tundish_app_hydraulic_condition.cycles import WANTED
from tundish_app_hydraulic_condition.model import FILE, SEMANTICS, TARGETS
from tundish_app_hydraulic_condition.verify import measure, recorded

from tundish_platform.sdk import AppInputs, AppOutputs, SampleKind, SignalRole, read_manifest
from tundish_platform.sdk.testing import check_app
from tundish_platform.sdk.windows import signal, window_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.tables import HydraulicData

FOLDER = Path(tundish_app_hydraulic_condition.__file__).parent
RECORDINGS = Path(__file__).parents[3] / "connectors/tundish_connectors/replay/recordings"
MANIFEST = read_manifest(FOLDER / "app.toml")
START = datetime(2026, 3, 1, tzinfo=UTC)
CYCLES = 20
SIGNALS = tuple(
    signal(n + 1, f"S/A/L/HPU1/Part/V{n:02d}", semantic, period_s=1.0) for n, semantic in enumerate(SEMANTICS)
)
COUNT = signal(
    99,
    "S/A/L/HPU1/Bench/Count",
    "count.cycle",
    kind=SampleKind.INTEGER,
    role=SignalRole.COUNTER,
    period_s=60.0,
)


@cache
def unseen() -> HydraulicData:
    """Cycles of condition blocks that the model was not trained on."""
    return recorded(RECORDINGS)[1]


def window(windows: NDArray[np.float64], drop: tuple[int, ...] = ()) -> AppInputs:
    """Cycles of 60 s one after the other, without some of the signals."""
    rows = windows.reshape(-1, windows.shape[2])
    seconds = np.arange(len(rows)) + 0.25
    samples: dict[Any, Any] = {s: (seconds, rows[:, n]) for n, s in enumerate(SIGNALS) if n not in drop}
    samples[COUNT] = (60.0 * np.arange(len(windows)), list(range(7, 7 + len(windows))))
    return window_inputs(MANIFEST, samples, START, START + timedelta(seconds=len(rows)))


def values_of(outputs: AppOutputs) -> dict[str, Any]:
    return {value.output: value.value for value in outputs.values}


def words_of(outputs: AppOutputs) -> str:
    return " ".join(block.text.en for block in outputs.screen.blocks if block.type == "text")


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_the_figures_of_the_card() -> None:
    found = measure(RECORDINGS)
    said = {"cooler": 0.999, "valve": 1.0, "pump_leakage": 0.995, "accumulator": 0.987}
    assert {name: found[f"{name}: macro-F1"] for name in TARGETS} == pytest.approx(said, abs=0.001)
    assert all(found[f"{name}: calibration error"] <= 0.02 for name in TARGETS)
    assert found["called unlike the bench"] == 0.0
    assert found["cycles"] == 874.0


def test_the_model_holds_numbers_only() -> None:
    with np.load(FILE, allow_pickle=False) as file:
        assert all(file[name].dtype == np.float32 for name in file.files)
    assert FILE.stat().st_size < 100_000


def test_cycles_are_cut_at_the_count_and_the_newest_is_told() -> None:
    data = unseen()
    outputs = run(window(data.windows[:CYCLES]))
    found = values_of(outputs)
    assert [found[name] for name in TARGETS] == data.labels[CYCLES - 1].tolist()
    assert all(found[f"{name}_probability"] >= 0.9 for name in TARGETS)
    assert (found["verdict"], found["completeness"]) == ("read", 1.0)
    charts = [b for b in outputs.screen.blocks if b.type == "chart"]
    assert [series.y for chart in charts for series in chart.series] == [
        tuple(column) for column in data.labels[:CYCLES].T.tolist()
    ]


def test_a_cycle_without_a_signal_gets_no_class_and_the_signal_is_named() -> None:
    windows = unseen().windows[:CYCLES].copy()
    windows[-1, :30, 1] = np.nan
    outputs = run(window(windows))
    found = values_of(outputs)
    assert found["verdict"] == "incomplete"
    assert found["cooler"] is None
    assert "1 that lack a signal" in words_of(outputs)
    charts = [b for b in outputs.screen.blocks if b.type == "chart"]
    assert all(chart.series[0].y[-1] is None for chart in charts)


def test_single_bad_seconds_change_nothing() -> None:
    data = unseen()
    windows = data.windows[:CYCLES].copy()
    holes = np.random.default_rng(2).random(windows.shape) < 0.01
    windows[holes] = np.nan
    found = values_of(run(window(windows)))
    assert [found[name] for name in TARGETS] == data.labels[CYCLES - 1].tolist()


def test_a_bench_that_works_otherwise_is_called_unlike() -> None:
    windows = unseen().windows[:CYCLES].copy()
    windows[:, :, 5:11] *= 1.5
    outputs = run(window(windows))
    found = values_of(outputs)
    assert found["verdict"] == "unlike_training"
    assert all(found[name] is None for name in TARGETS)


def test_a_bench_with_other_signals_is_not_judged() -> None:
    outputs = run(window(unseen().windows[:CYCLES], drop=(5,)))
    assert values_of(outputs) == {"verdict": "other_bench"}
    assert "6 signals of hydraulic pressure" in words_of(outputs)


def test_a_kind_that_is_missing_is_named() -> None:
    outputs = run(window(unseen().windows[:CYCLES], drop=(16,)))
    assert outputs.missing == ("vibration",)
    assert outputs.values == ()


def test_signals_wanted_are_those_of_the_training_table() -> None:
    by_key = {item.key: item.semantic for item in MANIFEST.inputs}
    assert tuple(by_key[key] for key, number in WANTED for _ in range(number)) == SEMANTICS
