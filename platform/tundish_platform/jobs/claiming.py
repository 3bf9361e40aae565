"""Whose turn it is: the tenant with the fewest running jobs, of those the one served least recently."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from sqlalchemy import exists, func, or_, select, text, update

from tundish_platform.jobs.asking import end
from tundish_platform.jobs.kinds import JobState
from tundish_platform.jobs.models import JobRow, JobSchedule, JobTurn
from tundish_platform.jobs.reporting import put_back
from tundish_platform.jobs.schedules import ask_due
from tundish_platform.jobs.views import claimed_of
from tundish_platform.tenancy import AccessDenied, Permission, access_tenant

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.jobs.kinds import JobKind
    from tundish_platform.jobs.views import ClaimedJob
    from tundish_platform.tenancy import Principal

_SILENT_ZH: Final = "执行进程失联, 任务已达最大尝试次数。"
_SILENT_EN: Final = "The worker fell silent, and the job was tried as often as it may be."
# Any number, as long as nobody else locks by it.
_ONE_AT_A_TIME: Final = 0x6A6F6273


def tenants_served(principal: Principal) -> dict[int, str]:
    """Numbers and slugs of the tenants whose jobs a principal may do: where it may analyse and ingest."""
    found = {}
    for slug in principal.tenants:
        try:
            scope = access_tenant(principal, slug, Permission.ANALYSE)
            scope.require(Permission.INGEST)
        except AccessDenied:
            continue
        found[scope.tenant_id] = slug
    return found


def anything_due(
    session: Session, tenants: Collection[int], kinds: Collection[JobKind], now: datetime
) -> bool:
    """Whether a claim would find or change something; reads only."""
    due = (JobRow.tenant_id.in_(tenants), *_due(kinds, now))
    silent = (JobRow.tenant_id.in_(tenants), *_silent(now))
    planned = (JobSchedule.tenant_id.in_(tenants), JobSchedule.next_at <= now)
    query = select(or_(exists().where(*due), exists().where(*silent), exists().where(*planned)))
    return bool(session.scalar(query))


def claim_job(
    session: Session,
    tenants: Mapping[int, str],
    kinds: Collection[JobKind],
    worker: str,
    lease: timedelta,
    now: datetime,
) -> ClaimedJob | None:
    """Take the next job; nobody else gets it while its lease lasts.

    Args:
        session: of the metadata database, reaching all of `tenants`.
        tenants: by `tenants_served`.
        kinds: what the worker can do.
        worker: its name, for people.
        lease: how long it may be silent.
        now: the platform's clock, UTC.

    Returns:
        The job, or ``None`` where nothing is due.
    """
    _hold_turns(session)
    _take_from_silent(session, tenants, now)
    ask_due(session, tenants, now)
    tenant_id = _next_tenant(session, tenants, kinds, now)
    if tenant_id is None:
        return None
    row = session.scalar(
        update(JobRow)
        .where(JobRow.tenant_id == tenant_id, JobRow.id == _first_of(tenant_id, kinds, now))
        .values(
            state=JobState.RUNNING.value, attempts=JobRow.attempts + 1, lease=secrets.token_urlsafe(16),
            lease_until=now + lease, worker=worker, begun_at=now, share=0.0, words_zh="", words_en="",
        )
        .returning(JobRow)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    if row is None:  # somebody is just cancelling it
        return None
    last = select(func.max(JobTurn.served)).where(JobTurn.tenant_id.in_(tenants)).scalar_subquery()
    session.execute(update(JobTurn).where(JobTurn.tenant_id == tenant_id).values(served=last + 1))
    return claimed_of(row, tenants[tenant_id])


def _hold_turns(session: Session) -> None:
    """One claim at a time, or two workers would both see the same tenant as the next one."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
    else:
        # SQLite has one writer, and a write that finds no row is one.
        session.execute(update(JobTurn).where(JobTurn.tenant_id == 0).values(served=0))


def _due(kinds: Collection[JobKind], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        JobRow.state == JobState.QUEUED.value,
        JobRow.not_before <= now,
        JobRow.kind.in_([kind.value for kind in kinds]),
    )


def _silent(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return JobRow.state == JobState.RUNNING.value, JobRow.lease_until <= now


def _take_from_silent(session: Session, tenants: Collection[int], now: datetime) -> None:
    """Give jobs back whose worker has not been heard of for a lease's time; the attempt counts."""
    silent = (
        select(JobRow).where(JobRow.tenant_id.in_(tenants), *_silent(now)).with_for_update(skip_locked=True)
    )
    for row in session.scalars(silent.execution_options(populate_existing=True)):
        if row.cancelled_by:
            end(row, JobState.CANCELLED, now)
        else:
            put_back(row, _SILENT_ZH, _SILENT_EN, now)
    session.flush()


def _next_tenant(
    session: Session, tenants: Collection[int], kinds: Collection[JobKind], now: datetime
) -> int | None:
    running = (
        select(JobRow.tenant_id, func.count().label("jobs"))
        .where(JobRow.tenant_id.in_(tenants), JobRow.state == JobState.RUNNING.value)
        .group_by(JobRow.tenant_id)
        .subquery()
    )
    waits = exists().where(JobRow.tenant_id == JobTurn.tenant_id, *_due(kinds, now))
    return session.scalar(
        select(JobTurn.tenant_id)
        .outerjoin(running, running.c.tenant_id == JobTurn.tenant_id)
        .where(JobTurn.tenant_id.in_(tenants), waits)
        .order_by(func.coalesce(running.c.jobs, 0), JobTurn.served, JobTurn.tenant_id)
        .limit(1)
    )


def _first_of(tenant_id: int, kinds: Collection[JobKind], now: datetime) -> ColumnElement[int]:
    return (
        select(JobRow.id)
        .where(JobRow.tenant_id == tenant_id, *_due(kinds, now))
        .order_by(JobRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
