"""Tables of alarms: how they stand, and everything that ever happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class Alarm(TenantOwned, Base):
    """One alarm of one source. The key is unique, so a flood of reports never makes a second one.

    Attributes:
        source: connector, rule set or model that reports it.
        key: the source's own name for it.
        changed_ts: source time of the newest report that was taken; older ones change nothing.
        raised_ts, cleared_ts: source times of the last of each.
        owed_to_source: a person acknowledged it here, and the source has not been told yet.
        occurrences: how often it was raised.
        maintenance_id: of the maintenance window that suppresses it; ``None`` where a person did.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        UniqueConstraint("tenant_id", "source", "key"),
        Index("alarm_by_standing", "tenant_id", "active", "acknowledged"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(120))
    key: Mapped[str] = mapped_column(String(400))
    path: Mapped[str] = mapped_column(String(400))
    priority: Mapped[int]
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    message_zh: Mapped[str] = mapped_column(String(500))
    message_en: Mapped[str] = mapped_column(String(500))
    value: Mapped[float | None]
    active: Mapped[bool]
    acknowledged: Mapped[bool]
    shelved_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    suppressed: Mapped[str] = mapped_column(String(500))
    out_of_service: Mapped[str] = mapped_column(String(500))
    changed_ts: Mapped[datetime] = mapped_column(UtcDateTime)
    raised_ts: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cleared_ts: Mapped[datetime | None] = mapped_column(UtcDateTime)
    owed_to_source: Mapped[bool]
    occurrences: Mapped[int]
    maintenance_id: Mapped[int | None]


class AlarmEvent(TenantOwned, Base):
    """One thing that happened to an alarm; never changed afterwards.

    Attributes:
        at: when the platform took note.
        ts: source time of a report; the same as ``at`` for what a person did.
        late: the report was older than what was known already, so it is history only.
        by: who did it, or which source said it.
    """

    __tablename__ = "alarm_event"
    __table_args__ = (
        # A report that is sent again finds its event here and adds none.
        UniqueConstraint("tenant_id", "alarm_id", "transition", "ts"),
        Index("alarm_event_by_time", "tenant_id", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarm.id", ondelete="CASCADE"), index=True)
    transition: Mapped[str] = mapped_column(String(30))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    ts: Mapped[datetime] = mapped_column(UtcDateTime)
    late: Mapped[bool]
    by: Mapped[str] = mapped_column(String(200))
    comment: Mapped[str] = mapped_column(String(500))
    value: Mapped[float | None]


class AlarmRule(TenantOwned, Base):
    """A limit on one signal, and how far judging it has come.

    Attributes:
        kind: `LimitKind`.
        hours: of the week in which it judges, see `Hours`; none means always.
        watch_active, watch_pending, watch_seen: the `Watch`; instants in µs of source time since 1970.
        version: counts changes, so that two people editing at once do not undo each other.
    """

    __tablename__ = "alarm_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    signal_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(20))
    threshold: Mapped[float]
    deadband: Mapped[float]
    on_delay_s: Mapped[float]
    off_delay_s: Mapped[float]
    priority: Mapped[int]
    name_zh: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str] = mapped_column(String(200))
    advice_zh: Mapped[str] = mapped_column(String(500))
    advice_en: Mapped[str] = mapped_column(String(500))
    enabled: Mapped[bool]
    hours: Mapped[list[Any]] = mapped_column(JSON, server_default="[]")
    version: Mapped[int]
    changed_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    watch_active: Mapped[bool]
    watch_pending: Mapped[int | None] = mapped_column(BigInteger)
    watch_seen: Mapped[int | None] = mapped_column(BigInteger)
