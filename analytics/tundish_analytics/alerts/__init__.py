"""Predictions become alerts for people: by rules, with hysteresis, and the same again after a restart."""

from tundish_analytics.alerts.conditions import Condition, Standing
from tundish_analytics.alerts.events import Place, Watch, advance, reports_of, resumed
from tundish_analytics.alerts.reading import read_statement
from tundish_analytics.alerts.rules import RULES, SILENT, AlertRule, rule_for

__all__ = [
    "RULES",
    "SILENT",
    "AlertRule",
    "Condition",
    "Place",
    "Standing",
    "Watch",
    "advance",
    "read_statement",
    "reports_of",
    "resumed",
    "rule_for",
]
