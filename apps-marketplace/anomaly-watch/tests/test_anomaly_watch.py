"""The app over made machines whose fault is known, and over the recorded test bench."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tundish_app_anomaly_watch
from tundish_app_anomaly_watch.app import run
from tundish_app_anomaly_watch.verify import of_cooler

from tundish_platform.sdk import AppInputs, AppOutputs, SignalInfo, read_manifest
from tundish_platform.sdk.testing import check_app
from tundish_platform.sdk.windows import signal, window_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDER = Path(tundish_app_anomaly_watch.__file__).parent
RECORDINGS = Path(__file__).parents[3] / "connectors/tundish_connectors/replay/recordings"
MANIFEST = read_manifest(FOLDER / "app.toml")
START = datetime(2026, 3, 1, tzinfo=UTC)
PERIOD = 20.0
ROWS = 24 * 180
SIX = tuple(signal(n + 1, f"S/A/L/Pump/Part/V{n}", "pressure.hydraulic", period_s=PERIOD) for n in range(6))


def machine(seed: int = 1) -> NDArray[np.float64]:
    """A day of six signals that share two causes."""
    rng = np.random.default_rng(seed)
    causes, mixed = rng.normal(size=(ROWS, 2)), rng.normal(size=(2, 6))
    made: NDArray[np.float64] = 50 + causes @ mixed + 0.3 * rng.normal(size=(ROWS, 6))
    return made


def day(
    rows: NDArray[np.float64], signals: tuple[SignalInfo, ...] = SIX, **parameters: float | str
) -> AppInputs:
    seconds = (np.arange(len(rows)) + 0.5) * PERIOD
    samples = {one: (seconds, rows[:, n]) for n, one in enumerate(signals)}
    return window_inputs(MANIFEST, samples, START, START + timedelta(days=1), parameters)


def values_of(outputs: AppOutputs) -> dict[str, Any]:
    return {value.output: value.value for value in outputs.values}


def words_of(outputs: AppOutputs) -> str:
    return " ".join(block.text.en for block in outputs.screen.blocks if block.type == "text")


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_a_steady_machine_is_usual_and_false_alarms_keep_near_their_rate() -> None:
    found = values_of(run(day(machine(), alpha=0.05)))
    assert found["watched"] == 6.0
    assert found["completeness"] == pytest.approx(1.0)
    assert found["alarm_share"] <= 0.12


def test_a_sensor_that_leaves_the_others_is_found_and_named() -> None:
    rows = machine()
    rows[-180:, 3] += 2.5
    outputs = run(day(rows))
    found = values_of(outputs)
    assert found["verdict"] == "unusual"
    assert found["unusual"] >= 0.99
    assert found["leading"] == SIX[3].path
    # An hour of the four that are judged.
    assert found["alarm_share"] == pytest.approx(0.25, abs=0.05)
    (parts,) = [b for b in outputs.screen.blocks if b.type == "table" and "contribute" in b.title.en]
    assert parts.rows[0][1] == SIX[3].path
    value, expected = parts.rows[0][3], parts.rows[0][4]
    assert isinstance(value, float)
    assert isinstance(expected, float)
    assert value - expected == pytest.approx(2.5, abs=1.0)


def test_what_is_judged_is_not_learnt_from() -> None:
    rows = machine()
    rows[-720:, 3] += 2.5
    assert values_of(run(day(rows)))["alarm_share"] >= 0.95
    assert values_of(run(day(rows, judge_h=1)))["alarm_share"] < 0.95


def test_nothing_is_said_about_windows_with_too_few_samples() -> None:
    rows = machine()
    rows[-90:, :4] = np.nan
    outputs = run(day(rows))
    assert values_of(outputs)["verdict"] == "no_statement"
    assert values_of(outputs)["unusual"] is None
    assert "30 windows with too few samples" in words_of(outputs)
    (chart,) = [b for b in outputs.screen.blocks if b.type == "chart"]
    assert chart.series[0].y[-30:] == (None,) * 30


def test_one_silent_sensor_raises_no_alarm() -> None:
    rows = machine()
    rows[-360:, 5] = np.nan
    assert values_of(run(day(rows)))["alarm_share"] <= 0.1


def test_fewer_than_five_signals_of_one_machine_are_said_to_be_too_few() -> None:
    others = tuple(s.model_copy(update={"path": s.path.replace("Pump", "Fan")}) for s in SIX[4:])
    outputs = run(day(machine(), (*SIX[:4], *others)))
    assert values_of(outputs) == {"verdict": "few_signals", "watched": 4.0}
    assert "five are needed" in words_of(outputs)


def test_the_machine_asked_for_is_watched() -> None:
    fan = tuple(
        s.model_copy(update={"id": s.id + 10, "path": s.path.replace("Pump", "Fan")}) for s in SIX[:5]
    )
    rows = np.hstack([machine(), machine(2)[:, :5]])
    assert values_of(run(day(rows, (*SIX, *fan))))["machine"] == "S/A/L/Pump"
    assert values_of(run(day(rows, (*SIX, *fan), machine="S/A/L/Fan")))["machine"] == "S/A/L/Fan"


def test_a_day_that_is_too_short_says_how_much_is_needed() -> None:
    rows = machine()
    rows[: ROWS // 2 + 1_000] = np.nan
    outputs = run(day(rows))
    assert values_of(outputs)["verdict"] == "too_little"
    assert "99 held-out windows" in words_of(outputs)


def test_a_failing_cooler_of_the_recorded_bench_is_found_among_all_other_conditions() -> None:
    found = of_cooler(RECORDINGS)
    assert found["cooler: false alarms"] <= 0.02
    assert found["cooler: cooler 20 % found"] >= 0.99
    assert found["cooler: cooler 3 % found"] >= 0.99
