"""Asking for trials, seeing how they stand, and what the worker that does one may read and say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, false, func, select
from sqlalchemy.orm import defer

from tundish_platform.audit import record_of
from tundish_platform.jobs import (
    ENDED,
    Hold,
    JobState,
    TrialJob,
    ask_job,
    cancel_job,
    hold_turn,
    report_progress,
)
from tundish_platform.jobs.models import JobRow
from tundish_platform.marketplace import MissingInputs, choice_for
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.sdk import Manifest
from tundish_platform.tenancy import Permission
from tundish_platform.trials.faults import NoHistory, TooManyTrials, TrialOver, UnknownTrial
from tundish_platform.trials.models import Trial
from tundish_platform.trials.plan import step_of
from tundish_platform.trials.report import TrialReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

MAX_PAGE: Final = 100
MAX_OPEN: Final = 5
"""Trials of a tenant that may wait or run at a time: they cost the platform, and the tenant nothing."""

MAX_KEPT: Final = 200
_HOLD: Final = timedelta(seconds=60)
_OPEN: Final = (JobState.QUEUED.value, JobState.RUNNING.value)


@dataclass(frozen=True, slots=True)
class TrialView:
    """A trial as it stands; see `Trial`.

    Attributes:
        inputs: signals by input, where a person had confirmed them; None where every fitting one serves.
        state: of its job; ``done`` once there is a report, ``failed`` where the job is forgotten without one.
        share, words_zh, words_en: how far it is.
        failure_zh, failure_en: why the last attempt failed.
        ending: somebody has cancelled it, and its worker has not stopped yet.
        report: None until it is there, and in lists.
    """

    id: int
    app: str
    version: str
    manifest: Manifest
    parameters: Mapping[str, float | str]
    signals: tuple[int, ...]
    inputs: Mapping[str, tuple[int, ...]] | None
    start: datetime
    end: datetime
    step_s: float
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    state: JobState
    share: float
    words_zh: str
    words_en: str
    failure_zh: str
    failure_en: str
    ending: bool
    report: TrialReport | None

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in ENDED


def start_trial(
    session: Session, scope: TenantScope, manifest: Manifest, signals: Iterable[SignalInfo],
    stretch: tuple[datetime, datetime] | None, parameters: Mapping[str, float | str], now: datetime,
) -> TrialView:  # fmt: skip
    """Ask for a trial of an app; one that waits or runs already is given back instead.

    It reads what a subscription would be granted: the signals that a person confirmed, else those that fit.

    Args:
        session: of the metadata database.
        scope: with the permission to subscribe.
        manifest: of the app.
        signals: all signals of the tenant.
        stretch: of history that there is of the signals that would be granted; None where there is none.
        parameters: settings; missing ones have the manifest's defaults.
        now: the platform's clock, UTC.

    Raises:
        AccessDenied: the scope may not subscribe.
        MissingInputs: the tenant lacks what the app needs.
        NoHistory: there is nothing that it could run over.
        ParameterRefused: a parameter the app does not have.
        TooManyTrials: `MAX_OPEN` wait or run.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    settings = manifest.settings(dict(parameters))
    choice = choice_for(session, scope, manifest, stock_of(signals))
    if choice.missing:
        raise MissingInputs(manifest.id, choice.missing)
    if stretch is None or stretch[1] <= stretch[0]:
        raise NoHistory(manifest.id)
    # Held until the transaction ends: two clicks at once make one trial, and nobody passes the bound.
    hold_turn(session, scope.tenant_id)
    waiting = select(Trial.id, Trial.app_id).join(JobRow, _job(scope)).where(
        Trial.tenant_id == scope.tenant_id, JobRow.state.in_(_OPEN), JobRow.cancelled_by == ""
    )  # fmt: skip
    open_ones = {app: number for number, app in session.execute(waiting)}
    if manifest.id in open_ones:
        return find_trial(session, scope, open_ones[manifest.id])
    if len(open_ones) >= MAX_OPEN:
        raise TooManyTrials(MAX_OPEN)
    start, end = stretch
    row = Trial(
        tenant_id=scope.tenant_id, app_id=manifest.id, app_version=manifest.version,
        manifest=manifest.model_dump(mode="json"), parameters=settings,
        signals=[signal.id for signal in choice.signals],
        inputs={key: list(some) for key, some in choice.inputs.items()} if choice.confirmed else None,
        start=start, end=end,
        step_s=step_of(manifest.schedule_s, end - start), asked_by=scope.principal, asked_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    row.job_id = ask_job(session, scope, TrialJob.of(row.id, manifest.id), now).id
    _forget_old(session, scope)
    session.flush()
    record_of(
        session, scope, "trial.asked", f"trial/{row.id}", now, {"app": manifest.id, "signals": row.signals}
    )
    return find_trial(session, scope, row.id)


def cancel_trial(session: Session, scope: TenantScope, number: int, now: datetime) -> TrialView:
    """Not want a trial any more; one that runs ends with its worker's next report.

    Raises:
        AccessDenied: the scope may not subscribe.
        UnknownTrial: the tenant has no such trial.
    """
    scope.require(Permission.SUBSCRIBE)
    row = _row(session, scope, number)
    if row.job_id is not None:
        cancel_job(session, scope, row.job_id, now)
    return find_trial(session, scope, number)


def find_trial(session: Session, scope: TenantScope, number: int) -> TrialView:
    """One trial with its report.

    Raises:
        AccessDenied: the scope may not read.
        UnknownTrial: the tenant has no such trial, or the scope is limited to places.
    """
    row = _row(session, scope, number)
    return _view(row, _job_of(session, scope, row), whole=True)


def list_trials(
    session: Session, scope: TenantScope, *, app: str = "", before: int = 0, limit: int = MAX_PAGE
) -> list[TrialView]:
    """Trials without their reports, the newest first, a page at a time.

    A scope that is limited to places sees none: a trial reads wherever the app's inputs lie.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = (
        select(Trial, JobRow).outerjoin(JobRow, _job(scope)).where(*_seen(scope)).options(defer(Trial.report))
    )
    if app:
        query = query.where(Trial.app_id == app)
    if before:
        query = query.where(Trial.id < before)
    rows = session.execute(query.order_by(Trial.id.desc()).limit(min(limit, MAX_PAGE)))
    return [_view(row, job, whole=False) for row, job in rows]


def running_trial(session: Session, scope: TenantScope, number: int) -> TrialView:
    """A trial that a worker does now.

    Raises:
        AccessDenied: the scope may not analyse.
        UnknownTrial: the tenant has no such trial.
        TrialOver: it does not run; what it could read while it ran, it cannot read any more.
    """
    scope.require(Permission.ANALYSE)
    found = find_trial(session, scope, number)
    if found.state is not JobState.RUNNING:
        raise TrialOver(number)
    return found


def trial_scope(scope: TenantScope, trial: TrialView) -> TenantScope:
    """The scope that a running trial's input is read with: its signals and reading, nothing else."""
    return scope.narrowed(frozenset(trial.signals), frozenset({Permission.READ}))


def keep_report(
    session: Session, scope: TenantScope, number: int, lease: str, report: TrialReport, now: datetime
) -> TrialView:
    """Keep what came of a trial; said again by the worker that holds its job, it takes the old one's place.

    Raises:
        AccessDenied: the scope may not analyse.
        LeaseLost: the job is not the worker's.
        TrialOver: it was cancelled, or is over.
        UnknownTrial: the tenant has no such trial.
    """
    scope.require(Permission.ANALYSE)
    row = _row(session, scope, number)
    if row.job_id is None:
        raise TrialOver(number)
    words = "正在整理报告", "Writing the report"
    held = report_progress(session, scope, Hold(row.job_id, lease), 1.0, words, _HOLD, now)
    if held.state is not JobState.RUNNING:
        raise TrialOver(number)
    row.report, row.ended_at = report.model_dump(mode="json"), now
    session.flush()
    return find_trial(session, scope, number)


def apps_on_trial(session: Session, scope: TenantScope) -> dict[str, str]:
    """Versions of the apps whose trials run now, by app: their packages may be fetched."""
    scope.require(Permission.READ)
    query = select(Trial.app_id, Trial.app_version).join(JobRow, _job(scope)).where(
        Trial.tenant_id == scope.tenant_id, JobRow.state == JobState.RUNNING.value
    )  # fmt: skip
    return {app: version for app, version in session.execute(query)}  # noqa: C416 - rows are no pairs for dict()


def _job(scope: TenantScope) -> ColumnElement[bool]:
    return and_(JobRow.id == Trial.job_id, JobRow.tenant_id == scope.tenant_id)


def _seen(scope: TenantScope) -> tuple[ColumnElement[bool], ...]:
    scope.require(Permission.READ)
    there = () if Permission.READ not in scope.limits else (false(),)
    return (Trial.tenant_id == scope.tenant_id, *there)


def _row(session: Session, scope: TenantScope, number: int) -> Trial:
    row = session.scalar(select(Trial).where(*_seen(scope), Trial.id == number))
    if row is None:
        raise UnknownTrial(number)
    return row


def _job_of(session: Session, scope: TenantScope, row: Trial) -> JobRow | None:
    mine = JobRow.tenant_id == scope.tenant_id, JobRow.id == row.job_id
    return session.scalar(select(JobRow).where(*mine).execution_options(populate_existing=True))


def _view(row: Trial, job: JobRow | None, *, whole: bool) -> TrialView:
    told: dict[str, Any] = {"share": 0.0, "words_zh": "", "words_en": "", "failure_zh": "", "failure_en": ""}
    if job is not None:
        told = {name: getattr(job, name) for name in told}
    state = JobState(job.state) if job is not None else JobState.FAILED
    if row.ended_at is not None:
        state = JobState.DONE
    return TrialView(
        id=row.id, app=row.app_id, version=row.app_version, manifest=Manifest.model_validate(row.manifest),
        parameters=row.parameters, signals=tuple(row.signals), start=row.start, end=row.end,
        inputs=None if row.inputs is None else {key: tuple(some) for key, some in row.inputs.items()},
        step_s=row.step_s, asked_by=row.asked_by, asked_at=row.asked_at,
        ended_at=row.ended_at or (job.ended_at if job is not None else None), state=state,
        ending=job is not None and bool(job.cancelled_by) and state not in ENDED,
        report=TrialReport.model_validate(row.report) if whole and row.report is not None else None, **told,
    )  # fmt: skip


def _forget_old(session: Session, scope: TenantScope) -> None:
    mine = Trial.tenant_id == scope.tenant_id
    count = session.scalar(select(func.count()).select_from(Trial).where(mine)) or 0
    if count > MAX_KEPT:
        oldest = select(Trial.id).where(mine).order_by(Trial.id).limit(count - MAX_KEPT)
        session.execute(delete(Trial).where(mine, Trial.id.in_(oldest)))
