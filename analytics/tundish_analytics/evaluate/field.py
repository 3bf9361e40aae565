"""The evaluation only a plant can give: what people found where alerts had sent them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_analytics.evaluate.figures import Evaluation, Figure

if TYPE_CHECKING:
    from tundish_platform.sdk.calls.alert_answers import Outcome, Outcomes

_PROTOCOL: Final = (
    "Alerts as they came, judged by people on site. Precision: confirmed of confirmed and false, by the "
    "newest feedback of each alert, with Wilson's 95 % interval; unclear and unanswered alerts say "
    "nothing either way, so the share answered stands beside it. Who answers is no random choice, and "
    "what no alert was raised for is not seen here: this is no recall. Lead time: from opening to when "
    "the fault was found."
)
_GUARD: Final = "Nothing is trained: people judged after the alerts had come."
_INTERVALS: Final = "Wilson's of the share of answered alerts that people confirmed"


def evaluate_field(outcomes: Outcomes) -> Evaluation:
    """Figures of each model version by people's feedback."""
    figures = [figure for one in outcomes["versions"] for figure in _figures(one)]
    facts = {name: outcomes["total"][name] for name in ("alerts", "open", "answered")}
    return Evaluation("field", _PROTOCOL, _GUARD, _INTERVALS, tuple(figures), facts)


def field_metrics(outcome: Outcome) -> dict[str, float]:
    """Figures for a model's card; nothing of what is not known yet."""
    known = {
        "field_precision": outcome["precision"],
        "field_precision_low": outcome["precision_low"],
        "field_precision_high": outcome["precision_high"],
        "field_answered_share": outcome["answered_share"],
        "field_lead_median_s": outcome["lead_median_s"],
    }
    return {name: value for name, value in known.items() if value is not None}


def _figures(one: Outcome) -> list[Figure]:
    name = f"{one['model']} {one['version']}"
    metrics = field_metrics(one)
    units = {"field_lead_median_s": "s"}
    return [
        Figure(f"{name} alerts", one["alerts"], "alerts", "none"),
        *(Figure(f"{name} {key}", value, units.get(key, "1")) for key, value in metrics.items()),
    ]
