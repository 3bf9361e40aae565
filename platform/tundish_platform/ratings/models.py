"""Tables of ratings: stars, failures that no alert announced, and what was published of each month."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, PrimaryKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class AppStars(TenantOwned, Base):
    """What a tenant that ran an app thinks of it; one for each tenant and app.

    Attributes:
        stars: 1 to 5.
        text: shown to everybody, without whose it is.
        hidden_at: since when an operator hides text and stars, with ``hidden_because``; None while shown.
    """

    __tablename__ = "app_stars"
    __table_args__ = (UniqueConstraint("tenant_id", "app_id"), Index("app_stars_by_app", "app_id", "id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[str] = mapped_column(String(60))
    app_version: Mapped[str] = mapped_column(String(40))
    stars: Mapped[int]
    text: Mapped[str] = mapped_column(String(500))
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_by: Mapped[str] = mapped_column(String(200))
    hidden_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hidden_by: Mapped[str | None] = mapped_column(String(200))
    hidden_because: Mapped[str | None] = mapped_column(String(400))


class MissedFailure(TenantOwned, Base):
    """A failure of a machine that no alert announced, as a person reports it.

    Attributes:
        path: of the machine.
        failed_at: source time, as the person tells it.
        said_at: the platform's clock; by it the failure belongs to a month.
    """

    __tablename__ = "missed_failure"
    __table_args__ = (Index("missed_failure_by_time", "tenant_id", "said_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(String(240))
    failed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(String(1_000))
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_by: Mapped[str] = mapped_column(String(200))


class RatingCell(Base):
    """Sums over at least five tenants, made once when a month is over, and never changed.

    Attributes:
        app_id: empty for the mark that says: this month was looked at.
        month: the last whose cases are in it; the first is the one after the app's cell before.
        kind: ``total``, ``version`` or ``industry``, and ``key`` which one.
        at_least: tenants, rounded down.
        leads: confirmed alerts by `LEAD_EDGES_S`; None where too few tenants told them.
        avoided_cost: rounded to two digits; None likewise.
    """

    __tablename__ = "rating_cell"
    __table_args__ = (PrimaryKeyConstraint("app_id", "month", "kind", "key"),)

    app_id: Mapped[str] = mapped_column(String(60))
    month: Mapped[str] = mapped_column(String(7))
    kind: Mapped[str] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(String(40))
    at_least: Mapped[int]
    confirmed: Mapped[int]
    refuted: Mapped[int]
    unclear: Mapped[int]
    missed: Mapped[int]
    leads: Mapped[list[Any] | None] = mapped_column(JSON)
    avoided_cost: Mapped[float | None]


class UseCell(Base):
    """How an app was used in a month, over at least five tenants; made once, like `RatingCell`.

    Attributes:
        industry: division of GB/T 4754, or ``*`` for all.
        at_least: tenants with a subscription, rounded down.
        runs: rounded to two digits; None where one tenant has more than half of them.
    """

    __tablename__ = "use_cell"
    __table_args__ = (PrimaryKeyConstraint("app_id", "month", "industry"),)

    app_id: Mapped[str] = mapped_column(String(60))
    month: Mapped[str] = mapped_column(String(7))
    industry: Mapped[str] = mapped_column(String(5))
    at_least: Mapped[int]
    runs: Mapped[float | None]
