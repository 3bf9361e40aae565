"""Tables of telling people: channels, policies, where each escalation stands, and every message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, PrimaryKeyConstraint, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class NoticeChannel(TenantOwned, Base):
    """A way to reach people; never removed, because the log of messages names it.

    Attributes:
        kind: `ChannelKind`.
        settings: what may be shown, as JSON.
        secrets: sealed by the `Vault`; never shown again.
        booked_until: up to when its rate is used up, see `RateLimit`.
        version: counts changes, so that two people editing at once do not undo each other.
    """

    __tablename__ = "notice_channel"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    secrets: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool]
    booked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int]
    changed_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class EscalationPolicy(TenantOwned, Base):
    """Who is told when of an alarm that nobody acknowledges; ``spec`` is a `PolicySpec`."""

    __tablename__ = "escalation_policy"

    id: Mapped[int] = mapped_column(primary_key=True)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    enabled: Mapped[bool]
    version: Mapped[int]
    changed_by: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Escalation(TenantOwned, Base):
    """How far one occurrence of one alarm has come in one policy.

    Attributes:
        occurrence: of the alarm; the next one escalates anew.
        run: begins again after the alarm was hidden; part of the messages' keys.
        step: the next one.
        due_at: when it is due.
        state: `EscalationState`.
        ended: why it stopped.
    """

    __tablename__ = "escalation"
    __table_args__ = (
        # Two processes that notice an alarm at once begin one escalation.
        UniqueConstraint("tenant_id", "alarm_id", "policy_id", "occurrence"),
        Index("escalation_by_state", "tenant_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarm.id", ondelete="CASCADE"), index=True)
    policy_id: Mapped[int] = mapped_column(ForeignKey("escalation_policy.id", ondelete="CASCADE"), index=True)
    occurrence: Mapped[int]
    run: Mapped[int]
    step: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(20))
    ended: Mapped[str] = mapped_column(String(30))


class NoticeDelivery(TenantOwned, Base):
    """One message to one channel, from being wanted to sent or given up; at once the log.

    Attributes:
        key: the same for every attempt; receivers tell repeats by it.
        kind: ``alarm``, ``flood`` or ``test``.
        audience: people and roles it is for, as canonical JSON; messages for the same may be put together.
        items: what it tells of, at most `MAX_ITEMS`: escalation, alarm, step and minutes waited.
        count: how many alarms, listed or not.
        content: subject, text and alarms as they were at the first attempt.
        state: `DeliveryState`.
        due_at: earliest next attempt.
        claimed_until: a process is at it until then.
        fault, detail: of the last attempt that failed: `Fault`, and what the other side said.
    """

    __tablename__ = "notice_delivery"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        Index("notice_delivery_by_due", "state", "due_at"),
        Index("notice_delivery_by_channel", "channel_id", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(80))
    channel_id: Mapped[int] = mapped_column(ForeignKey("notice_channel.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    audience: Mapped[str] = mapped_column(String(2000))
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    count: Mapped[int]
    content: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fault: Mapped[str] = mapped_column(String(30))
    detail: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AlarmContact(TenantOwned, Base):
    """Where a person of the tenant can be reached about its alarms."""

    __tablename__ = "alarm_contact"
    __table_args__ = (PrimaryKeyConstraint("tenant_id", "user_id"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    mail: Mapped[str] = mapped_column(String(254))
    mobile: Mapped[str] = mapped_column(String(20))
