"""What the API answers about predictive alerts, as types of its JSON; see `answers`."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class FeedbackView(TypedDict):
    """What a person said of an alert."""

    id: int
    alert: int
    verdict: str
    note: str
    found_at: str | None
    lead_s: float | None
    avoided_cost: float | None
    currency: str
    by: str
    at: str


class AlertView(TypedDict):
    """An alert as it stands, with the newest feedback."""

    id: int
    model: str
    version: str
    line: str
    target: str
    target_zh: str
    target_en: str
    since: str
    opened_at: str
    closed_at: str | None
    closed_because: str
    judged_to: str
    priority: int
    label_zh: str
    label_en: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    confidence: float
    sureness: str
    horizon: dict[str, Any] | None
    check_zh: str
    check_en: str
    window_start: str
    window_end: str
    completeness: float
    evidence: list[dict[str, Any]]
    told_at: str
    changed_at: str
    feedback: FeedbackView | None


class AlertDetail(AlertView):
    """The same with all that was said of it, oldest first."""

    history: list[FeedbackView]


class Outcome(TypedDict):
    """What became of the alerts of one model version, or of all."""

    model: str
    version: str
    alerts: int
    open: int
    answered: int
    confirmed: int
    false: int
    unclear: int
    answered_share: float | None
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    leads: int
    lead_q1_s: float | None
    lead_median_s: float | None
    lead_q3_s: float | None
    avoided_cost: float
    currency: str


class Outcomes(TypedDict):
    """Outcomes of all alerts asked for, and by model and version."""

    total: Outcome
    versions: list[Outcome]
