"""Evaluations on files that the code has never seen: found, read, and kept apart from what is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tundish_analytics.evaluate import Evaluation, evaluate_igbt, evaluate_mosfet, evaluate_turbine
from tundish_analytics.evaluate.files import find_table
from tundish_analytics.evaluate.turbine import PROCESS, TARGETS
from tundish_analytics.tables import HydraulicData, seconds_from_table

if TYPE_CHECKING:
    from pathlib import Path


def values(evaluation: Evaluation) -> dict[str, float]:
    return {figure.name: figure.value for figure in evaluation.figures}


def device(length: int, seed: int) -> np.ndarray:
    record = np.arange(length + 60)
    noise = 2e-4 * np.random.default_rng(seed).normal(size=len(record))
    return 0.05 * (record / length) ** 3 + noise


def test_a_device_never_helps_to_judge_itself_under_any_name() -> None:
    shipped = {"a": device(6000, 1), "b": device(9000, 2), "c": device(7000, 3)}
    alone = values(evaluate_mosfet(shipped))
    given = {"renamed": shipped["c"], "running": device(9000, 4)[:4000]}
    again = evaluate_mosfet(shipped, given)
    assert values(again)["renamed MAE"] == alone["c MAE"]
    assert again.facts["not judged, threshold never reached"] == ["running"]
    assert values(again)["alpha_lambda"] == alone["c share of records within 20 %"]
    assert abs(alone["c end-of-life error at 90% of life"]) < 10
    assert values(evaluate_mosfet(shipped, dict(shipped))) == alone
    with pytest.raises(ValueError, match="no device of the file"):
        evaluate_mosfet(shipped, {"running": given["running"]})


def samples(pulses: int, fall: float, first: float = 0.0) -> pd.DataFrame:
    """Twenty samples a second of pulses of six seconds every fifteen; VCE falls evenly by `fall` a second."""
    t = np.arange(pulses * 15 * 20) / 20
    since = t % 15
    on = since < 6
    temperature = 263 + np.abs(since - 2) * 1.5
    volt = (2.0 - 0.01 * (temperature - 266)) * (1 - fall * (t + first))
    volt += 0.002 * np.random.default_rng(5).normal(size=t.size)
    return pd.DataFrame({
        "t_s": t + first,
        "Collector Voltage": np.where(on, volt, 10.0),
        "Collector Current": np.where(on, 7.9, 0.0),
        "Package Temp": temperature,
    })  # fmt: skip


def test_samples_of_a_run_are_read_as_seconds_and_its_end_is_foreseen() -> None:
    found = values(evaluate_igbt(seconds_from_table(samples(400, 1.3e-5))))
    assert found["time of |drift| >= 5 %, to stay"] == pytest.approx(0.05 / 1.3e-5 + 750, abs=500)
    assert found["alpha_lambda"] > 0.5
    assert abs(found["end_of_life_error at 90% of life"]) < 10


def test_a_later_part_of_a_run_is_read_against_the_shipped_beginning() -> None:
    whole = seconds_from_table(samples(240, 1.3e-5))
    later = seconds_from_table(samples(60, 1.3e-5, first=5400.0))
    evaluation = evaluate_igbt(later, shipped=whole)
    assert evaluation.facts["baseline"] == "the shipped run's"
    assert values(evaluation)["drift at the end"] == pytest.approx(-100 * 1.3e-5 * 5400, abs=1.5)


def hours(count: int, seed: int, *, year: int = 2011) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(generator.normal(size=(count, len(PROCESS))), columns=list(PROCESS))
    load = table["TIT"].to_numpy()
    return table.assign(
        CO=2 * np.abs(load) + 0.1 * generator.normal(size=count),
        NOX=60 + 5 * load - 3 * table["AT"] + generator.normal(size=count),
        year_inferred=year,
    )


def test_emissions_of_a_later_year_are_estimated_and_the_other_emission_is_not_read() -> None:
    years = pd.concat([hours(700, 1), hours(500, 2, year=2012)], ignore_index=True)
    evaluation = evaluate_turbine(years, trees=30)
    found = values(evaluation)
    assert evaluation.facts["hours judged"] == 500
    assert found["CO rmse"] < 0.6 * found["CO rmse, linear regression"]
    assert 0.8 < found["NOX interval90_coverage"] < 0.97
    assert found["NOX share of hours answered"] > 0.9
    assert not set(TARGETS) & set(PROCESS)


def test_hours_of_the_file_are_taken_out_of_the_training() -> None:
    shipped, other = hours(600, 3), hours(100, 4)
    mixed = pd.concat([shipped.tail(150), other], ignore_index=True)
    facts = evaluate_turbine(shipped, mixed, trees=5).facts
    assert (facts["hours trained on"], facts["hours judged"]) == (450, 250)
    same = evaluate_turbine(shipped, shipped, trees=5).facts
    assert (same["hours trained on"], same["hours judged"]) == (400, 200)


def test_cycles_that_are_judged_are_not_trained_on(hydraulic_data: HydraulicData) -> None:
    some = hydraulic_data.take(np.arange(30, 60))
    renumbered = HydraulicData(some.windows, some.semantics, some.labels, some.starts + 10_000)
    left = hydraulic_data.without(renumbered)
    assert len(left.labels) == len(hydraulic_data.labels) - 30


def test_a_table_is_found_by_its_columns(tmp_path: Path) -> None:
    pd.DataFrame({"cycle": [1, 2], "PS1": [0.1, 0.2]}).to_parquet(tmp_path / "sensors.parquet")
    pd.DataFrame({"cycle": [7], "cooler": [3]}).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame({"cycle": [1, 2], "cooler": [3, 3]}).to_csv(tmp_path / "b.csv", index=False)
    sensors = tmp_path / "sensors.parquet"
    assert len(find_table(tmp_path, ["PS1"])) == 2
    beside = find_table(sensors, ["cooler"], lambda table: set(table["cycle"]) == {1, 2})
    assert len(beside) == 2
    with pytest.raises(ValueError, match=r"sensors\.parquet has no column cooler"):
        find_table(sensors, ["cooler"])
