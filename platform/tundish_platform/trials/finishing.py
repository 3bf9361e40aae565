"""From what a worker hands back to the report that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from tundish_platform.assets import list_signals
from tundish_platform.samples import SampleKind
from tundish_platform.tenancy.accounts import tenant_of_scope
from tundish_platform.trials.judging import Stretch
from tundish_platform.trials.report import report_of
from tundish_platform.trials.truth import Reach, known_of, state_signals, stops_in
from tundish_platform.trials.trying import keep_report, running_trial
from tundish_platform.trials.words import Words

if TYPE_CHECKING:
    from datetime import datetime

    from tundish_platform.store.query.queries import Queries
    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.trials.result import TrialResult
    from tundish_platform.trials.trying import TrialView

_MOST_STATES: Final = 20


def finish_trial(
    metadata: Metadata, telemetry: Queries, scope: TenantScope, number: int, lease: str,
    result: TrialResult, now: datetime,
) -> TrialView:  # fmt: skip
    """Judge the runs of a trial and keep the report.

    Args:
        metadata: of the platform, bound to the tenant.
        telemetry: the store; states of the machines are read from it, as somebody of the plant could.
        scope: of the worker, all of the tenant.
        number: of the trial.
        lease: of its job.
        result: what came of the runs.
        now: the platform's clock, UTC.

    Raises:
        AccessDenied: the scope may not analyse.
        LeaseLost: the job is not the worker's any more.
        TrialOver: it was cancelled, or is over.
        UnknownTrial: the tenant has no such trial.
    """
    with metadata.session() as session:
        trial = running_trial(session, scope, number)
        everything = list_signals(session, scope)
        zone = ZoneInfo(tenant_of_scope(session, scope).timezone)
    wanted = set(trial.signals)
    reach = Reach.of(signal for signal in everything if signal.id in wanted)
    states = state_signals(everything, reach)[:_MOST_STATES]
    samples = telemetry.read(scope, [s.id for s in states], trial.start, trial.end, SampleKind.TEXT)
    times = samples.column("ts").to_pylist()
    words = Words("zh", zone)
    windows = sorted(result.windows, key=lambda one: one.at)
    with metadata.session() as session:
        known = known_of(
            session, scope, reach, Stretch(trial.start, trial.end), stops_in(samples, states, trial.end),
            min(times, default=None),
        )  # fmt: skip
        report = report_of(
            trial.manifest, (trial.start, trial.end), result, known, len(trial.signals),
            [words.day(window.at) for window in windows],
        )  # fmt: skip
        return keep_report(session, scope, number, lease, report, now)
