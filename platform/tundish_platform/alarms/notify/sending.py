"""Sending what waits: claim in the database, send without it, write down what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select, update

from tundish_platform.alarms.listing import list_floods
from tundish_platform.alarms.models import Alarm
from tundish_platform.alarms.notify.channels import ChannelKind, may_configure
from tundish_platform.alarms.notify.contacts import reach
from tundish_platform.alarms.notify.escalation import stopped
from tundish_platform.alarms.notify.faults import Fault, NotSent
from tundish_platform.alarms.notify.messages import Plant, Told, alarm_content, trial_content
from tundish_platform.alarms.notify.models import Escalation, EscalationPolicy, NoticeChannel, NoticeDelivery
from tundish_platform.alarms.notify.outbox import DeliveryKind, DeliveryState
from tundish_platform.alarms.notify.policies import policy_of
from tundish_platform.alarms.notify.vault import KeyLost, Vault
from tundish_platform.tenancy import Role
from tundish_platform.tenancy.accounts import tenant_of_scope
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.alarms.floods import Flood
    from tundish_platform.tenancy import TenantScope

MOST_ATTEMPTS: Final = 8
# Longer than any attempt; who claimed and died is taken over then.
LEASE: Final = timedelta(minutes=2)
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(hours=1)
# So many may go at once after a quiet while, before the rate per minute holds.
BURST: Final = 5


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A claimed message with all that sending needs; no database from here on.

    Attributes:
        attempt: which one this is; nobody else has it.
        wrong: why it cannot even be tried.
    """

    delivery: int
    attempt: int
    key: str
    kind: DeliveryKind
    tenant: str
    channel: ChannelKind
    settings: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)
    content: dict[str, Any]
    count: int
    mails: tuple[str, ...]
    mobiles: tuple[str, ...]
    wrong: Fault | None = None


def tenants_with_mail(session: Session, now: datetime) -> list[str]:
    """Slugs of the tenants that have messages to send; for the job that goes round all of them."""
    return list(
        session.scalars(
            select(Tenant.slug)
            .join(NoticeDelivery, NoticeDelivery.tenant_id == Tenant.id)
            .where(*_sendable(now))
            .distinct()
            .order_by(Tenant.slug)
        )
    )


def due_deliveries(session: Session, scope: TenantScope, now: datetime, limit: int) -> list[int]:
    """Numbers of a tenant's messages that are due, the longest waiting first."""
    return list(
        session.scalars(
            select(NoticeDelivery.id)
            .where(NoticeDelivery.tenant_id == scope.tenant_id, *_sendable(now))
            .order_by(NoticeDelivery.due_at, NoticeDelivery.id)
            .limit(limit)
        )
    )


def claim(
    session: Session, scope: TenantScope, vault: Vault, delivery_id: int, now: datetime
) -> Outgoing | None:
    """Claim a message; ``None`` where another process has it, or nobody needs it any more.

    Args:
        session: of the metadata database; commit before sending. One message a transaction, so that nobody
            who holds a channel waits for another one.
        scope: with the permission to configure.
        vault: opens the channel's secrets.
        delivery_id: from `due_deliveries`.
        now: the platform's clock, UTC.

    Raises:
        AccessDenied: the scope may not.
    """
    may_configure(scope)
    mine = (NoticeDelivery.tenant_id == scope.tenant_id, NoticeDelivery.id == delivery_id)
    row = session.scalar(select(NoticeDelivery).where(*mine).execution_options(populate_existing=True))
    if row is None or (channel := _held(session, scope, row.channel_id)) is None:
        return None
    if not channel.enabled:
        dead = {"state": DeliveryState.DEAD.value, "fault": Fault.CHANNEL_OFF.value}
        session.execute(update(NoticeDelivery).where(*mine, *_sendable(now)).values(**dead))
        return None
    if (free_at := _free_at(channel, now)) > now:
        session.execute(update(NoticeDelivery).where(*mine, *_sendable(now)).values(due_at=free_at))
        return None
    if not _claimed(session, scope, row, now):
        return None
    out = _outgoing(session, scope, vault, row, channel, now)
    if out is not None:
        channel.booked_until = max(channel.booked_until or now, now) + _each(channel)
    session.flush()
    return out


