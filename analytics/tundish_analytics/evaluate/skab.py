"""Outlier detection on SKAB, by the benchmark's own protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.spc.mewma import Mewma

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SIGNALS: Final = (
    "Accelerometer1RMS",
    "Accelerometer2RMS",
    "Current",
    "Pressure",
    "Temperature",
    "Thermocouple",
    "Voltage",
    "Volume Flow RateRMS",
)
HEALTHY: Final = 400
_PROTOCOL: Final = (
    "The benchmark's own: for each experiment a detector is fitted on its first 400 rows, without labels, "
    "and judges the whole experiment; F1, false-alarm and missing rate are counted over all rows of all "
    "labelled experiments. One setting for all experiments. Leakage guard: labels are read after the last "
    "detection. As with all entries of that table, the setting was looked for on the same experiments, so "
    "the figure flatters."
)


def evaluate_skab(table: pd.DataFrame) -> Evaluation:
    """Figures of the multivariate EWMA; columns `SIGNALS`, ``file`` and ``anomaly``.

    Raises:
        ValueError: no experiment has more than 400 rows and a label.
    """
    rows = np.zeros(4, np.int64)
    experiments, plain = 0, np.zeros(4, np.int64)
    for _, part in table.dropna(subset=["anomaly"]).groupby("file", sort=True):
        if len(part) <= HEALTHY:
            continue
        values, truth = part[list(SIGNALS)].to_numpy(np.float64), part["anomaly"].to_numpy() == 1
        rows += _counts(Mewma.fit(values[:HEALTHY]).outside(values), truth)
        shewhart = Mewma.fit(values[:HEALTHY], weight=1.0, shrinkage=0.0, margin=1.0, wandering=0.0)
        plain += _counts(shewhart.outside(values), truth)
        experiments += 1
    if not experiments:
        raise ValueError("no labelled experiment has more than 400 rows")
    right, false, missed, quiet = (int(n) for n in rows)
    figures = (
        Figure("outlier_f1", _f1(rows), bar=0.80, peers="T²+Q 0.76, MSET 0.78, Conv-AE 0.78 (its own table)"),
        Figure("false-alarm rate", false / max(false + quiet, 1), better="less"),
        Figure("missing rate", missed / max(missed + right, 1), better="less"),
        Figure("outlier_f1, plain T² of all signals", _f1(plain), better="none"),
    )
    return Evaluation("skab", _PROTOCOL, figures, {"experiments": experiments, "rows": int(rows.sum())})


def _counts(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> NDArray[np.int64]:
    """True alarms, false alarms, misses, true silence."""
    cases = (found & truth, found & ~truth, ~found & truth, ~found & ~truth)
    return np.array([int(np.count_nonzero(case)) for case in cases])


def _f1(rows: NDArray[np.int64]) -> float:
    right, false, missed, _ = (int(n) for n in rows)
    return 2 * right / max(2 * right + false + missed, 1)
