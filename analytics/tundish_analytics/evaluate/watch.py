"""The generic anomaly watch beside single statistics, all at the same rate of false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.anomaly.watch import STATISTICS, AnomalyWatch, TooLittle
from tundish_analytics.evaluate import skab, tep
from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.models.threads import one_thread
from tundish_analytics.spc.mewma import Mewma

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from tundish_analytics.tables import HydraulicData

    Values = NDArray[np.float64]
    Flags = NDArray[np.bool_]

RATES: Final = (0.01, 0.05)
_COMMON: Final = (
    "Each detector's limit is set so that the stated share of the judged healthy rows lies above it; healthy "
    "rows thereby set one number per detector, the same way for all, and no faulty row sets anything. Every "
    "setting is the shipped one. 'Own calibration' is what the watch does by itself: alarm at p ≤ 1 %, the "
    "limit from the held-out end of the learning time, no judged row read."
)
_TEP: Final = (
    "Learnt from the fault-free training run, judged on the test runs of faults 1 to 10 from sample 160 on; "
    "healthy rows are the fault-free test run and each run's first 160 samples."
)
_SKAB: Final = (
    "Learnt from the first 400 rows of each experiment, judged on its other rows, all experiments together."
)
_HYDRAULIC: Final = (
    "A window is a load cycle. Learnt from cycles with good valve and no pump leakage, whatever cooler and "
    "accumulator are in, of two of three condition blocks; judged on the third (healthy) and on all cycles "
    "with a worn valve or a leaking pump. Conditions change every few cycles, so averages over time carry "
    "one condition into the next."
)
_GUARD: Final = "Learning rows are never judged; no label and no faulty row is read before judging."
_INTERVALS: Final = "none: rows of one run err together, and the detectors are compared on the same rows"
_HEALTHY_VALVE: Final = 100


@one_thread
def evaluate_watch_tep(table: pd.DataFrame) -> Evaluation:
    """On the Tennessee Eastman process; columns as `tep.evaluate_tep` takes them.

    Raises:
        ValueError: the fault-free runs are missing.
    """
    runs = {
        str(name): part.sort_values("sample")[list(tep.SIGNALS)].to_numpy(np.float64)
        for name, part in table.groupby("file")
    }
    if not {"d00.dat", "d00_te.dat"} <= set(runs):
        raise ValueError("the fault-free runs d00.dat and d00_te.dat are needed")
    watch, mewma = _fitted(runs["d00.dat"], wandering=0.0)
    found = {name: _scores(watch, mewma, rows) for name, rows in runs.items() if name.endswith("_te.dat")}
    before = slice(None, tep.FAULT_BEGINS)
    quiet = [_rows(found[name], before) for name in sorted(found) if name != "d00_te.dat"]
    healthy = _together([found["d00_te.dat"], *quiet])
    faulty = {
        f"fault {int(name[1:3])}": _rows(scores, slice(tep.FAULT_BEGINS, None))
        for name, scores in sorted(found.items())
        if name != "d00_te.dat"
    }
    return _evaluation("tep", _TEP, healthy, faulty)


@one_thread
def evaluate_watch_skab(table: pd.DataFrame) -> Evaluation:
    """On SKAB; columns as `skab.evaluate_skab` takes them.

    Raises:
        ValueError: no experiment has more than 400 rows and a label.
    """
    healthy, faulty = [], []
    for _, part in table.dropna(subset=["anomaly"]).groupby("file", sort=True):
        if len(part) <= skab.HEALTHY:
            continue
        rows, truth = part[list(skab.SIGNALS)].to_numpy(np.float64), part["anomaly"].to_numpy() == 1
        watch, mewma = _fitted(rows[: skab.HEALTHY])
        scores = _rows(_scores(watch, mewma, rows), slice(skab.HEALTHY, None))
        healthy.append(_rows(scores, ~truth[skab.HEALTHY :]))
        faulty.append(_rows(scores, truth[skab.HEALTHY :]))
    if not faulty:
        raise ValueError("no labelled experiment has more than 400 rows")
    return _evaluation("skab", _SKAB, _together(healthy), {"outliers": _together(faulty)})


@one_thread
def evaluate_watch_hydraulic(data: HydraulicData) -> Evaluation:
    """On the load cycles of the hydraulic test bench.

    Raises:
        ValueError: too few healthy cycles.
    """
    rows = np.hstack([data.windows.mean(axis=1), data.windows.std(axis=1)])
    well = (data.labels[:, 1] == _HEALTHY_VALVE) & (data.labels[:, 2] == 0)
    learnt = well & (data.blocks % 3 != 0)
    try:
        watch, mewma = _fitted(rows[learnt], means=rows.shape[1] // 2)
    except TooLittle as error:
        raise ValueError(f"too few healthy cycles: {error}") from error
    scores = _scores(watch, mewma, rows)
    faulty = {
        f"valve {level:g} %": _rows(scores, data.labels[:, 1] == level)
        for level in np.unique(data.labels[:, 1])
        if level != _HEALTHY_VALVE
    } | {
        f"pump leakage {level:g}": _rows(scores, data.labels[:, 2] == level)
        for level in np.unique(data.labels[:, 2])
        if level != 0
    }
    return _evaluation("hydraulic", _HYDRAULIC, _rows(scores, well & ~learnt), faulty)


def _fitted(rows: Values, *, means: int | None = None, wandering: float = 0.5) -> tuple[AnomalyWatch, Mewma]:
    """The watch, and the averages' chart as the sets' own evaluations use it."""
    told = np.arange(rows.shape[1]) < (rows.shape[1] if means is None else means)
    return AnomalyWatch.fit(rows, told), Mewma.fit(rows, wandering=wandering)


def _scores(watch: AnomalyWatch, mewma: Mewma, rows: Values) -> dict[str, Values]:
    judged = watch.judge(rows)
    single = dict(zip(STATISTICS, judged.statistics.T, strict=True))
    # Experiments are pooled, so that each chart is measured by its own limit.
    own = mewma.statistic(rows) / mewma.limit
    return {"watch": judged.score, "mewma": own, **single, "p": judged.p}


def _rows(scores: Mapping[str, Values], chosen: slice | Flags) -> dict[str, Values]:
    return {name: values[chosen] for name, values in scores.items()}


def _together(parts: Sequence[Mapping[str, Values]]) -> dict[str, Values]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _evaluation(
    model: str, protocol: str, healthy: Mapping[str, Values], faulty: Mapping[str, Mapping[str, Values]]
) -> Evaluation:
    figures = [
        Figure("own calibration: false-alarm rate", float((healthy["p"] <= RATES[0]).mean()), better="less")
    ]
    own = [float((scores["p"] <= RATES[0]).mean()) for scores in faulty.values()]
    figures.append(Figure("own calibration: detection, mean", float(np.mean(own))))
    for rate in RATES:
        for name in healthy:
            if name == "p":
                continue
            limit = np.quantile(healthy[name], 1 - rate, method="higher")
            each = {kind: float((scores[name] > limit).mean()) for kind, scores in faulty.items()}
            label = f"{name} at {rate:.0%}"
            figures.append(Figure(f"{label}: detection, mean", float(np.mean(list(each.values())))))
            if rate == RATES[0] and len(each) > 1:
                figures += [Figure(f"{label}: {kind}", share) for kind, share in each.items()]
    counts = {kind: len(scores["p"]) for kind, scores in faulty.items()}
    facts = {"healthy rows judged": len(healthy["p"]), "faulty rows judged": counts}
    return Evaluation(f"watch-{model}", f"{protocol} {_COMMON}", _GUARD, _INTERVALS, tuple(figures), facts)