def settle(
    session: Session,
    scope: TenantScope,
    out: Outgoing,
    error: NotSent | None,
    now: datetime,
    rng: random.Random,
) -> None:
    """Write down what became of an attempt; nothing if another process has taken the message over since."""
    session.execute(
        update(NoticeDelivery)
        .where(
            NoticeDelivery.tenant_id == scope.tenant_id, NoticeDelivery.id == out.delivery,
            NoticeDelivery.attempts == out.attempt, NoticeDelivery.state == DeliveryState.WAITING.value,
        )
        .values(**outcome(out.attempt, error, now, rng))
    )  # fmt: skip


def outcome(attempt: int, error: NotSent | None, now: datetime, rng: random.Random) -> dict[str, object]:
    """Columns of a message after its n-th attempt: sent, given up, or due again."""
    values: dict[str, object] = {"claimed_until": None}
    if error is None:
        return values | {"state": DeliveryState.SENT.value, "sent_at": now, "fault": "", "detail": ""}
    values |= {"fault": error.fault.value, "detail": error.detail}
    if not error.again or attempt >= MOST_ATTEMPTS:
        return values | {"state": DeliveryState.DEAD.value}
    return values | {"due_at": now + back_off(attempt, error.after_s, rng)}


def back_off(attempt: int, after_s: float | None, rng: random.Random) -> timedelta:
    """How long to wait after the n-th attempt: doubling, with jitter, and as long as was asked for."""
    wait = min(FIRST_WAIT * float(2 ** (attempt - 1)), LONGEST_WAIT) * rng.uniform(0.5, 1.0)
    return max(wait, timedelta(seconds=min(after_s or 0.0, LONGEST_WAIT.total_seconds())))


def _sendable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    # What lies further ahead than any wait is due: the clock was set back.
    due = or_(NoticeDelivery.due_at <= now, NoticeDelivery.due_at > now + LONGEST_WAIT)
    free = or_(
        NoticeDelivery.claimed_until.is_(None),
        NoticeDelivery.claimed_until <= now,
        NoticeDelivery.claimed_until > now + LEASE,
    )
    return NoticeDelivery.state == DeliveryState.WAITING.value, and_(due, free)


def _held(session: Session, scope: TenantScope, channel_id: int) -> NoticeChannel | None:
    """The channel's row, ours until the transaction ends."""
    mine = (NoticeChannel.tenant_id == scope.tenant_id, NoticeChannel.id == channel_id)
    session.execute(update(NoticeChannel).where(*mine).values(id=channel_id))
    return session.scalar(select(NoticeChannel).where(*mine).execution_options(populate_existing=True))


def _each(channel: NoticeChannel) -> timedelta:
    return timedelta(minutes=1) / int(channel.settings["per_minute"])


def _free_at(channel: NoticeChannel, now: datetime) -> datetime:
    """When the channel's rate allows a message: GCRA (ITU-T I.371), one instant moved on by each message."""
    booked, each = channel.booked_until or now, _each(channel)
    if booked > now + BURST * each:
        # Only after the clock was set back, or the rate was raised.
        channel.booked_until = booked = now
    return booked - (BURST - 1) * each


def _claimed(session: Session, scope: TenantScope, row: NoticeDelivery, now: datetime) -> bool:
    claimed = session.scalar(
        update(NoticeDelivery)
        .where(
            NoticeDelivery.tenant_id == scope.tenant_id,
            NoticeDelivery.id == row.id,
            NoticeDelivery.attempts == row.attempts,
            *_sendable(now),
        )
        .values(attempts=row.attempts + 1, claimed_until=now + LEASE)
        .returning(NoticeDelivery.id)
    )
    if claimed is not None:
        session.refresh(row)
    return claimed is not None


