"""Predictive alerts: what models foresee for people to check, and what people found there."""

from tundish_platform.alerts.cases import cases_between
from tundish_platform.alerts.ending import SUBSCRIPTION_ENDED, AlertEnder, end_orphaned
from tundish_platform.alerts.feedback import (
    FeedbackRefused,
    FeedbackSpec,
    FeedbackView,
    Verdict,
    feedback_of,
    give_feedback,
)
from tundish_platform.alerts.listing import (
    MAX_PAGE,
    AlertView,
    UnknownAlert,
    count_open,
    find_alert,
    list_alerts,
    view_of,
)
from tundish_platform.alerts.outcomes import Outcome, Outcomes, outcomes_of
from tundish_platform.alerts.raising import ALERTS, AlertQuotaReached, take_alert

__all__ = [
    "ALERTS",
    "MAX_PAGE",
    "SUBSCRIPTION_ENDED",
    "AlertEnder",
    "AlertQuotaReached",
    "AlertView",
    "FeedbackRefused",
    "FeedbackSpec",
    "FeedbackView",
    "Outcome",
    "Outcomes",
    "UnknownAlert",
    "Verdict",
    "cases_between",
    "count_open",
    "end_orphaned",
    "feedback_of",
    "find_alert",
    "give_feedback",
    "list_alerts",
    "outcomes_of",
    "take_alert",
    "view_of",
]
