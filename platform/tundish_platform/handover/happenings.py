"""Alarms and alerts of a stretch of source time at a place, as they stood at its end."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import func, or_, select

from tundish_platform.alarms import Transition
from tundish_platform.alarms.floods import floods
from tundish_platform.alarms.models import Alarm, AlarmEvent
from tundish_platform.alerts.listing import newest_feedback
from tundish_platform.alerts.models import Alert
from tundish_platform.assets import lying_in
from tundish_platform.handover.facts import MAX_LISTED, AlarmFact, AlertFact, FloodFact
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

_TOLD: Final = (Transition.RAISED.value, Transition.CLEARED.value, Transition.ACKNOWLEDGED.value)
# What the flood before the shift's first minutes is made of.
_BEFORE: Final = timedelta(minutes=10)
# An alarm that was active at the end is cleared later; the report may be made, or made anew, by then.
_AFTER: Final = timedelta(days=4)
# Clocks of sources may run ahead of the platform's.
_SKEW: Final = timedelta(days=1)


class Happened(NamedTuple):
    """What happened, and how much of it there was beyond what is listed."""

    alarm_count: int
    alarms: tuple[AlarmFact, ...]
    floods: tuple[FloodFact, ...]
    alert_count: int
    alerts: tuple[AlertFact, ...]


def happened(session: Session, scope: TenantScope, path: str, start: datetime, end: datetime) -> Happened:
    """Alarms and alerts of ``[start, end)`` at a place and below.

    Raises:
        AccessDenied: the scope may not read there.
    """
    scope.require_at(Permission.READ, path)
    raised = [(row.alarm_id, row.ts) for row in session.execute(_raisings(scope, path, start - _BEFORE, end))]
    times = Counter(number for number, ts in raised if ts >= start)
    found = _alarms(session, scope, path, start, end, times)
    found.sort(key=lambda one: (not one.active, -one.priority, -one.raised_at.timestamp(), one.number))
    alerts = _alerts(session, scope, path, start, end)
    overflow = [flood for flood in floods(sorted(ts for _, ts in raised)) if flood.end > start]
    return Happened(
        len(found),
        tuple(found[:MAX_LISTED]),
        tuple(FloodFact(start=one.start, end=min(one.end, end), alarms=one.alarms) for one in overflow),
        len(alerts),
        tuple(alerts[:MAX_LISTED]),
    )


def _raisings(scope: TenantScope, path: str, start: datetime, end: datetime) -> Select[int, datetime]:
    return (
        select(AlarmEvent.alarm_id, AlarmEvent.ts)
        .join(Alarm, Alarm.id == AlarmEvent.alarm_id)
        .where(
            AlarmEvent.tenant_id == scope.tenant_id, Alarm.tenant_id == scope.tenant_id,
            lying_in(Alarm.path, frozenset({path})),
            AlarmEvent.transition == Transition.RAISED.value,
            AlarmEvent.at >= start - _SKEW, AlarmEvent.ts >= start, AlarmEvent.ts < end,
        )
    )  # fmt: skip


def _alarms(
    session: Session, scope: TenantScope, path: str, start: datetime, end: datetime, times: Counter[int]
) -> list[AlarmFact]:
    changed = (
        select(AlarmEvent.alarm_id)
        .where(
            AlarmEvent.tenant_id == scope.tenant_id, AlarmEvent.transition.in_(_TOLD[:2]),
            AlarmEvent.at >= start - _SKEW, AlarmEvent.ts >= start, AlarmEvent.ts < end + _AFTER,
        )
        .distinct()
    )  # fmt: skip
    rows = session.scalars(
        select(Alarm).where(
            Alarm.tenant_id == scope.tenant_id, lying_in(Alarm.path, frozenset({path})),
            or_(Alarm.id.in_(changed), Alarm.active.is_(True)),
        )
    ).all()  # fmt: skip
    last = _last_of_each(session, scope, [row.id for row in rows], end)
    found = []
    for row in rows:
        raised, cleared, seen = (last.get((row.id, one)) for one in _TOLD)
        if raised is None:
            continue
        active = cleared is None or cleared < raised
        if active or times[row.id] or (cleared is not None and cleared >= start):
            found.append(
                AlarmFact(
                    path=row.path, name_zh=row.name_zh, name_en=row.name_en, number=row.id,
                    priority=row.priority, message_zh=row.message_zh, message_en=row.message_en,
                    raised_at=raised, cleared_at=None if active else cleared, times=times[row.id],
                    active=active, acknowledged=seen is not None and seen >= raised,
                )
            )  # fmt: skip
    return found


def _last_of_each(
    session: Session, scope: TenantScope, alarms: Collection[int], end: datetime
) -> dict[tuple[int, str], datetime]:
    """By alarm and transition the last source time before an instant."""
    rows = session.execute(
        select(AlarmEvent.alarm_id, AlarmEvent.transition, func.max(AlarmEvent.ts))
        .where(
            AlarmEvent.tenant_id == scope.tenant_id, AlarmEvent.alarm_id.in_(alarms),
            AlarmEvent.transition.in_(_TOLD), AlarmEvent.ts < end,
        )
        .group_by(AlarmEvent.alarm_id, AlarmEvent.transition)
    )  # fmt: skip
    return {(number, word): ts for number, word, ts in rows}


def _alerts(
    session: Session, scope: TenantScope, path: str, start: datetime, end: datetime
) -> list[AlertFact]:
    rows: Sequence[Alert] = session.scalars(
        select(Alert).where(
            Alert.tenant_id == scope.tenant_id, lying_in(Alert.line, frozenset({path})),
            Alert.opened_at < end, or_(Alert.closed_at.is_(None), Alert.closed_at >= start),
        )
    ).all()  # fmt: skip
    said = newest_feedback(session, scope, [row.id for row in rows])
    found = []
    for row in rows:
        closed = row.closed_at if row.closed_at is not None and row.closed_at < end else None
        people = said.get(row.id)
        found.append(
            AlertFact(
                number=row.id, line=row.line, target_zh=row.target_zh, target_en=row.target_en,
                label_zh=row.label_zh, label_en=row.label_en, check_zh=row.check_zh, check_en=row.check_en,
                priority=row.priority, opened_at=row.opened_at, closed_at=closed,
                verdict=people.verdict if people else "", said_by=people.by if people else "",
                said_at=people.at if people else None, note=people.note if people else "",
            )
        )  # fmt: skip
    found.sort(key=lambda one: (one.closed_at is not None, -one.priority, -one.number))
    return found
