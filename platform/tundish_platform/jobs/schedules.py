"""Jobs that are asked for again and again, by cron expressions on the plant's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import Field
from sqlalchemy import exists, func, select

from tundish_platform.audit import record_of
from tundish_platform.jobs.asking import MAX_QUEUED, hold_turn, may_ask, new_row
from tundish_platform.jobs.faults import CronRefused, TooManyJobs, UnknownSchedule
from tundish_platform.jobs.kinds import AskedWork, JobKind, JobState, Work
from tundish_platform.jobs.models import JobRow, JobSchedule
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.scope import within

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_SCHEDULES: Final = 100
_FIELDS: Final = 5
_ATTEMPTS: Final = 3
_WAITING: Final = (JobState.QUEUED.value, JobState.RUNNING.value)


class ScheduleSpec(AskedWork):
    """A schedule as a person makes it.

    Attributes:
        cron: minute, hour, day of the month, month and day of the week, on the plant's clock.
    """

    cron: Annotated[str, Field(min_length=9, max_length=100, pattern=r"^[ -~]*$")]


class Schedule(ScheduleSpec):
    """A schedule as it is kept."""

    id: int
    next_at: datetime
    made_by: str
    made_at: datetime


def next_time(cron: str, zone: str, after: datetime) -> datetime:
    """The first moment behind `after` that fits, UTC.

    A time of day that a clock change skips comes right after it; one that it repeats comes once, as in
    Debian's cron.

    Raises:
        CronRefused: not five fields of cron, or no moment fits within fifty years.
    """
    if len(cron.split()) != _FIELDS:
        raise CronRefused(cron)
    try:
        return next(CronSim(cron, after.astimezone(ZoneInfo(zone)))).astimezone(UTC)
    except (CronSimError, StopIteration) as error:
        raise CronRefused(cron) from error


def make_schedule(session: Session, scope: TenantScope, spec: ScheduleSpec, now: datetime) -> Schedule:
    """Have a job asked for whenever the expression says so.

    Raises:
        AccessDenied: the scope may not configure what the job is about.
        CronRefused: the expression cannot be used.
        TooManyJobs: there are `MAX_SCHEDULES` already.
    """
    may_ask(scope, spec)
    hold_turn(session, scope.tenant_id)
    mine = JobSchedule.tenant_id == scope.tenant_id
    if (session.scalar(select(func.count()).where(mine)) or 0) >= MAX_SCHEDULES:
        raise TooManyJobs(MAX_SCHEDULES)
    row = JobSchedule(
        tenant_id=scope.tenant_id, kind=spec.kind.value, arguments=spec.arguments, cron=spec.cron,
        next_at=next_time(spec.cron, _zone(session, scope.tenant_id), now),
        made_by=scope.principal, made_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record_of(session, scope, "job_schedule.made", f"schedule/{row.id}", now, spec.model_dump(mode="json"))
    return _schedule(row)


def list_schedules(session: Session, scope: TenantScope) -> list[Schedule]:
    """Schedules about what the scope may see, the soonest first.

    Raises:
        AccessDenied: the scope may not read.
    """
    places = scope.places()
    query = select(JobSchedule).where(JobSchedule.tenant_id == scope.tenant_id)
    found = [_schedule(row) for row in session.scalars(query.order_by(JobSchedule.next_at, JobSchedule.id))]
    return [one for one in found if within(one.line or "", places)]


def remove_schedule(session: Session, scope: TenantScope, schedule_id: int, now: datetime) -> None:
    """Ask for its jobs no more; those that wait stay.

    Raises:
        AccessDenied: the scope may not configure what the job is about.
        UnknownSchedule: the tenant has no such schedule.
    """
    row = session.scalar(
        select(JobSchedule).where(JobSchedule.tenant_id == scope.tenant_id, JobSchedule.id == schedule_id)
    )
    if row is None:
        raise UnknownSchedule(schedule_id)
    may_ask(scope, _work(row))
    session.delete(row)
    record_of(session, scope, "job_schedule.removed", f"schedule/{schedule_id}", now)


def ask_due(session: Session, tenants: Collection[int], now: datetime) -> int:
    """Ask for the jobs of schedules that are due; returns for how many.

    What was missed while nobody looked is asked for once. While a schedule's last job waits or runs, its
    next one is left out. The caller has claims to itself.
    """
    due = (
        select(JobSchedule)
        .where(JobSchedule.tenant_id.in_(tenants), JobSchedule.next_at <= now)
        .order_by(JobSchedule.next_at)
        .with_for_update(skip_locked=True)
    )
    asked = 0
    for row in session.scalars(due).all():
        hold_turn(session, row.tenant_id)
        if not _waits(session, row):
            session.add(new_row(row.tenant_id, _work(row), row.made_by, now, _ATTEMPTS, row.id))
            asked += 1
        row.next_at = next_time(row.cron, _zone(session, row.tenant_id), now)
    session.flush()
    return asked


def _waits(session: Session, row: JobSchedule) -> bool:
    """Whether the schedule's last job is not over, or the tenant's queue is full."""
    mine = JobRow.tenant_id == row.tenant_id
    last = exists().where(mine, JobRow.schedule_id == row.id, JobRow.state.in_(_WAITING))
    if session.scalar(select(last)):
        return True
    waiting = select(func.count()).where(mine, JobRow.state == JobState.QUEUED.value)
    return (session.scalar(waiting) or 0) >= MAX_QUEUED


def _zone(session: Session, tenant_id: int) -> str:
    return session.scalars(select(Tenant.timezone).where(Tenant.id == tenant_id)).one()


def _work(row: JobSchedule) -> Work:
    return Work(kind=JobKind(row.kind), arguments=row.arguments)


def _schedule(row: JobSchedule) -> Schedule:
    return Schedule(**{name: getattr(row, name) for name in Schedule.model_fields})
