"""Tables of jobs, of whose turn it is, and of what is asked for again and again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class JobRow(TenantOwned, Base):
    """A piece of work that a worker takes when it is due.

    Attributes:
        kind: `JobKind`.
        path: of the line that it is about; empty for the whole tenant.
        state: `JobState`.
        attempts: how often a worker took it.
        not_before: when it is due; later than asked after a failure.
        lease: what the worker that holds it shows; the last one's once it is over, empty while it waits.
        lease_until: whoever holds it is taken for dead from then on.
        share: how much is done, 0 to 1.
        cancelled_by: who does not want it any more; a worker learns of it with its next report.
        schedule_id: which schedule asked for it.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("job_by_state", "tenant_id", "state", "id"),
        Index("job_by_lease", "state", "lease_until"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    path: Mapped[str] = mapped_column(String(400))
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int]
    max_attempts: Mapped[int]
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    lease: Mapped[str] = mapped_column(String(40))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str] = mapped_column(String(200))
    share: Mapped[float]
    words_zh: Mapped[str] = mapped_column(String(200))
    words_en: Mapped[str] = mapped_column(String(200))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    failure_zh: Mapped[str] = mapped_column(String(400))
    failure_en: Mapped[str] = mapped_column(String(400))
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_by: Mapped[str] = mapped_column(String(200))
    schedule_id: Mapped[int | None] = mapped_column(
        ForeignKey("job_schedule.id", ondelete="SET NULL"), index=True
    )


class JobTurn(TenantOwned, Base):
    """When a tenant was last served, as a number that only counts up; the lowest one is next."""

    __tablename__ = "job_turn"
    __table_args__ = (PrimaryKeyConstraint("tenant_id"),)

    served: Mapped[int] = mapped_column(BigInteger)


class JobSchedule(TenantOwned, Base):
    """A job that is asked for whenever its cron expression says so, on the plant's clock."""

    __tablename__ = "job_schedule"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    cron: Mapped[str] = mapped_column(String(100))
    next_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    made_by: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
