"""Evaluations give figures with protocol, also on data held back elsewhere."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tundish_analytics.evaluate import (
    Evaluation,
    Figure,
    evaluate_hydraulic,
    evaluate_igbt,
    evaluate_mosfet,
    evaluate_steel,
)
from tundish_analytics.tables import (
    HydraulicData,
    devices_from_table,
    plates_from_table,
    seconds_from_table,
)


def values(evaluation: Evaluation) -> dict[str, float]:
    document = json.loads(json.dumps(evaluation.document(), allow_nan=False))
    assert document["protocol"]
    assert document["guard"]
    keys = {"name", "value", "unit", "better", "bar", "holds", "peers", "low", "high"}
    assert all(set(figure) == keys for figure in document["figures"])
    return {figure["name"]: figure["value"] for figure in document["figures"]}


def test_a_figure_holds_on_the_right_side_of_its_bar() -> None:
    assert Figure("f", 0.9, bar=0.9).holds is True
    assert Figure("f", 0.89, bar=0.9).holds is False
    assert Figure("f", 0.89, better="less", bar=0.9).holds is True
    assert Figure("f", float("nan"), better="less", bar=0.9).holds is False
    assert Figure("f", 1.0).holds is None
    assert Figure("f", float("nan")).document()["value"] is None


def test_devices_held_out_and_devices_given_apart(mosfet_records: pd.DataFrame) -> None:
    devices = devices_from_table(mosfet_records)
    inner = values(evaluate_mosfet(devices))
    assert inner["mae"] < inner["12 MAE, straight line"]
    first, *others = devices
    apart = evaluate_mosfet({name: devices[name] for name in others}, {first: devices[first]})
    assert values(apart)[f"{first} MAE"] == pytest.approx(inner[f"{first} MAE"])
    assert apart.facts["test_devices"] == [first]


def test_the_igbt_run_is_told_as_a_case(igbt_seconds: pd.DataFrame) -> None:
    found = values(evaluate_igbt(seconds_from_table(igbt_seconds)))
    assert -30 < found["drift at the end"] < -15
    assert 3600 < found["time of |drift| >= 5 %, to stay"] < 5400


def test_hydraulic_figures_rank_model_above_baselines(hydraulic_data: HydraulicData) -> None:
    part = hydraulic_data.take(np.arange(0, len(hydraulic_data.labels), 3))
    apart = hydraulic_data.take(np.arange(1, len(hydraulic_data.labels), 6))
    evaluation = evaluate_hydraulic(part, apart, repeats=1, regimes=False)
    found = values(evaluation)
    held_out = found["accumulator macro-F1, blocks held out"]
    assert held_out > found["accumulator macro-F1, thresholds on single features"] + 0.2
    assert found["accumulator macro-F1, always the commonest class"] < 0.2
    assert evaluation.facts["test_cycles"] == len(apart.labels)


def test_plates_given_apart_are_judged_without_refitting_on_them(plates: pd.DataFrame) -> None:
    features, labels = plates_from_table(plates.sample(900, random_state=2))
    swapped = np.roll(labels[600:], 1)
    train = (features[:600], labels[:600])
    found = values(evaluate_steel(*train, (features[600:], labels[600:])))
    wrong = values(evaluate_steel(*train, (features[600:], swapped)))
    assert found["accuracy"] > 0.65
    assert wrong["accuracy"] < 0.4
    assert found["share of plates not unsure"] == wrong["share of plates not unsure"]


def test_tables_that_do_not_fit_together_are_refused(hydraulic_data: HydraulicData) -> None:
    sensors = pd.DataFrame({"cycle": [1], "second": [0]} | {c: [0.0] for c in ("CE", "CP")})
    with pytest.raises((ValueError, KeyError)):
        HydraulicData.from_tables(sensors, pd.DataFrame({"cycle": [1]}))
    assert hydraulic_data.windows.shape[1:] == (60, 17)
