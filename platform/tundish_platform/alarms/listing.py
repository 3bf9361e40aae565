"""Lists of alarms and of what happened to them, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, or_, select

from tundish_platform.alarms.floods import Flood, floods
from tundish_platform.alarms.handling import UnknownAlarm
from tundish_platform.alarms.models import Alarm, AlarmEvent
from tundish_platform.alarms.reports import standing_of
from tundish_platform.alarms.states import ANNUNCIATED, AlarmState, Transition
from tundish_platform.assets import lying_in
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.kept import SCOPE, objects_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_PAGE: Final = 1_000
# What is asked of the database at a time while states, which depend on the clock, are sorted out here.
_BLOCK: Final = 1_000
# Made once: to put a statement together takes longer than to carry it out.
_EVERY: Final = (
    select(Alarm)
    .where(Alarm.tenant_id == SCOPE.tenant_id, Alarm.id > bindparam("after"))
    .order_by(Alarm.id)
    .limit(_BLOCK)
)
# Rows that can be in another state than normal, whatever the clock says.
_STANDING: Final = _EVERY.where(
    or_(
        Alarm.active.is_(True),
        Alarm.acknowledged.is_(False),
        Alarm.shelved_until.is_not(None),
        Alarm.suppressed != "",
        Alarm.out_of_service != "",
    )
)


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm as lists show it; `AlarmState` is that of the moment of the question."""

    id: int
    source: str
    key: str
    path: str
    priority: int
    name_zh: str
    name_en: str
    message_zh: str
    message_en: str
    value: float | None
    state: AlarmState
    active: bool
    acknowledged: bool
    shelved_until: datetime | None
    reason: str
    raised_ts: datetime | None
    cleared_ts: datetime | None
    occurrences: int


@dataclass(frozen=True, slots=True)
class EventView:
    """An event as lists show it."""

    id: int
    alarm: int
    transition: Transition
    at: datetime
    ts: datetime
    late: bool
    by: str
    comment: str
    value: float | None


def list_alarms(
    session: Session, scope: TenantScope, now: datetime, *,
    states: Collection[AlarmState] = ANNUNCIATED, below: str = "", after: int = 0, limit: int = MAX_PAGE,
) -> list[AlarmView]:  # fmt: skip
    """Alarms in some states, in the order they were first seen.

    Args:
        session: of the metadata database.
        scope: with the permission to read, not narrowed to an app's signals.
        now: at which the states are judged.
        states: which to list.
        below: of this path and what lies below it only; everywhere where empty.
        after: id of the last alarm of the page before; 0 for the first page.
        limit: at most so many, at most `MAX_PAGE`.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = _EVERY if AlarmState.NORMAL in states else _STANDING
    if (places := scope.places()) is not None:
        query = query.where(lying_in(Alarm.path, places))
    if below:
        query = query.where(lying_in(Alarm.path, frozenset({below})))
    found: list[AlarmView] = []
    while len(found) < limit:
        rows = objects_of(session, scope, query, after=after).all()
        found += [view for row in rows if (view := view_of(row, now)).state in states]
        if len(rows) < _BLOCK:
            break
        after = rows[-1].id
    return found[:limit]


def count_standing(session: Session, scope: TenantScope, now: datetime) -> list[tuple[str, int, int]]:
    """How many alarms people should see, by path and priority, in one statement.

    The rule of `Standing.state` put into SQL: neither out of service, suppressed nor shelved, and active or
    not acknowledged.

    Args:
        session: of the metadata database.
        scope: with the permission to read, be it at some places.
        now: at which shelves are judged.

    Returns:
        Path, priority and number of alarms of each path and priority that has any.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = (
        select(Alarm.path, Alarm.priority, func.count())
        .where(
            Alarm.tenant_id == scope.tenant_id, lying_in(Alarm.path, scope.places()),
            Alarm.out_of_service == "", Alarm.suppressed == "",
            or_(Alarm.shelved_until.is_(None), Alarm.shelved_until <= now),
            or_(Alarm.active.is_(True), Alarm.acknowledged.is_(False)),
        )
        .group_by(Alarm.path, Alarm.priority)
    )  # fmt: skip
    return [(path, priority, count) for path, priority, count in session.execute(query)]


