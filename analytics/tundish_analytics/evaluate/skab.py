"""Outlier detection on SKAB, by the benchmark's own protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.evaluate.files import Unfit, find_tables, numbers
from tundish_analytics.models.intervals import drawn
from tundish_analytics.spc.mewma import Mewma

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

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
LABEL: Final = "anomaly"
HEALTHY: Final = 400
_PROTOCOL: Final = (
    "The benchmark's own: for each experiment a detector is fitted on its first 400 rows, without labels, "
    "and judges the whole experiment; F1, false-alarm and missing rate are counted over all rows of all "
    "labelled experiments. One setting for all experiments. As with all entries of that table, the setting "
    "was looked for on the same experiments, so the figure flatters there; for experiments of another file "
    "nothing was looked for. A missing value is the last one before it."
)
_GUARD: Final = "Labels are read after the last detection; a detector sees no experiment but its own."
_INTERVALS: Final = "500 bootstrap draws of whole experiments"


def read_skab(path: Path) -> pd.DataFrame:
    """Experiments of a file or of a folder as published, with `SIGNALS`, ``file`` and ``anomaly``.

    Raises:
        Unfit: no table has the columns.
    """
    parts = []
    for name, table in find_tables(path, [*SIGNALS, LABEL]).items():
        experiment = table["file"].astype(str) if "file" in table.columns else name
        values = numbers(table, SIGNALS).assign(file=experiment)
        values[LABEL] = pd.to_numeric(table[LABEL], errors="coerce")
        parts.append(values)
    whole = pd.concat(parts, ignore_index=True)
    by_experiment = whole.groupby("file", sort=False)[list(SIGNALS)]
    whole[list(SIGNALS)] = by_experiment.ffill().fillna(by_experiment.transform("first"))
    return whole


def evaluate_skab(table: pd.DataFrame) -> Evaluation:
    """Figures of the multivariate EWMA; columns `SIGNALS`, ``file`` and ``anomaly``.

    Raises:
        Unfit: no experiment has more than 400 rows and a label.
    """
    found, plain = [], []
    for _, part in table.dropna(subset=[LABEL, *SIGNALS]).groupby("file", sort=True):
        if len(part) <= HEALTHY:
            continue
        values, truth = part[list(SIGNALS)].to_numpy(np.float64), part[LABEL].to_numpy() == 1
        found.append(_counts(Mewma.fit(values[:HEALTHY]).outside(values), truth))
        shewhart = Mewma.fit(values[:HEALTHY], weight=1.0, shrinkage=0.0, margin=1.0, wandering=0.0)
        plain.append(_counts(shewhart.outside(values), truth))
    if not found:
        raise Unfit("没有超过 400 行且带标签的实验", "no labelled experiment has more than 400 rows")
    counts = np.array(found)
    peers = "T²+Q 0.76, MSET 0.78, Conv-AE 0.78 (its own table)"
    figures = (
        _figure("outlier_f1", counts, f1, bar=0.80, peers=peers),
        _figure("false_alarm_rate", counts, lambda rows: _rate(rows[1], rows[3])),
        _figure("missing_rate", counts, lambda rows: _rate(rows[2], rows[0])),
        Figure("outlier_f1, plain T² of all signals", f1(np.array(plain).sum(axis=0)), better="none"),
    )
    facts = {"experiments": len(found), "rows": int(counts.sum())}
    return Evaluation("skab", _PROTOCOL, _GUARD, _INTERVALS, figures, facts)


def _figure(
    name: str, counts: Counts, score: Callable[[Counts], float], *, bar: float | None = None, peers: str = ""
) -> Figure:
    """A score of the counts of all experiments, with an interval over experiments."""
    ends = drawn(np.arange(len(counts)), lambda rows: score(counts[rows].sum(axis=0)))
    value = score(counts.sum(axis=0))
    return Figure(name, value, better="more" if bar else "less", bar=bar, peers=peers, interval=ends)


def _counts(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Counts:
    """True alarms, false alarms, misses, true silence."""
    cases = (found & truth, found & ~truth, ~found & truth, ~found & ~truth)
    return np.array([int(np.count_nonzero(case)) for case in cases])


def f1(rows: Counts) -> float:
    """F1 of the outliers from the four counts."""
    right, false, missed, _ = (int(n) for n in rows)
    return 2 * right / max(2 * right + false + missed, 1)


def _rate(wrong: np.int64, right: np.int64) -> float:
    return int(wrong) / max(int(wrong + right), 1)
