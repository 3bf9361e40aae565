"""The app over windows whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import tundish_app_spc_monitor
from tundish_app_spc_monitor.app import run
from tundish_app_spc_monitor.series import series_of

from tundish_platform.sdk import AppInputs, AppOutputs, SampleKind, Texts, read_manifest
from tundish_platform.sdk.testing import check_app, example_inputs

FOLDER = Path(tundish_app_spc_monitor.__file__).parent
MANIFEST = read_manifest(FOLDER / "app.toml")


def window(*series: np.ndarray, bad: tuple[int, ...] = (), **parameters: float | str) -> AppInputs:
    """The example window with its signals' values replaced, one array for each of the first signals."""
    base = example_inputs(MANIFEST)
    table = base.tables[SampleKind.NUMERIC]
    place = table.column("signal").to_numpy()
    values = table.column("value").to_numpy().copy()
    status = table.column("status").to_numpy().copy()
    for number, points in enumerate(series, start=1):
        values[np.flatnonzero(place == number)[-points.size :]] = points
    status[list(bad)] = 0x80000000
    columns = [table.column("signal"), table.column("ts"), pa.array(values), pa.array(status)]
    signals = base.signals[: len(series)] if series else base.signals
    changed = {SampleKind.NUMERIC: pa.table(columns, schema=table.schema)}
    return replace(base, signals=signals, tables=changed, parameters=parameters)


def values_of(outputs: AppOutputs) -> dict[str, object]:
    return {value.output: value.value for value in outputs.values}


def words_of(outputs: AppOutputs) -> str:
    return " ".join(b.text.en for b in outputs.screen.blocks if b.type == "text")


def test_it_conforms() -> None:
    assert check_app(FOLDER) == []


def test_a_hole_stays_a_hole_when_points_are_thinned() -> None:
    slow = np.random.default_rng(3).normal(0.0, 1.0, 80).repeat(3)
    inputs = window(slow, bad=(99, 100))
    series = series_of(inputs, inputs.signals[0])
    assert series is not None
    assert series.step > 1, "thinned, so that the two bad samples fall between chosen points"
    assert np.isnan(series.points).sum() >= 1


def test_white_noise_with_one_outlier_is_flagged_once_by_rule_one() -> None:
    noise = np.random.default_rng(11).normal(50.0, 1.0, 240)
    noise[200] = 60.0
    outputs = run(window(noise))
    found = values_of(outputs)
    assert (found["points"], found["verdict"]) == (240.0, "signals")
    (table,) = [b for b in outputs.screen.blocks if b.type == "table" and "Flagged" in b.title.en]
    said = [(row[0].en, row[2]) for row in table.rows if isinstance(row[0], Texts)]
    assert [value for rule, value in said if rule.startswith("N1")] == [60.0]


def test_a_random_walk_has_no_valid_limits_and_raises_no_alarm() -> None:
    walk = np.cumsum(np.random.default_rng(2).normal(size=240))
    outputs = run(window(walk))
    found = values_of(outputs)
    assert found["verdict"] == "limits_invalid"
    assert found["alarms"] is None
    assert found["cpk"] is None
    assert "limits" in words_of(outputs)
    (chart,) = [b for b in outputs.screen.blocks if b.type == "chart"]
    assert [s.name.en for s in chart.series if s.style == "limit"] == ["centre"]


def test_repeated_values_are_thinned_and_the_screen_says_so() -> None:
    held = np.repeat(np.random.default_rng(4).normal(10.0, 1.0, 120), 2)
    outputs = run(window(held))
    assert values_of(outputs)["points"] == pytest.approx(120, abs=40)
    assert "1 of every" in words_of(outputs)


def test_cpk_only_against_limits_that_were_given() -> None:
    noise = np.random.default_rng(6).normal(50.0, 1.0, 240)
    assert values_of(run(window(noise)))["cpk"] is None
    assert "No Cpk" in words_of(run(window(noise)))
    found = values_of(run(window(noise, lower_spec=46.0, upper_spec=54.0)))
    assert found["cpk"] == pytest.approx(4 / 3, rel=0.1)


def test_bad_samples_are_missing_points() -> None:
    noise = np.random.default_rng(8).normal(50.0, 1.0, 240)
    outputs = run(window(noise, bad=(5, 6, 7)))
    assert values_of(outputs)["points"] == 237.0
    assert "3 places are missing" in words_of(outputs)


def test_constant_and_too_few_values_are_no_data() -> None:
    assert values_of(run(window(np.full(240, 3.0))))["verdict"] == "no_data"
    few = window(np.arange(240.0), bad=tuple(range(225)))
    assert values_of(run(few))["verdict"] == "no_data"


def test_the_signal_asked_for_is_charted() -> None:
    rng = np.random.default_rng(9)
    inputs = window(rng.normal(size=240), rng.normal(size=240))
    second = inputs.signals[1].path
    assert values_of(run(replace(inputs, parameters={"signal": second})))["signal"] == second
    assert values_of(run(replace(inputs, parameters={"signal": "no/such"})))["verdict"] == "no_data"
