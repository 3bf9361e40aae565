"""Which statements of which model become alerts, as a table with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tundish_analytics.alerts.conditions import Beyond, LifeBelow, Unhealthy, Unusual
from tundish_analytics.condition.life import MIN_RECORDS
from tundish_analytics.condition.vce import CRITERION_PERCENT, WARNING_PERCENT
from tundish_platform.samples import AlarmPriority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_analytics.alerts.conditions import Condition

_LOW, _MEDIUM, _HIGH = AlarmPriority.LOW, AlarmPriority.MEDIUM, AlarmPriority.HIGH


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When one target's statements open an alert and when they close it.

    Attributes:
        model, target: whose.
        condition: on one statement.
        opens: n of the last m judged windows must hold.
        closes: n of the last m judged windows since it opened must be clear.
        least_s: seconds of source time that the holding windows must span at least.
        span_s: windows that ended so long before the newest one count no more.
        reason: why so.
    """

    model: str
    target: str
    condition: Condition
    opens: tuple[int, int]
    closes: tuple[int, int]
    least_s: float
    span_s: float
    reason: str


def _hydraulic(target: str, healthy: float, priorities: Mapping[float, AlarmPriority]) -> AlertRule:
    return AlertRule(
        "hydraulic-condition", target, Unhealthy(healthy, priorities),
        opens=(3, 4), closes=(3, 4), least_s=180.0, span_s=1800.0,
        reason="A class is stated each minute. One wrong cycle in four must neither open nor close, and "
        "three minutes are little beside the hours in which such a component wears.",
    )  # fmt: skip


RULES: Final[tuple[AlertRule, ...]] = (
    _hydraulic("cooler", 100, {20: _MEDIUM, 3: _HIGH}),
    _hydraulic("valve", 100, {90: _LOW, 80: _MEDIUM, 73: _HIGH}),
    _hydraulic("pump_leakage", 0, {1: _MEDIUM, 2: _HIGH}),
    _hydraulic("accumulator", 130, {115: _LOW, 100: _MEDIUM, 90: _HIGH}),
    AlertRule(
        "igbt-ageing", "vce_drift",
        Beyond(limit=WARNING_PERCENT, clear=0.8 * WARNING_PERCENT, grave=CRITERION_PERCENT),
        opens=(5, 6), closes=(5, 6), least_s=300.0, span_s=3600.0,
        reason="Half the criterion is when a look is still early. Windows of five minutes overlap by four, "
        "so five of them hold little more than one alone; the whole interval must lie beyond the limit.",
    ),
    AlertRule(
        "mosfet-life", "remaining_life",
        LifeBelow(limit=1_500.0, clear=3_000.0, grave=500.0, per_window=MIN_RECORDS),
        opens=(3, 4), closes=(3, 4), least_s=0.0, span_s=24 * 3600.0,
        reason="A tenth to a fifth of the lives seen. The intervals are far too wide to wait for their upper "
        "end, which passes the limit only after the device has failed; the median's errors are why the alert "
        "shows the whole interval.",
    ),
    AlertRule(
        "anomaly-watch", "anomaly", Unusual(limit=0.99, clear=0.95),
        opens=(5, 6), closes=(5, 6), least_s=300.0, span_s=3600.0,
        reason="One good window in a hundred is as unusual as that, so one alone means nothing; five of six "
        "minutes do. A low priority, because nobody has said yet that it is a fault: feedback will tell.",
    ),
    AlertRule(
        "bearing-health", "vibration_change", Beyond(limit=6.0, clear=4.8, grave=20.0),
        opens=(5, 6), closes=(5, 6), least_s=0.0, span_s=7 * 86_400.0,
        reason="Vibration has doubled, with all of the interval. Waveforms come as seldom as once a day, so "
        "the windows may lie a week apart.",
    ),
)  # fmt: skip

# Targets that raise no alerts of their own, and why.
SILENT: Final[Mapping[tuple[str, str], str]] = {
    ("hydraulic-condition", "accumulator_pressure"): "The class of the accumulator says it already; one "
    "fault must not make two alerts. The estimate stands beside it on the plant page.",
    ("bearing-health", "vibration_trend"): "The slope explains the change, which has the alert.",
    ("steel-defect", "fault_class"): "Every plate on record has a fault, and each is graded by itself at "
    "once: a plate is no machine whose state lasts.",
}

_BY_TARGET: Final = {(rule.model, rule.target): rule for rule in RULES}


def rule_for(model: str, target: str) -> AlertRule | None:
    """The rule of a target; ``None`` where it raises no alerts."""
    return _BY_TARGET.get((model, target))
