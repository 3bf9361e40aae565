"""The table of upgrades: which version was to follow which, how its shadow run went, what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime

_OPEN = text("state IN ('trying', 'differs')")


class AppUpgrade(TenantOwned, Base):
    """One way of a subscription from a version of its app to another; together they are its history.

    Attributes:
        state: `tundish_platform.marketplace.upgrades.states.State`.
        automatic: nobody asked for it: a patch that the subscription follows, or a version that fell.
        agreed: what of the data use is more, as a person agreed to it when they asked.
        signals: numbers of those that the new version is to read of what was granted when it was asked for.
        fresh: numbers of those that it is to read beyond that, as a person agreed.
        inputs: all of them by input, where a person had confirmed the app's inputs.
        tries, try_at: shadow runs so far that told nothing, and when the next one may be.
        shadow: `tundish_platform.marketplace.upgrades.comparing.Shadow` of the last one.
        kept: what a roll-back puts back: ``schedule_s``, ``window_s``, ``parameters``, signals ``given`` and
            ``taken`` and inputs ``mapped`` by the switch.
        reason: why it ended: `tundish_platform.marketplace.upgrades.states.Reason`.
    """

    __tablename__ = "app_upgrade"
    __table_args__ = (
        Index("app_upgrade_by_subscription", "tenant_id", "subscription_id", "id"),
        Index("app_upgrade_by_version", "app_id", "to_version"),
        # The database itself keeps two clicks at once from making two.
        Index("app_upgrade_open", "subscription_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), index=True
    )
    app_id: Mapped[str] = mapped_column(String(60))
    from_version: Mapped[str] = mapped_column(String(40))
    to_version: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20))
    automatic: Mapped[bool]
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    agreed: Mapped[list[str]] = mapped_column(JSON)
    signals: Mapped[list[int]] = mapped_column(JSON)
    fresh: Mapped[list[int]] = mapped_column(JSON)
    inputs: Mapped[dict[str, list[int]] | None] = mapped_column(JSON(none_as_null=True))
    tries: Mapped[int] = mapped_column(default=0)
    try_at: Mapped[datetime] = mapped_column(UtcDateTime)
    shadow: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    kept: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(20), default="")
