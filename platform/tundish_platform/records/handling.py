"""Alarms by day, as counts, and planned maintenance; no message and no name of a person among them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tundish_platform.alarms.maintenance import MaintenanceWindow
from tundish_platform.alarms.models import Alarm, AlarmEvent
from tundish_platform.alarms.states import Transition
from tundish_platform.sdk import RecordKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


def alarm_days(session: Session, scope: TenantScope, since: datetime, now: datetime) -> list[dict[str, Any]]:
    """Per day and priority how many alarms were raised and how many acknowledged.

    Raises:
        AccessDenied: the scope was not narrowed to alarms.
    """
    scope.require_records(RecordKind.ALARMS)
    counted = (Transition.RAISED.value, Transition.ACKNOWLEDGED.value)
    query = (
        select(AlarmEvent.at, AlarmEvent.transition, Alarm.priority)
        .join(Alarm, Alarm.id == AlarmEvent.alarm_id)
        .where(
            AlarmEvent.tenant_id == scope.tenant_id,
            Alarm.tenant_id == scope.tenant_id,
            AlarmEvent.at >= since, AlarmEvent.at < now,
            AlarmEvent.transition.in_(counted),
        )
    )  # fmt: skip
    found: Counter[tuple[datetime, int, str]] = Counter()
    for at, transition, priority in session.execute(query):
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        found[day, priority, transition] += 1
    return [
        {"day": day, "priority": priority, **{name: found[day, priority, name] for name in counted}}
        for day, priority in sorted({(day, priority) for day, priority, _ in found})
    ]


def maintenance(
    session: Session, scope: TenantScope, since: datetime, now: datetime, most: int
) -> list[dict[str, Any]]:
    """Planned maintenance that reaches into the stretch.

    Raises:
        AccessDenied: the scope was not narrowed to maintenance.
    """
    scope.require_records(RecordKind.MAINTENANCE)
    query = select(MaintenanceWindow).where(
        MaintenanceWindow.tenant_id == scope.tenant_id,
        MaintenanceWindow.ends_at > since, MaintenanceWindow.starts_at < now,
    )  # fmt: skip
    rows = session.scalars(query.order_by(MaintenanceWindow.starts_at, MaintenanceWindow.id).limit(most))
    return [{"path": row.path, "starts_at": row.starts_at, "ends_at": row.ends_at} for row in rows]
