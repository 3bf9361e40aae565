"""Tables of predictive alerts and of what people say of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime

_OPEN = text("closed_at IS NULL")


class Alert(TenantOwned, Base):
    """One alert of one target; the attributes are those of `AlertReport`.

    Attributes:
        closed_because: why the platform closed it; empty where its model or app did.
        told_at: when the platform first heard of it.
        changed_at: when it last changed.
        expected_at, earliest, latest: the horizon; ``None`` means now.
    """

    __tablename__ = "alert"
    __table_args__ = (
        # The same opening makes one row, however often and from however many workers it is told.
        UniqueConstraint("tenant_id", "model", "line", "target", "opened_at"),
        # And of one target only one stands open, whatever two workers think of when it opened.
        Index(
            "alert_one_open", "tenant_id", "model", "line", "target",
            unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN,
        ),
        Index("alert_by_opening", "tenant_id", "opened_at"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(60))
    line: Mapped[str] = mapped_column(String(240))
    target: Mapped[str] = mapped_column(String(60))
    target_zh: Mapped[str] = mapped_column(String(200))
    target_en: Mapped[str] = mapped_column(String(200))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_because: Mapped[str] = mapped_column(String(40), server_default="", default="")
    judged_to: Mapped[datetime] = mapped_column(UtcDateTime)
    priority: Mapped[int]
    label_zh: Mapped[str] = mapped_column(String(200))
    label_en: Mapped[str] = mapped_column(String(200))
    value: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    unit: Mapped[str] = mapped_column(String(40))
    confidence: Mapped[float]
    sureness: Mapped[str] = mapped_column(String(20))
    expected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    earliest: Mapped[datetime | None] = mapped_column(UtcDateTime)
    latest: Mapped[datetime | None] = mapped_column(UtcDateTime)
    check_zh: Mapped[str] = mapped_column(String(500))
    check_en: Mapped[str] = mapped_column(String(500))
    window_start: Mapped[datetime] = mapped_column(UtcDateTime)
    window_end: Mapped[datetime] = mapped_column(UtcDateTime)
    completeness: Mapped[float]
    evidence: Mapped[list[Any]] = mapped_column(JSON)
    told_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AlertFeedback(TenantOwned, Base):
    """What a person said of an alert; never changed, the newest of an alert counts.

    Attributes:
        found_at: when the fault was found or the machine failed.
        lead_s: seconds from the alert's opening to that; negative where the fault was found first.
        avoided_cost: as the person entered it, in `currency`.
        by: who said it.
    """

    __tablename__ = "alert_feedback"

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), index=True)
    verdict: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(1_000))
    found_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lead_s: Mapped[float | None]
    avoided_cost: Mapped[float | None]
    currency: Mapped[str] = mapped_column(String(3))
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
