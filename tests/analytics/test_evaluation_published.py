"""Protocols of published sets, on made data of their columns: what they find, and that their guards hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tundish_analytics.evaluate import (
    Evaluation,
    evaluate_ai4i,
    evaluate_energy,
    evaluate_plates,
    evaluate_skab,
    evaluate_tep,
)
from tundish_analytics.evaluate.ai4i import LEAKS, ai4i_features
from tundish_analytics.evaluate.energy import LEAK, LOAD, SAME_INTERVAL
from tundish_analytics.evaluate.plates import CLASSES, plates_of
from tundish_analytics.evaluate.skab import SIGNALS as SKAB_SIGNALS
from tundish_analytics.evaluate.tep import SIGNALS as TEP_SIGNALS


def values(evaluation: Evaluation) -> dict[str, float]:
    return {figure.name: figure.value for figure in evaluation.figures}


def milling(rows: int = 900) -> pd.DataFrame:
    """Failures by power and by wear times torque, as the set's description tells them."""
    generator = np.random.default_rng(1)
    torque, speed = generator.normal(40, 10, rows), generator.normal(1540, 180, rows)
    wear, air = generator.uniform(0, 250, rows), generator.normal(300, 2, rows)
    power = torque * speed * 2 * np.pi / 60
    failed = (power < 4200) | (power > 9000) | (wear * torque > 11_000)
    return pd.DataFrame({
        "Type": generator.choice(["L", "M", "H"], rows),
        "Air temperature [K]": air,
        "Process temperature [K]": air + generator.normal(10, 1, rows),
        "Rotational speed [rpm]": speed,
        "Torque [Nm]": torque,
        "Tool wear [min]": wear,
        "Machine failure": failed.astype(int),
        "PWF": failed.astype(int),
    })  # fmt: skip


def test_failures_are_found_without_the_columns_that_leak() -> None:
    table = milling()
    found = values(evaluate_ai4i(table, folds=2))
    assert found["f1"] > 0.7
    (f1,) = (figure for figure in evaluate_ai4i(table, folds=2).figures if figure.name == "f1")
    assert f1.interval is not None
    assert f1.interval[0] < f1.value < f1.interval[1]
    assert np.array_equal(ai4i_features(table), ai4i_features(table.drop(columns=["PWF"])))
    assert "PWF" in LEAKS
    shuffled = table.assign(
        **{"Machine failure": table["Machine failure"].sample(frac=1, random_state=2).to_numpy()}
    )
    assert values(evaluate_ai4i(shuffled, folds=2))["f1"] < 0.3


def test_both_forms_of_the_plates_give_the_same_plates(plates: pd.DataFrame) -> None:
    part = plates.groupby("fault_class").head(12).reset_index(drop=True)
    names = part["fault_class"].replace("K_Scratch", "K_Scatch")
    wide = part.drop(columns="fault_class").assign(**{name: (names == name).astype(int) for name in CLASSES})
    features, labels = plates_of(wide)
    assert np.array_equal(features, plates_of(part)[0])
    assert labels.tolist() == names.tolist()
    found = values(evaluate_plates(features, labels, repeats=1, folds=3))
    assert found["accuracy"] > 0.4
    with pytest.raises(ValueError, match="just one class"):
        plates_of(wide.assign(Bumps=1, Stains=1))


def experiments(shift: float) -> pd.DataFrame:
    generator, parts = np.random.default_rng(3), []
    for number in range(3):
        rows = generator.normal(size=(700, 8))
        rows[:, 4] = np.cumsum(generator.normal(size=700)) * 0.3
        truth = np.zeros(700)
        rows[450:650, :3] += shift
        truth[450:650] = 1
        parts.append(
            pd.DataFrame(rows, columns=list(SKAB_SIGNALS)).assign(file=f"{number}.csv", anomaly=truth)
        )
    return pd.concat(parts)


def test_shifted_experiments_are_found_and_a_wandering_temperature_is_not_taken_for_one() -> None:
    found = values(evaluate_skab(experiments(2.0)))
    assert found["outlier_f1"] > 0.85
    assert found["outlier_f1"] > found["outlier_f1, plain T² of all signals"]
    quiet = values(evaluate_skab(experiments(0.0)))
    assert quiet["false_alarm_rate"] < 0.02
    with pytest.raises(ValueError, match="no labelled experiment"):
        evaluate_skab(experiments(0.0).head(200))


def test_a_small_shift_of_the_process_is_found_by_the_average_first() -> None:
    generator, runs = np.random.default_rng(4), {}
    mixing = generator.normal(size=(6, 52))
    for name, rows in (("d00.dat", 500), ("d00_te.dat", 400), ("d01_te.dat", 400), ("d02_te.dat", 400)):
        runs[name] = generator.normal(size=(rows, 6)) @ mixing + generator.normal(size=(rows, 52))
    runs["d01_te.dat"][160:, 7] += 1.5
    runs["d02_te.dat"][160:] += 5.0
    table = pd.concat(
        pd.DataFrame(values_, columns=list(TEP_SIGNALS)).assign(file=name, sample=np.arange(len(values_)))
        for name, values_ in runs.items()
    )
    found = values(evaluate_tep(table))
    assert found["mewma: false_alarm_rate"] <= 0.01
    assert found["mewma: detection of fault 2"] > 0.95
    assert found["mewma: detection of fault 1"] > max(
        found["pca t2: detection of fault 1"], found["pca q: detection of fault 1"]
    )
    with pytest.raises(ValueError, match="no test run"):
        evaluate_tep(table[table["file"].isin(["d00.dat", "d00_te.dat"])])


def factory(days: int = 42) -> pd.DataFrame:
    generator, steps = np.random.default_rng(5), np.arange(1, days * 96 + 1)
    weekday, hour = (steps - 1) // 96 % 7, steps % 96 / 4
    load = np.where((weekday < 5) & (hour > 6) & (hour < 20), 50.0, 4.0) * generator.normal(
        1, 0.1, steps.size
    )
    factor = generator.uniform(0.6, 0.95, steps.size)
    days_of = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    return pd.DataFrame({
        "Usage_kWh": load,
        "Lagging_Current_Reactive.Power_kVarh": load * np.tan(np.arccos(factor)),
        "Leading_Current_Reactive_Power_kVarh": 0.0,
        "CO2(tCO2)": load * 0.0005,
        "Lagging_Current_Power_Factor": factor * 100,
        "Leading_Current_Power_Factor": 100.0,
        "NSM": steps % 96 * 900,
        "Day_of_week": [days_of[number] for number in weekday],
    })  # fmt: skip


def test_the_forecast_reads_neither_co2_nor_the_tested_part() -> None:
    table = factory().drop(columns=LEAK)
    found = values(evaluate_energy(table, trees=40))
    assert found["rmse"] < found["rmse, same week-time a week before"]
    assert 0.8 < found["interval90_coverage"] <= 1
    assert found["rmse, same interval"] < found["rmse"]
    assert LEAK not in (LOAD, *SAME_INTERVAL)
