"""What the alert rules make of the shipped recordings: how many alerts, how many true, how early."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics import checks
from tundish_analytics.alerts import Place, reports_of, rule_for
from tundish_analytics.condition.cycles import CYCLE_S
from tundish_analytics.condition.hydraulic import HydraulicCondition
from tundish_analytics.condition.life import MIN_RECORDS, LifeModel, end_of_life
from tundish_analytics.condition.targets import TARGETS
from tundish_analytics.condition.vce import CRITERION_PERCENT, AgeingModel
from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.predictions import Prediction
from tundish_platform.samples import SignalSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_analytics.alerts import AlertRule
    from tundish_analytics.tables import HydraulicData
    from tundish_platform.samples import AlertReport

_PROTOCOL: Final = (
    "The worker's own rules over the recordings in the order of their windows. Hydraulic: two models, "
    "each fitted on every other run of equal condition and judging the other half, so no cycle is judged "
    "by a model that saw its run. An alert is true where the inspection says ill of the cycle in which it "
    "opened; an ill run of four cycles or more is seen where an alert of its component is open in it. "
    "IGBT: baseline of the run's own first hour, a window of 300 s each minute; lead time from opening to "
    "the time from which the windows stay beyond 5 %. MOSFET: each device judged by a model of the "
    "others, a statement each 60 records; lead time in records from opening to the end of life. The "
    "limits were set on these same recordings, which flatters."
)
_GUARD: Final = (
    "Hydraulic: runs of equal condition are whole on one side; MOSFET: the judged device is not the "
    "model's own; IGBT: the baseline ends before the first judged window."
)
_INTERVALS: Final = "none: few recordings, and alerts of one run are no independent cases"
_BEGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
_PLACE: Final = Place("recording", "-", "-")
_LEAST_RUN: Final = 4
_WINDOW_S: Final = 300.0
_STEP_S: Final = 60.0
_EVERY: Final = 60
_BASELINE_S: Final = 3600.0


def evaluate_alerts(
    data: HydraulicData, seconds: NDArray[np.float64], devices: Mapping[str, NDArray[np.float64]]
) -> Evaluation:
    """Figures of the alert rules.

    Args:
        data: inspected hydraulic cycles.
        seconds: ``(n, 4)`` of the IGBT run, see `evaluate_igbt`.
        devices: change of on-resistance in Ohm per MOSFET.

    Raises:
        ValueError: fewer than three devices reached the threshold.
    """
    hydraulic, whole = hydraulic_alerts(data)
    figures = [*hydraulic, *igbt_alerts(seconds), *mosfet_alerts(devices)]
    facts = {"cycles": len(data.labels), "igbt_seconds": len(seconds), "devices": len(devices)}
    return Evaluation("alerts", _PROTOCOL, _GUARD, _INTERVALS, tuple(figures), facts | whole)


@dataclass(frozen=True, slots=True)
class _Said:
    """A window in seconds, and what was said of it."""

    start: float
    end: float
    value: float | None
    low: float | None = None
    high: float | None = None
    probability: float | None = None


def _alerts(rule: AlertRule | None, said: Sequence[_Said]) -> list[AlertReport]:
    if rule is None:
        raise LookupError("the table of rules has lost a target")
    return reports_of(rule, _PLACE, [_statement(rule, one) for one in said])


def _statement(rule: AlertRule, said: _Said) -> Prediction:
    meaning = checks.INCOMPLETE
    return Prediction(
        model=rule.model, version="recording", target=rule.target, label_zh=meaning.zh, label_en=meaning.en,
        value=said.value, unit="", low=said.low, high=said.high, probability=said.probability,
        window_start=_at(said.start), window_end=_at(said.end), completeness=1.0, evidence=(),
        check_zh=meaning.check_zh, check_en=meaning.check_en, trained_from=_BEGIN, trained_to=_BEGIN, cases=0,
    )  # fmt: skip


def _at(seconds: float) -> datetime:
    return _BEGIN + timedelta(seconds=float(seconds))


def _seconds(instant: datetime) -> float:
    return (instant - _BEGIN).total_seconds()


def hydraulic_alerts(data: HydraulicData) -> tuple[list[Figure], dict[str, int]]:
    """How many alerts of each component are true, which ill runs they saw, and after how long."""
    value, probability = _cross_read(data)
    figures: list[Figure] = []
    opened = true = 0
    for number, target in enumerate(TARGETS):
        said = [
            _Said(start, start + CYCLE_S, value[row, number], probability=probability[row, number])
            for row, start in enumerate(data.starts.tolist())
        ]
        found = _alerts(rule_for(HydraulicCondition.model_id, target.name), said)
        ill = data.labels[:, number] != target.healthy
        right = sum(bool(ill[_row(data, alert.opened_at)]) for alert in found)
        opened, true = opened + len(found), true + right
        figures += [
            Figure(f"{target.name} alerts", len(found), "alerts", "none"),
            Figure(f"{target.name} alerts that are true", right / len(found) if found else float("nan")),
            *_runs(target.name, data, ill, found),
        ]
    precision = Figure("hydraulic alerts that are true", true / opened if opened else float("nan"))
    return [precision, *figures], {"hydraulic alerts": opened}


def _cross_read(data: HydraulicData) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Class and probability ``(cycles, targets)`` of each cycle by the model of the other half's runs."""
    signals = [
        SignalSpec(path=f"-/{n}", name_zh=s, name_en=s, semantic=s) for n, s in enumerate(data.semantics)
    ]
    value, probability = (np.full(data.labels.shape, np.nan) for _ in range(2))
    odd = data.blocks % 2 == 1
    for test in (odd, ~odd):
        train = data.take(~test)
        model = HydraulicCondition.fit(train.windows, train.semantics, train.labels, train.starts)
        readings, _ = model.read(data.windows[test], signals)
        for number, target in enumerate(TARGETS):
            value[test, number] = readings[target.name].value
            probability[test, number] = readings[target.name].probability
    return value, probability


