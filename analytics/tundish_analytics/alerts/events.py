"""From the statements about one target to its alerts: pure, so that the same windows make the same alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tundish_analytics.alerts.conditions import Standing
from tundish_platform.samples import AlertEvidence, AlertReport

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tundish_analytics.alerts.rules import AlertRule
    from tundish_analytics.predictions import Evidence, Prediction

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule watches: the line, and what the target is called."""

    line: str
    target_zh: str
    target_en: str


@dataclass(frozen=True, slots=True)
class _Judged:
    said: Prediction
    standing: Standing


@dataclass(frozen=True, slots=True)
class Watch:
    """How far a target's statements were judged.

    Attributes:
        seen_to: end of the newest window; what ends earlier says nothing new.
        recent: judged windows since the last opening or closing, that can still count.
        alert: the open one.
    """

    seen_to: datetime | None = None
    recent: tuple[_Judged, ...] = ()
    alert: AlertReport | None = None


def resumed(rule: AlertRule, newest: AlertReport | None, statements: Iterable[Prediction]) -> Watch:
    """The watch as it was when the platform last heard of it.

    Args:
        rule: of the target.
        newest: the newest alert that the platform has of the target, open or closed.
        statements: at least those since it opened that `rule.span_s` still lets count.
    """
    if newest is None:
        return Watch()
    if newest.closed_at is not None:
        return Watch(newest.judged_to)
    told = [one for one in statements if newest.opened_at < one.window_end <= newest.judged_to]
    judged = [_Judged(said, rule.condition.judge(said)) for said in _in_order(told)]
    kept = tuple(one for one in judged if one.standing is not Standing.ABSTAINS)
    return Watch(newest.judged_to, _still(rule, kept, newest.judged_to), newest)


def advance(
    rule: AlertRule, place: Place, watch: Watch, statements: Iterable[Prediction]
) -> tuple[Watch, list[AlertReport]]:
    """Judge what came since the last time.

    Within one call the order of the statements does not matter, and windows that were judged before, or that
    come twice, change nothing. Abstentions neither open nor close.

    Args:
        rule: of the target.
        place: where.
        watch: as it was.
        statements: of this target.

    Returns:
        The watch as it is now, and each alert that opened, changed or closed, as it stands at the end.
    """
    changed: dict[datetime, AlertReport] = {}
    for said in _in_order(statements):
        if watch.seen_to is not None and said.window_end <= watch.seen_to:
            continue
        watch, report = _step(rule, place, watch, said)
        if report is not None:
            changed[report.opened_at] = report
    return watch, list(changed.values())


def reports_of(rule: AlertRule, place: Place, statements: Iterable[Prediction]) -> list[AlertReport]:
    """All alerts of a target's whole history."""
    return advance(rule, place, Watch(), statements)[1]


def _in_order(statements: Iterable[Prediction]) -> list[Prediction]:
    """By window; of two statements about one window the newer model's counts."""
    by_window: dict[datetime, Prediction] = {}
    for said in sorted(statements, key=lambda one: (one.window_end, one.version, str(one.value))):
        by_window[said.window_end] = said
    return list(by_window.values())


def _step(rule: AlertRule, place: Place, watch: Watch, said: Prediction) -> tuple[Watch, AlertReport | None]:
    standing = rule.condition.judge(said)
    if standing is Standing.ABSTAINS:
        return Watch(said.window_end, watch.recent, watch.alert), None
    recent = _still(rule, (*watch.recent, _Judged(said, standing)), said.window_end)
    if watch.alert is None:
        return _closed_step(rule, place, recent, said)
    return _open_step(rule, watch.alert, recent, said, standing)


def _still(rule: AlertRule, recent: tuple[_Judged, ...], now: datetime) -> tuple[_Judged, ...]:
    """The windows that can still count: the last ones, and none from before a long silence."""
    most = max(rule.opens[1], rule.closes[1])
    oldest = now - timedelta(seconds=rule.span_s)
    return tuple(one for one in recent[-most:] if one.said.window_end > oldest)


def _closed_step(
    rule: AlertRule, place: Place, recent: tuple[_Judged, ...], said: Prediction
) -> tuple[Watch, AlertReport | None]:
    needed, among = rule.opens
    holding = [one.said for one in recent[-among:] if one.standing is Standing.HOLDS]
    if len(holding) < needed or said is not holding[-1]:
        return Watch(said.window_end, recent), None
    since = min(one.window_start for one in holding)
    if (said.window_end - since).total_seconds() < rule.least_s:
        return Watch(said.window_end, recent), None
    alert = _opened(rule, place, since, said)
    return Watch(said.window_end, (), alert), alert


def _open_step(
    rule: AlertRule, alert: AlertReport, recent: tuple[_Judged, ...], said: Prediction, standing: Standing
) -> tuple[Watch, AlertReport]:
    alert = alert.model_copy(update={"judged_to": said.window_end})
    if standing is Standing.HOLDS:
        alert = _restated(rule, alert, said)
    needed, among = rule.closes
    if sum(one.standing is Standing.CLEAR for one in recent[-among:]) < needed:
        return Watch(said.window_end, recent, alert), alert
    return Watch(said.window_end), alert.model_copy(update={"closed_at": said.window_end})


def _opened(rule: AlertRule, place: Place, since: datetime, said: Prediction) -> AlertReport:
    confidence, sureness = rule.condition.confidence(said)
    return AlertReport(
        model=rule.model, version=said.version, line=place.line, target=rule.target,
        target_zh=place.target_zh, target_en=place.target_en,
        since=since, opened_at=said.window_end, judged_to=said.window_end,
        priority=rule.condition.priority(said), confidence=confidence, sureness=sureness,
        horizon=rule.condition.horizon(said),
        **_stated(said),
    )  # fmt: skip


def _restated(rule: AlertRule, alert: AlertReport, said: Prediction) -> AlertReport:
    """The newest statement in place of the last one; an open alert never becomes less urgent."""
    confidence, sureness = rule.condition.confidence(said)
    newest = {
        "priority": max(alert.priority, rule.condition.priority(said)),
        "confidence": confidence,
        "sureness": sureness,
        "horizon": rule.condition.horizon(said),
    }
    return alert.model_copy(update=newest | _stated(said))


def _stated(said: Prediction) -> dict[str, Any]:
    copied = (
        "label_zh", "label_en", "value", "low", "high", "unit", "check_zh", "check_en", "window_start",
        "window_end", "completeness",
    )  # fmt: skip
    return {name: getattr(said, name) for name in copied} | {
        "evidence": tuple(_shown(one) for one in said.evidence[:_SHOWN])
    }


def _shown(one: Evidence) -> AlertEvidence:
    return AlertEvidence(
        signal=one.signal, name_zh=one.name_zh[:200], name_en=one.name_en[:200], value=one.value,
        expected=one.expected, unit=one.unit, contribution=one.contribution,
    )  # fmt: skip
