"""Shadow trials: an app over a tenant's own history, read-only, and what it would have been worth."""

from tundish_platform.trials.faults import NoHistory, TooManyTrials, TrialOver, UnknownTrial
from tundish_platform.trials.plan import LONGEST, MAX_RUNS, moments, slowed, step_of
from tundish_platform.trials.report import TrialReport, report_of
from tundish_platform.trials.result import Ended, Figure, TrialResult, WindowDone
from tundish_platform.trials.trying import (
    MAX_OPEN,
    MAX_PAGE,
    TrialView,
    apps_on_trial,
    cancel_trial,
    find_trial,
    keep_report,
    list_trials,
    running_trial,
    start_trial,
    trial_scope,
)

__all__ = [
    "LONGEST",
    "MAX_OPEN",
    "MAX_PAGE",
    "MAX_RUNS",
    "Ended",
    "Figure",
    "NoHistory",
    "TooManyTrials",
    "TrialOver",
    "TrialReport",
    "TrialResult",
    "TrialView",
    "UnknownTrial",
    "WindowDone",
    "apps_on_trial",
    "cancel_trial",
    "find_trial",
    "keep_report",
    "list_trials",
    "moments",
    "report_of",
    "running_trial",
    "slowed",
    "start_trial",
    "step_of",
    "trial_scope",
]
