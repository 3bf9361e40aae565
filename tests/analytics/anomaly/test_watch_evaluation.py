"""The watch's protocol: equal false alarms for all detectors, and what a made fault does in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from tundish_analytics.evaluate import evaluate_watch_hydraulic, evaluate_watch_skab, evaluate_watch_tep
from tundish_analytics.evaluate.skab import SIGNALS
from tundish_analytics.evaluate.tep import SIGNALS as VARIABLES

if TYPE_CHECKING:
    from tundish_analytics.tables import HydraulicData


def experiments(count: int, shift: float) -> pd.DataFrame:
    parts = []
    for number in range(count):
        rng = np.random.default_rng(number)
        rows = rng.normal(size=(700, 1)) @ rng.normal(size=(1, len(SIGNALS))) + rng.normal(
            size=(700, len(SIGNALS))
        )
        anomaly = (np.arange(700) >= 600).astype(float)
        rows[:, 2] += shift * anomaly
        parts.append(pd.DataFrame(rows, columns=list(SIGNALS)).assign(file=str(number), anomaly=anomaly))
    return pd.concat(parts)


def test_a_made_fault_is_found_and_no_fault_is_found_as_often_as_false_alarms() -> None:
    fault = {f.name: f.value for f in evaluate_watch_skab(experiments(3, 5.0)).figures}
    assert fault["watch at 1%: detection, mean"] > 0.9
    assert fault["mewma at 1%: detection, mean"] > 0.5
    assert fault["own calibration: false-alarm rate"] < 0.05
    none = evaluate_watch_skab(experiments(3, 0.0))
    assert all(f.value < 0.2 for f in none.figures)
    assert none.facts["healthy rows judged"] == 3 * 200
    with pytest.raises(ValueError, match="400 rows"):
        evaluate_watch_skab(experiments(1, 0.0)[:300])


def test_faults_of_the_process_are_told_apart() -> None:
    rng = np.random.default_rng(8)
    runs = {name: rng.normal(size=(500, len(VARIABLES))) for name in ("d00.dat", "d00_te.dat", "d01_te.dat")}
    runs["d01_te.dat"][160:, 3] += 8.0
    table = pd.concat(
        pd.DataFrame(rows, columns=list(VARIABLES)).assign(file=name, sample=np.arange(500))
        for name, rows in runs.items()
    )
    found = {f.name: f.value for f in evaluate_watch_tep(table).figures}
    assert found["watch at 1%: detection, mean"] > 0.9
    with pytest.raises(ValueError, match=r"d00_te\.dat"):
        evaluate_watch_tep(table[table["file"] != "d00_te.dat"])


def test_the_shipped_bench_is_a_hard_case_and_said_to_be(hydraulic_data: HydraulicData) -> None:
    found = evaluate_watch_hydraulic(hydraulic_data)
    figures = {f.name: f.value for f in found.figures}
    assert figures["own calibration: false-alarm rate"] < 0.05
    assert set(found.facts["faulty rows judged"]) == {
        "valve 73 %", "valve 80 %", "valve 90 %", "pump leakage 1", "pump leakage 2",
    }  # fmt: skip
    assert figures["watch at 5%: detection, mean"] > figures["q at 1%: detection, mean"]
