"""Jobs as people and workers see them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel
from sqlalchemy import select

from tundish_platform.assets.places import lying_in
from tundish_platform.jobs.faults import UnknownJob
from tundish_platform.jobs.kinds import JobKind, JobState
from tundish_platform.jobs.models import JobRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_PAGE: Final = 500


class JobInfo(BaseModel):
    """A job as it stands; see `tundish_platform.jobs.models.JobRow`."""

    id: int
    kind: JobKind
    arguments: dict[str, Any]
    state: JobState
    attempts: int
    max_attempts: int
    not_before: datetime
    worker: str
    share: float
    words_zh: str
    words_en: str
    result: dict[str, Any] | None
    failure_zh: str
    failure_en: str
    asked_by: str
    asked_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    cancelled_by: str
    schedule_id: int | None


class ClaimedJob(JobInfo):
    """A job that a worker holds now.

    Attributes:
        tenant: slug of whose it is.
        lease: to be shown with every report.
    """

    tenant: str
    lease: str


def info_of(row: JobRow) -> JobInfo:
    """A row as it is told."""
    return JobInfo(**{name: getattr(row, name) for name in JobInfo.model_fields})


def claimed_of(row: JobRow, tenant: str) -> ClaimedJob:
    """A row as its worker is told of it."""
    return ClaimedJob(**info_of(row).model_dump(), tenant=tenant, lease=row.lease)


def find_job(session: Session, scope: TenantScope, job_id: int) -> JobInfo:
    """One job.

    Raises:
        AccessDenied: the scope may not read.
        UnknownJob: the tenant has no such job, or it is about another place than the scope may see.
    """
    query = select(JobRow).where(JobRow.tenant_id == scope.tenant_id, JobRow.id == job_id)
    row = session.scalar(query.where(lying_in(JobRow.path, scope.places())))
    if row is None:
        raise UnknownJob(job_id)
    return info_of(row)


def list_jobs(
    session: Session,
    scope: TenantScope,
    *,
    state: JobState | None = None,
    kind: JobKind | None = None,
    before: int | None = None,
    limit: int = MAX_PAGE,
) -> list[JobInfo]:
    """Jobs about what the scope may see, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = select(JobRow).where(JobRow.tenant_id == scope.tenant_id, lying_in(JobRow.path, scope.places()))
    if state is not None:
        query = query.where(JobRow.state == state.value)
    if kind is not None:
        query = query.where(JobRow.kind == kind.value)
    if before is not None:
        query = query.where(JobRow.id < before)
    rows = session.scalars(query.order_by(JobRow.id.desc()).limit(limit))
    return [info_of(row) for row in rows]