def alarms_of(
    session: Session, scope: TenantScope, ids: Collection[int], now: datetime
) -> dict[int, AlarmView]:
    """Alarms by their numbers, in whatever state; numbers that are not the tenant's are left out.

    Raises:
        AccessDenied: the scope may not read.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    mine = (Alarm.tenant_id == scope.tenant_id, Alarm.id.in_(ids))
    return {row.id: view_of(row, now) for row in session.scalars(select(Alarm).where(*mine))}


def list_events(
    session: Session, scope: TenantScope, *, alarm_id: int | None = None, before: int | None = None,
    limit: int = MAX_PAGE,
) -> list[EventView]:  # fmt: skip
    """What happened, newest first; to one alarm or to all.

    Args:
        session: of the metadata database.
        scope: with the permission to read.
        alarm_id: of one alarm only.
        before: id of the last event of the page before.
        limit: at most so many.

    Raises:
        AccessDenied: the scope may not read.
        UnknownAlarm: the tenant has no such alarm.
    """
    mine = _visible(scope)
    query = select(AlarmEvent).where(*_of_visible(scope))
    if alarm_id is not None:
        if session.scalar(mine.where(Alarm.id == alarm_id)) is None:
            raise UnknownAlarm(alarm_id)
        query = query.where(AlarmEvent.alarm_id == alarm_id)
    if before is not None:
        query = query.where(AlarmEvent.id < before)
    rows = session.scalars(query.order_by(AlarmEvent.id.desc()).limit(min(limit, MAX_PAGE)))
    return [_event(row) for row in rows]


def list_floods(session: Session, scope: TenantScope, since: datetime, until: datetime) -> list[Flood]:
    """Stretches in which more alarms came than a person can handle; see `floods`.

    Raises:
        AccessDenied: the scope may not read.
    """
    times = session.scalars(
        select(AlarmEvent.at)
        .where(
            *_of_visible(scope), AlarmEvent.transition == Transition.RAISED.value,
            AlarmEvent.late.is_(False),
            AlarmEvent.at >= since - timedelta(minutes=10), AlarmEvent.at <= until,
        )
        .order_by(AlarmEvent.at)
    )  # fmt: skip
    return [flood for flood in floods(list(times)) if flood.end > since]


def view_of(row: Alarm, now: datetime) -> AlarmView:
    """A row as lists show it."""
    return AlarmView(
        id=row.id, source=row.source, key=row.key, path=row.path, priority=row.priority,
        name_zh=row.name_zh, name_en=row.name_en, message_zh=row.message_zh, message_en=row.message_en,
        value=row.value, state=standing_of(row).state(now), active=row.active, acknowledged=row.acknowledged,
        shelved_until=row.shelved_until, reason=row.out_of_service or row.suppressed,
        raised_ts=row.raised_ts, cleared_ts=row.cleared_ts, occurrences=row.occurrences,
    )  # fmt: skip


def _visible(scope: TenantScope) -> Select[int]:
    """Ids of the alarms that the scope may see."""
    there = lying_in(Alarm.path, scope.places())
    return select(Alarm.id).where(Alarm.tenant_id == scope.tenant_id, there)


def _of_visible(scope: TenantScope) -> tuple[ColumnElement[bool], ...]:
    """Conditions for events of those alarms; a scope without limits is spared the look at them."""
    mine, visible = AlarmEvent.tenant_id == scope.tenant_id, _visible(scope)
    return (mine, AlarmEvent.alarm_id.in_(visible)) if Permission.READ in scope.limits else (mine,)


def _event(row: AlarmEvent) -> EventView:
    return EventView(
        row.id,
        row.alarm_id,
        Transition(row.transition),
        row.at,
        row.ts,
        row.late,
        row.by,
        row.comment,
        row.value,
    )