def _row(data: HydraulicData, end: datetime) -> int:
    """The cycle that ended at an instant."""
    return int(np.searchsorted(data.starts, _seconds(end) - CYCLE_S))


def _runs(
    name: str, data: HydraulicData, ill: NDArray[np.bool_], found: Sequence[AlertReport]
) -> list[Figure]:
    """Ill runs that were seen, and how long they had lasted when their alert opened."""
    number = np.concatenate([[0], np.cumsum(np.diff(ill) != 0)])
    runs = [np.flatnonzero(number == one) for one in np.unique(number[ill])]
    runs = [run for run in runs if len(run) >= _LEAST_RUN]
    delays = [
        max(_seconds(alert.opened_at) - begin, 0.0)
        for run in runs
        for begin, end in [(float(data.starts[run[0]]), float(data.starts[run[-1]]) + CYCLE_S)]
        for alert in [_open_in(found, begin, end)]
        if alert is not None
    ]
    return [
        Figure(f"{name} ill runs seen", len(delays) / len(runs) if runs else float("nan")),
        Figure(f"{name} ill runs", len(runs), "runs", "none"),
        Figure(f"{name} delay, median", float(np.median(delays)) if delays else float("nan"), "s", "less"),
    ]


def _open_in(found: Sequence[AlertReport], begin: float, end: float) -> AlertReport | None:
    """The first alert that is open at some time of a stretch."""
    for alert in found:
        closed = _seconds(alert.closed_at) if alert.closed_at else float("inf")
        if _seconds(alert.opened_at) <= end and closed > begin:
            return alert
    return None


def igbt_alerts(seconds: NDArray[np.float64]) -> list[Figure]:
    """When the drift's alert opened, and how long before the criterion was passed to stay."""
    model = AgeingModel.fit(seconds[seconds[:, 0] < _BASELINE_S])
    said = []
    first = float(np.ceil(model.baseline.ts[-1] / _STEP_S)) * _STEP_S
    for end in np.arange(first, seconds[-1, 0] + 1, _STEP_S):
        window = seconds[(seconds[:, 0] >= end - _WINDOW_S) & (seconds[:, 0] < end)]
        ageing = model.measure(window) if len(window) else None
        if ageing is not None:
            said.append(_Said(end - _WINDOW_S, end, ageing.percent, ageing.low, ageing.high))
    found = _alerts(rule_for(AgeingModel.model_id, "vce_drift"), said)
    inside = [one.end for one in said if abs(one.value or 0.0) < CRITERION_PERCENT]
    criterion = max(inside, default=0.0) + _STEP_S
    lead = criterion - _seconds(found[0].opened_at) if found else float("nan")
    return [
        Figure("igbt alerts", len(found), "alerts", "none"),
        Figure("igbt opened at", _seconds(found[0].opened_at) if found else float("nan"), "s", "none"),
        Figure("igbt beyond 5 % to stay at", criterion, "s", "none"),
        Figure("igbt lead time to 5 %", lead, "s"),
    ]


def mosfet_alerts(devices: Mapping[str, NDArray[np.float64]]) -> list[Figure]:
    """How many records before its end each device's alert opened, and whether the horizon held the end."""
    failed = {name: delta for name, delta in devices.items() if (end_of_life(delta) or 0) > MIN_RECORDS}
    figures, inside = [], []
    for name, delta in failed.items():
        model = LifeModel.fit([other for known, other in failed.items() if known != name])
        found = _device_alerts(model, delta)
        end = float(end_of_life(delta) or 0)
        before = [alert for alert in found if _seconds(alert.opened_at) < end]
        lead = end - _seconds(before[0].opened_at) if before else float("nan")
        figures += [
            Figure(f"mosfet {name} alerts before the end", len(before), "alerts", "none"),
            Figure(f"mosfet {name} lead time", lead, "records"),
            Figure(f"mosfet {name} share of the life left at opening", lead / end, better="none"),
        ]
        inside += [_holds(alert, end) for alert in before]
    share = sum(inside) / len(inside) if inside else float("nan")
    return [*figures, Figure("mosfet horizons that held the end when last told", share)]


def _device_alerts(model: LifeModel, delta: NDArray[np.float64]) -> list[AlertReport]:
    """Alerts of one device up to its end, a record a second."""
    estimate = model.estimate(delta)
    end = end_of_life(delta) or len(delta)
    said = [
        _Said(age - MIN_RECORDS + 1, age, *(_number(part[age]) for part in parts))
        for parts in [(estimate.records, estimate.low, estimate.high)]
        for age in range(_EVERY - 1, end, _EVERY)
    ]
    return _alerts(rule_for(LifeModel.model_id, "remaining_life"), said)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _holds(alert: AlertReport, end: float) -> bool:
    horizon = alert.horizon
    if horizon is None or horizon.earliest is None or horizon.latest is None:
        return False
    return _seconds(horizon.earliest) <= end <= _seconds(horizon.latest)
