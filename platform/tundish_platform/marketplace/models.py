"""Tables of the marketplace: subscriptions, the grants they carry, and the runs they paid for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime

_ACTIVE = text("stopped_at IS NULL")


class Subscription(TenantOwned, Base):
    """A tenant uses an app from one instant to another; at most one is active per tenant and app.

    Attributes:
        plan: key of the plan in force; ``plan_kind`` and ``fen`` are what it charges.
        paused_at: since when it does not run; None while it does.
        trial_until: what ran before it costs nothing.
        app_version: that runs; another one follows by an upgrade only.
        run_holder, run_until: the process that runs the app now, and until when nobody else may.
        ran_at: start of the run that was recorded last.
        follow: which newer versions it takes without being asked: ``none``, ``patches``.
    """

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
    plan_kind: Mapped[str] = mapped_column(String(20))
    fen: Mapped[int]
    schedule_s: Mapped[float]
    window_s: Mapped[float]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_by: Mapped[str] = mapped_column(String(200))
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stopped_by: Mapped[str | None] = mapped_column(String(200))
    stopped_because: Mapped[str | None] = mapped_column(String(400))
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    follow: Mapped[str] = mapped_column(String(10), server_default="none", default="none")
    trial_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    run_holder: Mapped[str | None] = mapped_column(String(64))
    run_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ran_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SubscriptionChange(TenantOwned, Base):
    """Something that happened to a subscription, and how it stood from then on; rows are only ever added.

    Attributes:
        act: `life.Act`.
        running: whether the app ran from then on.
        plan, plan_kind, fen, trial_until: in force from then on.
        detail: what else there is to tell, such as the signal whose grant was withdrawn.
    """

    __tablename__ = "subscription_change"
    __table_args__ = (Index("subscription_change_by_subscription", "tenant_id", "subscription_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(200))
    act: Mapped[str] = mapped_column(String(20))
    running: Mapped[bool]
    plan: Mapped[str] = mapped_column(String(20))
    plan_kind: Mapped[str] = mapped_column(String(20))
    fen: Mapped[int]
    trial_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)


class Grant(TenantOwned, Base):
    """One signal a subscription may read, from the moment it was granted until it was withdrawn."""

    __tablename__ = "grant_"

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), index=True
    )
    signal_id: Mapped[int]
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(200))


class InputMapping(TenantOwned, Base):
    """One signal that a person confirmed as one input of an app, and what the signal was when they did.

    Attributes:
        path, semantic, kind, role, unit: of the signal at that time; a later change of any but the path makes
            the mapping say so.
    """

    __tablename__ = "input_mapping"
    __table_args__ = (UniqueConstraint("tenant_id", "app_id", "input_key", "signal_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[str] = mapped_column(String(60))
    input_key: Mapped[str] = mapped_column(String(60))
    signal_id: Mapped[int]
    path: Mapped[str] = mapped_column(String(400))
    semantic: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(10))
    role: Mapped[str] = mapped_column(String(20))
    unit: Mapped[str] = mapped_column(String(40))
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_by: Mapped[str] = mapped_column(String(200))


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
    cpu_s: Mapped[float | None]
    memory_mb: Mapped[int | None]
    error_type: Mapped[str] = mapped_column(String(60), server_default="")
    error_place: Mapped[str] = mapped_column(String(200), server_default="")


class AppHalt(TenantOwned, Base):
    """The marketplace stopped a version for a tenant because it failed again and again; open until cleared.

    Attributes:
        failures: how many in a row.
        outcome: of the last one.
        cleared_by: who started it again; a newer version does so by itself.
    """

    __tablename__ = "app_halt"
    __table_args__ = (Index("app_halt_by_version", "app_id", "app_version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), index=True
    )
    app_id: Mapped[str] = mapped_column(String(60))
    app_version: Mapped[str] = mapped_column(String(40))
    failures: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(20))
    halted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    cleared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cleared_by: Mapped[str | None] = mapped_column(String(200))
