"""The marketplace: catalogue, subscriptions with their grants, the sandbox and the records of runs."""

from tundish_platform.marketplace.catalogue import App, Catalogue, Compatibility, UnknownApp, compatibility
from tundish_platform.marketplace.runs import (
    Outcome,
    RecordedRun,
    Run,
    record_run,
    recorded_runs,
    runs,
    uses_between,
)
from tundish_platform.marketplace.sandbox import SandboxResult, run_sandboxed
from tundish_platform.marketplace.subscriptions import (
    MissingInputs,
    NotSubscribed,
    SubscriptionView,
    due_subscriptions,
    grant_signals,
    granted_scope,
    stop,
    subscribe,
    subscription_of,
    subscriptions,
)
from tundish_platform.sdk import Manifest, ParameterRefused

__all__ = [
    "App",
    "Catalogue",
    "Compatibility",
    "Manifest",
    "MissingInputs",
    "NotSubscribed",
    "Outcome",
    "ParameterRefused",
    "RecordedRun",
    "Run",
    "SandboxResult",
    "SubscriptionView",
    "UnknownApp",
    "compatibility",
    "due_subscriptions",
    "grant_signals",
    "granted_scope",
    "record_run",
    "recorded_runs",
    "run_sandboxed",
    "runs",
    "stop",
    "subscribe",
    "subscription_of",
    "subscriptions",
    "uses_between",
]
