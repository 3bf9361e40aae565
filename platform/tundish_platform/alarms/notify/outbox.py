"""Messages that are wanted: put together where they can be, and held back in a flood."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from tundish_platform.alarms.notify.channels import channel_row, may_configure
from tundish_platform.alarms.notify.faults import Fault
from tundish_platform.alarms.notify.models import NoticeChannel, NoticeDelivery
from tundish_platform.audit import record_of
from tundish_platform.samples import AlarmPriority
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import Role, TenantScope

MAX_ITEMS: Final = 50
# A flood ends when fewer than five came in ten minutes; till then a summary now and then has to do.
FLOOD_EVERY: Final = timedelta(minutes=10)
FLOOD_EVERY_IF_CRITICAL: Final = timedelta(minutes=1)


class DeliveryState(StrEnum):
    """Where a message stands. ``dead`` is given up; ``void`` was never sent: nobody needs it any more."""

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"
    VOID = "void"


class DeliveryKind(StrEnum):
    """What a message is about."""

    ALARM = "alarm"
    FLOOD = "flood"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Wish:
    """One step of one escalation wants to tell of its alarm.

    Attributes:
        key: of this step of this run, the same however often it is wished.
        minutes: since the escalation began.
    """

    key: str
    escalation: int
    alarm: int
    step: int
    minutes: int
    priority: int


def audience_of(people: Sequence[int], roles: Sequence[Role]) -> str:
    """Canonical text of whom a message is for."""
    return json.dumps({"people": sorted(set(people)), "roles": sorted({role.value for role in roles})})


def put(
    session: Session,
    scope: TenantScope,
    channel_id: int,
    audience: str,
    wish: Wish,
    *,
    flood: bool,
    now: datetime,
) -> None:
    """Want a message; where one to the same people waits that nobody has tried to send, it tells of this too.

    Args:
        session: of the metadata database.
        scope: of the job.
        channel_id: a channel of the tenant.
        audience: by `audience_of`.
        wish: what to tell.
        flood: the tenant is in a flood.
        now: the platform's clock, UTC.
    """
    # A write that changes nothing: whoever tells on this channel waits for the other.
    mine = (NoticeChannel.tenant_id == scope.tenant_id, NoticeChannel.id == channel_id)
    on = session.scalar(
        update(NoticeChannel).where(*mine).values(id=channel_id).returning(NoticeChannel.enabled)
    )
    item = {"escalation": wish.escalation, "alarm": wish.alarm, "step": wish.step, "minutes": wish.minutes}
    if on is None:
        return
    if not on:
        _insert(session, scope, channel_id, wish.key, audience, [item], now, off=True)
        return
    due = _due(session, scope, channel_id, audience, wish.priority, now) if flood else now
    waiting = session.scalar(
        select(NoticeDelivery)
        .where(*_same(scope, channel_id, audience), NoticeDelivery.state == DeliveryState.WAITING.value,
               NoticeDelivery.attempts == 0, NoticeDelivery.kind != DeliveryKind.TEST.value)
        .order_by(NoticeDelivery.id)
        .limit(1)
        .execution_options(populate_existing=True)
    )  # fmt: skip
    if waiting is None or not _joined(session, scope, waiting, item, min(due, waiting.due_at), flood=flood):
        kind = DeliveryKind.FLOOD if flood else DeliveryKind.ALARM
        _insert(session, scope, channel_id, wish.key, audience, [item], now, due=due, kind=kind)


def put_trial(session: Session, scope: TenantScope, channel_id: int, now: datetime) -> int:
    """Want a test message; returns its number in the log.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownChannel: the tenant has no such channel.
    """
    may_configure(scope)
    row = channel_row(session, scope, channel_id)
    key = f"{scope.slug}-test-{channel_id}-{round(now.timestamp() * 1e6)}"
    made = _insert(
        session,
        scope,
        channel_id,
        key,
        audience_of((), ()),
        [],
        now,
        kind=DeliveryKind.TEST,
        off=not row.enabled,
    )
    record_of(session, scope, "notice_channel.tested", f"channel/{channel_id}", now)
    return made


def _due(
    session: Session, scope: TenantScope, channel_id: int, audience: str, priority: int, now: datetime
) -> datetime:
    last = session.scalar(
        select(NoticeDelivery.due_at)
        .where(
            *_same(scope, channel_id, audience),
            NoticeDelivery.kind == DeliveryKind.FLOOD.value, NoticeDelivery.attempts > 0,
        )
        .order_by(NoticeDelivery.id.desc())
        .limit(1)
    )  # fmt: skip
    if last is None or last > now:  # none, or a clock that was set back
        return now
    every = FLOOD_EVERY_IF_CRITICAL if priority >= AlarmPriority.CRITICAL else FLOOD_EVERY
    return max(now, last + every)


def _same(scope: TenantScope, channel_id: int, audience: str) -> tuple[ColumnElement[bool], ...]:
    return (
        NoticeDelivery.tenant_id == scope.tenant_id,
        NoticeDelivery.channel_id == channel_id,
        NoticeDelivery.audience == audience,
    )


def _joined(
    session: Session,
    scope: TenantScope,
    waiting: NoticeDelivery,
    item: dict[str, int],
    due: datetime,
    *,
    flood: bool,
) -> bool:
    listed = [*waiting.items, item] if len(waiting.items) < MAX_ITEMS else waiting.items
    joined = session.scalar(
        update(NoticeDelivery)
        .where(
            NoticeDelivery.tenant_id == scope.tenant_id,
            NoticeDelivery.id == waiting.id,
            NoticeDelivery.attempts == 0,
        )
        .values(
            items=listed, count=NoticeDelivery.count + 1, due_at=due,
            kind=DeliveryKind.FLOOD.value if flood else waiting.kind,
        )
        .returning(NoticeDelivery.id)
    )  # fmt: skip
    return joined is not None


def _insert(  # noqa: PLR0913 - the columns that differ
    session: Session, scope: TenantScope, channel_id: int, key: str, audience: str,
    items: list[dict[str, int]], now: datetime, *, due: datetime | None = None,
    kind: DeliveryKind = DeliveryKind.ALARM, off: bool = False,
) -> int:  # fmt: skip
    made = session.scalar(
        insert_into(session, NoticeDelivery)
        .values(
            tenant_id=scope.tenant_id, key=f"{key}-{channel_id}"[:80], channel_id=channel_id, kind=kind.value,
            audience=audience, items=items, count=len(items), content=None, attempts=0, due_at=due or now,
            state=(DeliveryState.DEAD if off else DeliveryState.WAITING).value,
            claimed_until=None, fault=Fault.CHANNEL_OFF.value if off else "", detail="",
            made_at=now, sent_at=None,
        )
        .on_conflict_do_nothing()
        .returning(NoticeDelivery.id)
    )  # fmt: skip
    return made or 0
