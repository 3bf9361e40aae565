"""The table of trials: what was tried, over which stretch, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class Trial(TenantOwned, Base):
    """An app that runs, or ran, over a stretch of a tenant's history; nothing of it is granted.

    Attributes:
        manifest: the app's as it was when the trial was asked for; what is judged is judged by it.
        signals: numbers of those that the app may read while the trial runs.
        inputs: them by input, where a person confirmed which serve as what when the trial was asked for.
        start, end: the stretch, source time.
        step_s: between runs, as planned; the report has what became of it.
        job_id: of the job that does it; ``None`` once that is forgotten.
        report: `TrialReport`, once it is there.
    """

    __tablename__ = "app_trial"
    __table_args__ = (Index("app_trial_by_app", "tenant_id", "app_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[str] = mapped_column(String(60))
    app_version: Mapped[str] = mapped_column(String(40))
    manifest: Mapped[dict[str, Any]] = mapped_column(JSON)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    signals: Mapped[list[int]] = mapped_column(JSON)
    inputs: Mapped[dict[str, list[int]] | None] = mapped_column(JSON(none_as_null=True))
    start: Mapped[datetime] = mapped_column(UtcDateTime)
    end: Mapped[datetime] = mapped_column(UtcDateTime)
    step_s: Mapped[float]
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
