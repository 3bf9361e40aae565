"""Alerts and when somebody first answered them, for figures of how a plant handles its alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from tundish_platform.alerts.models import Alert, AlertFeedback
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


def cases_between(
    session: Session, scope: TenantScope, start: datetime, end: datetime
) -> list[tuple[datetime, datetime | None]]:
    """Alerts of which the platform heard in ``[start, end)``: when, and when the first feedback was given.

    Raises:
        AccessDenied: the scope may not read.
    """
    scope.require(Permission.READ)
    first = (
        select(AlertFeedback.alert_id, func.min(AlertFeedback.at).label("at"))
        .where(AlertFeedback.tenant_id == scope.tenant_id)
        .group_by(AlertFeedback.alert_id)
        .subquery()
    )
    query = (
        select(Alert.told_at, first.c.at)
        .outerjoin(first, first.c.alert_id == Alert.id)
        .where(Alert.tenant_id == scope.tenant_id, Alert.told_at >= start, Alert.told_at < end)
        .order_by(Alert.told_at)
    )
    return [(told, answered) for told, answered in session.execute(query)]