def _outgoing(
    session: Session,
    scope: TenantScope,
    vault: Vault,
    row: NoticeDelivery,
    channel: NoticeChannel,
    now: datetime,
) -> Outgoing | None:
    kind = DeliveryKind(row.kind)
    if kind is not DeliveryKind.TEST and not _needed(session, scope, row, now):
        row.state, row.claimed_until = DeliveryState.VOID.value, None
        return None
    if row.content is None:
        row.content = _content(session, scope, row, channel, now)
    wrong, secrets = None, {}
    try:
        secrets = vault.open(scope.tenant_id, channel.secrets)
    except KeyLost:
        wrong = Fault.KEY_LOST
    audience = json.loads(row.audience)
    people = reach(session, scope, audience["people"], [Role(role) for role in audience["roles"]])
    mails = (*channel.settings.get("recipients", ()), *(p.mail for p in people if p.mail))
    return Outgoing(
        row.id, row.attempts, row.key, kind, scope.slug, ChannelKind(channel.kind), channel.settings,
        secrets, row.content, row.count, tuple(dict.fromkeys(mails)),
        tuple(dict.fromkeys(p.mobile for p in people if p.mobile)), wrong,
    )  # fmt: skip


def _needed(session: Session, scope: TenantScope, row: NoticeDelivery, now: datetime) -> bool:
    """Drop alarms that were dealt with while the message waited; False where none is left."""
    left = [item for item in row.items if _still(session, scope, item, now)]
    # What was tried before may have arrived: it keeps its words, or goes altogether.
    if row.attempts == 1 and len(left) < len(row.items):
        row.count -= len(row.items) - len(left)
        row.items = left
    return bool(left)


def _still(session: Session, scope: TenantScope, item: dict[str, int], now: datetime) -> bool:
    found = session.execute(
        select(Alarm, Escalation, EscalationPolicy)
        .join(Escalation, Escalation.alarm_id == Alarm.id)
        .join(EscalationPolicy, EscalationPolicy.id == Escalation.policy_id)
        .where(
            Alarm.tenant_id == scope.tenant_id,
            Escalation.tenant_id == scope.tenant_id,
            EscalationPolicy.tenant_id == scope.tenant_id,
            Escalation.id == item["escalation"],
        )
        .execution_options(populate_existing=True)
    ).first()
    return found is not None and stopped(found[0], found[1], policy_of(found[2]), now) is None


def _content(
    session: Session, scope: TenantScope, row: NoticeDelivery, channel: NoticeChannel, now: datetime
) -> dict[str, Any]:
    tenant = tenant_of_scope(session, scope)
    plant = Plant(tenant.slug, tenant.name_zh, tenant.name_en, ZoneInfo(tenant.timezone))
    language = channel.settings["language"]
    if row.kind == DeliveryKind.TEST.value:
        return trial_content(plant, channel.name, language)
    numbers = [item["alarm"] for item in row.items]
    mine = (Alarm.tenant_id == scope.tenant_id, Alarm.id.in_(numbers))
    alarms = {alarm.id: alarm for alarm in session.scalars(select(Alarm).where(*mine))}
    told = [_told(alarms[item["alarm"]], item) for item in row.items if item["alarm"] in alarms]
    floods: Sequence[Flood] = ()
    if row.kind == DeliveryKind.FLOOD.value:
        floods = list_floods(session, scope, now - timedelta(days=1), now)
    return alarm_content(plant, row.kind, told, row.count, floods[-1].start if floods else None, language)


def _told(alarm: Alarm, item: dict[str, int]) -> Told:
    return Told(
        alarm=alarm.id, name_zh=alarm.name_zh, name_en=alarm.name_en, message_zh=alarm.message_zh,
        message_en=alarm.message_en, path=alarm.path, priority=alarm.priority, since=alarm.raised_ts,
        waited=item["minutes"], step=item["step"], still=alarm.active,
    )  # fmt: skip
