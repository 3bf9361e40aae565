"""Three plants, who may ask and who works for them all, and a clock that stands until it is moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform import jobs
from tundish_platform.tenancy import Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Collection

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
PLANTS = ("steel", "power", "glass")


@dataclass
class Queue:
    """The queue as people and workers use it, each in a transaction of their own."""

    metadata: Metadata
    engineers: dict[str, TenantScope]
    workers: dict[str, TenantScope]
    tenants: dict[int, str]
    now: datetime = NOW

    def ask(self, tenant: str, kind: str = "train", max_attempts: int = 3) -> jobs.JobInfo:
        arguments = {"target": "x"} if kind == "train-machines" else {"line": "S/A/L"}
        spec = jobs.JobSpec.model_validate(
            {"kind": kind, "arguments": arguments, "max_attempts": max_attempts}
        )
        scope = self.engineers[tenant]
        with self.metadata.of(scope).session() as session:
            return jobs.ask_job(session, scope, spec, self.now)

    def claim(
        self, kinds: Collection[str] = tuple(jobs.JobKind), tenants: Collection[str] = PLANTS
    ) -> jobs.ClaimedJob | None:
        served = {number: slug for number, slug in self.tenants.items() if slug in tenants}
        wanted = [jobs.JobKind(kind) for kind in kinds]
        with self.metadata.above(Above.JOBS).session() as session:
            return jobs.claim_job(session, served, wanted, "w", LEASE, self.now)

    def progress(self, job: jobs.ClaimedJob, share: float = 0.5) -> jobs.JobInfo:
        scope, words = self.workers[job.tenant], ("半", "half")
        with self.metadata.of(scope).session() as session:
            hold = jobs.Hold(job.id, job.lease)
            return jobs.report_progress(session, scope, hold, share, words, LEASE, self.now)

    def done(self, job: jobs.ClaimedJob, result: dict[str, Any] | None = None) -> jobs.JobInfo:
        scope = self.workers[job.tenant]
        with self.metadata.of(scope).session() as session:
            hold = jobs.Hold(job.id, job.lease)
            return jobs.report_done(session, scope, hold, result or {}, self.now)

    def failed(self, job: jobs.ClaimedJob, *, again: bool = True) -> jobs.JobInfo:
        scope, words = self.workers[job.tenant], ("坏", "bad")
        with self.metadata.of(scope).session() as session:
            hold = jobs.Hold(job.id, job.lease)
            return jobs.report_failed(session, scope, hold, words, self.now, again=again)

    def cancel(self, tenant: str, job: int) -> jobs.JobInfo:
        scope = self.engineers[tenant]
        with self.metadata.of(scope).session() as session:
            return jobs.cancel_job(session, scope, job, self.now)

    def job(self, tenant: str, job: int) -> jobs.JobInfo:
        scope = self.engineers[tenant]
        with self.metadata.of(scope).session() as session:
            return jobs.find_job(session, scope, job)

    def listed(self, tenant: str, state: jobs.JobState | None = None) -> list[jobs.JobInfo]:
        scope = self.engineers[tenant]
        with self.metadata.of(scope).session() as session:
            return jobs.list_jobs(session, scope, state=state)


@pytest.fixture
def queue(metadata: Metadata) -> Queue:
    """On both kinds of database, with sessions that reach no more than the server's do."""
    with metadata.session() as session:
        for slug in PLANTS:
            create_tenant(session, slug, slug, slug, timezone="Europe/Berlin")
        engineer = job_principal(session, "engineer", Role.ENGINEER)
        worker = job_principal(session, "worker", Role.ANALYST)
    return Queue(
        metadata,
        {slug: access_tenant(engineer, slug, Permission.CONFIGURE) for slug in PLANTS},
        {slug: access_tenant(worker, slug, Permission.ANALYSE) for slug in PLANTS},
        jobs.tenants_served(worker),
    )
