"""Tables of the marketplace: subscriptions, the grants they carry, and the runs they paid for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime

_ACTIVE = text("stopped_at IS NULL")


class Subscription(TenantOwned, Base):
    """A tenant uses an app from one instant to another; at most one is active per tenant and app."""

    __tablename__ = "subscription"
    __table_args__ = (
        # The database itself keeps two clicks at once from making two subscriptions.
        Index(
            "subscription_active", "tenant_id", "app_id",
            unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[str] = mapped_column(String(60))
    app_version: Mapped[str] = mapped_column(String(40))
    plan: Mapped[str] = mapped_column(String(20))
    fen_per_month: Mapped[int]
    schedule_s: Mapped[float]
    window_s: Mapped[float]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_by: Mapped[str] = mapped_column(String(200))
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stopped_by: Mapped[str | None] = mapped_column(String(200))
    stopped_because: Mapped[str | None] = mapped_column(String(400))


class Grant(TenantOwned, Base):
    """One signal a subscription may read, from the moment of subscribing until it was withdrawn."""

    __tablename__ = "grant_"

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), index=True
    )
    signal_id: Mapped[int]
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AppRun(TenantOwned, Base):
    """One run of an app, with what it used, how it was kept apart, and how it ended."""

    __tablename__ = "app_run"
    __table_args__ = (Index("app_run_by_start", "tenant_id", "app_id", "started_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), index=True
    )
    app_id: Mapped[str] = mapped_column(String(60))
    app_version: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    window_start: Mapped[datetime] = mapped_column(UtcDateTime)
    window_end: Mapped[datetime] = mapped_column(UtcDateTime)
    seconds: Mapped[float]
    rows_in: Mapped[int]
    values_out: Mapped[int]
    isolation: Mapped[str] = mapped_column(String(20))
    filtered: Mapped[bool]
    outcome: Mapped[str] = mapped_column(String(20))
    message_zh: Mapped[str] = mapped_column(String(2_000))
    message_en: Mapped[str] = mapped_column(String(2_000))
    screen: Mapped[dict[str, Any] | None] = mapped_column(JSON)
