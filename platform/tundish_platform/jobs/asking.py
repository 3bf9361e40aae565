"""Asking for jobs, and not wanting them any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select, update

from tundish_platform.audit import record_of
from tundish_platform.jobs.faults import TooManyJobs, UnknownJob
from tundish_platform.jobs.kinds import ENDED, JobKind, JobState, permission_for
from tundish_platform.jobs.models import JobRow, JobTurn
from tundish_platform.jobs.views import info_of
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.jobs.kinds import JobSpec, TrialJob, Work
    from tundish_platform.jobs.views import JobInfo
    from tundish_platform.tenancy import Permission, TenantScope

MAX_QUEUED: Final = 10_000
KEPT: Final = timedelta(days=90)
_OVER: Final = [state.value for state in sorted(ENDED)]


def ask_job(session: Session, scope: TenantScope, spec: JobSpec | TrialJob, now: datetime) -> JobInfo:
    """Put a job into the tenant's queue.

    Raises:
        AccessDenied: the scope may not ask for it, or not at the line that the job is about.
        TooManyJobs: `MAX_QUEUED` wait already.
    """
    may_ask(scope, spec)
    hold_turn(session, scope.tenant_id)
    _forget_old(session, scope, now)
    waiting = select(func.count()).where(
        JobRow.tenant_id == scope.tenant_id, JobRow.state == JobState.QUEUED.value
    )
    if (session.scalar(waiting) or 0) >= MAX_QUEUED:
        raise TooManyJobs(MAX_QUEUED)
    row = new_row(scope.tenant_id, spec, scope.principal, now, spec.max_attempts)
    session.add(row)
    session.flush()
    record_of(session, scope, "job.asked", f"job/{row.id}", now, spec.model_dump(mode="json"))
    return info_of(row)


def cancel_job(session: Session, scope: TenantScope, job_id: int, now: datetime) -> JobInfo:
    """Not want a job any more: one that waits is over, one that runs is when its worker next reports.

    A job that is over stays as it is.

    Raises:
        AccessDenied: the scope may not configure the line that the job is about.
        UnknownJob: the tenant has no such job.
    """
    # A write that changes nothing: a worker that takes the job or reports on it waits for us, or we for it.
    mine = (JobRow.tenant_id == scope.tenant_id, JobRow.id == job_id)
    session.execute(update(JobRow).where(*mine).values(kind=JobRow.kind))
    row = session.scalar(select(JobRow).where(*mine).execution_options(populate_existing=True))
    if row is None:
        raise UnknownJob(job_id)
    _may(scope, permission_for(JobKind(row.kind)), row.path or None)
    if row.state not in _OVER and not row.cancelled_by:
        row.cancelled_by = scope.principal
        if row.state == JobState.QUEUED.value or (row.lease_until or now) <= now:
            end(row, JobState.CANCELLED, now)
        session.flush()
        record_of(session, scope, "job.cancelled", f"job/{job_id}", now)
    return info_of(row)


def may_ask(scope: TenantScope, work: Work) -> None:
    """Raise `AccessDenied` unless the scope may ask for the work where it is about."""
    _may(scope, work.permission, work.line)


def new_row(
    tenant_id: int,
    work: Work,
    asked_by: str,
    now: datetime,
    max_attempts: int,
    schedule_id: int | None = None,
) -> JobRow:
    """A row of a job that is due."""
    return JobRow(
        tenant_id=tenant_id, kind=work.kind.value, arguments=work.arguments, path=work.line or "",
        state=JobState.QUEUED.value,
        attempts=0, max_attempts=max_attempts, not_before=now, lease="", lease_until=None, worker="",
        share=0.0, words_zh="", words_en="", result=None, failure_zh="", failure_en="", asked_by=asked_by,
        asked_at=now, begun_at=None, ended_at=None, cancelled_by="", schedule_id=schedule_id,
    )  # fmt: skip


def end(row: JobRow, state: JobState, now: datetime) -> None:
    """Bring a job to its end; its lease stays, so that its worker's repeated report is known again."""
    row.state, row.ended_at, row.lease_until = state.value, now, None


def hold_turn(session: Session, tenant_id: int) -> None:
    """Have the tenant's turn, made where it is missing: two who ask at once cannot pass the limit."""
    session.execute(
        insert_into(session, JobTurn)
        .values(tenant_id=tenant_id, served=0)
        .on_conflict_do_update(index_elements=["tenant_id"], set_={"tenant_id": tenant_id})
    )


def _forget_old(session: Session, scope: TenantScope, now: datetime) -> None:
    session.execute(
        delete(JobRow).where(
            JobRow.tenant_id == scope.tenant_id, JobRow.state.in_(_OVER), JobRow.ended_at < now - KEPT
        )
    )


def _may(scope: TenantScope, permission: Permission, line: str | None) -> None:
    if line is None:
        scope.require(permission)
        scope.require_all_signals()
    else:
        scope.require_at(permission, line)
