"""What a worker says of the job that it holds, as long as it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import or_, select, update

from tundish_platform.jobs.asking import end
from tundish_platform.jobs.faults import LeaseLost, UnknownJob
from tundish_platform.jobs.kinds import ENDED, JobState
from tundish_platform.jobs.models import JobRow
from tundish_platform.jobs.views import JobInfo, info_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hold:
    """The job that a worker holds, and the lease that it was claimed with."""

    job: int
    lease: str


def pause_after(attempts: int) -> timedelta:
    """How long a job that failed so often waits: 30 s, then twice as long each time, an hour at most."""
    # Beyond ten doublings it is an hour anyway, and a power without bound is no time any more.
    doublings = min(max(attempts - 1, 0), 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def put_back(row: JobRow, zh: str, en: str, now: datetime) -> None:
    """Have a job tried again after a pause, or call it failed where that was its last attempt."""
    row.failure_zh, row.failure_en = zh, en
    if row.attempts >= row.max_attempts:
        end(row, JobState.FAILED, now)
        return
    row.state, row.lease, row.lease_until = JobState.QUEUED.value, "", None
    row.not_before = now + pause_after(row.attempts)


def report_progress(
    session: Session,
    scope: TenantScope,
    hold: Hold,
    share: float,
    words: tuple[str, str],
    more: timedelta,
    now: datetime,
) -> JobInfo:
    """Say how far a job is, and hold it for longer.

    Args:
        session: of the metadata database.
        scope: with the permission to analyse.
        hold: the job and its lease.
        share: how much is done, 0 to 1.
        words: what is being done, in Chinese and English.
        more: how long the worker may be silent from now on.
        now: the platform's clock, UTC.

    Returns:
        The job. Where its state is ``cancelled`` nobody wants it any more, and the worker stops.

    Raises:
        AccessDenied: the scope may not analyse.
        UnknownJob: the tenant has no such job.
        LeaseLost: the worker does not hold it any more.
    """
    row = _held(session, scope, hold, now)
    if row.state == JobState.RUNNING.value:
        if row.cancelled_by:
            end(row, JobState.CANCELLED, now)
        else:
            row.share, (row.words_zh, row.words_en), row.lease_until = share, words, now + more
        session.flush()
    return info_of(row)


def report_done(
    session: Session, scope: TenantScope, hold: Hold, result: dict[str, Any], now: datetime
) -> JobInfo:
    """Say that a job is done, also where somebody has cancelled it since: what is done is done.

    Raises:
        AccessDenied, UnknownJob, LeaseLost: as `report_progress`.
    """
    row = _held(session, scope, hold, now)
    if row.state == JobState.RUNNING.value:
        row.share, row.result, row.failure_zh, row.failure_en = 1.0, result, "", ""
        end(row, JobState.DONE, now)
        session.flush()
    return info_of(row)


def report_failed(
    session: Session, scope: TenantScope, hold: Hold, words: tuple[str, str], now: datetime, *, again: bool
) -> JobInfo:
    """Say that a job failed; unless it makes no sense it is tried `again`, as often as it may be.

    Raises:
        AccessDenied, UnknownJob, LeaseLost: as `report_progress`.
    """
    row = _held(session, scope, hold, now)
    if row.state == JobState.RUNNING.value:
        if again and not row.cancelled_by:
            put_back(row, *words, now)
        else:
            row.failure_zh, row.failure_en = words
            end(row, JobState.CANCELLED if row.cancelled_by else JobState.FAILED, now)
        session.flush()
    return info_of(row)


def _held(session: Session, scope: TenantScope, hold: Hold, now: datetime) -> JobRow:
    """The job while the worker holds it, or as it ended by that worker's own report, which was repeated."""
    scope.require(Permission.ANALYSE)
    mine = (JobRow.tenant_id == scope.tenant_id, JobRow.id == hold.job)
    in_time = or_(JobRow.lease_until > now, JobRow.state.in_([state.value for state in ENDED]))
    # A write that changes nothing: nobody takes the job away until this report is in.
    held = session.scalar(
        update(JobRow)
        .where(*mine, JobRow.lease == hold.lease, in_time)
        .values(lease=hold.lease)
        .returning(JobRow.id)
    )
    if held is None:
        if session.scalar(select(JobRow.id).where(*mine)) is None:
            raise UnknownJob(hold.job)
        raise LeaseLost(hold.job)
    return session.scalars(select(JobRow).where(*mine).execution_options(populate_existing=True)).one()
