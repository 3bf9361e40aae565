"""Lists of alerts, with what people said last of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, or_, select

from tundish_platform.alerts.feedback import FeedbackView, feedback_view
from tundish_platform.alerts.models import Alert, AlertFeedback
from tundish_platform.alerts.unknown import UnknownAlert
from tundish_platform.assets import lying_in
from tundish_platform.samples import AlertReport, Horizon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

__all__ = [
    "MAX_PAGE",
    "AlertView",
    "UnknownAlert",
    "count_open",
    "find_alert",
    "list_alerts",
    "newest_feedback",
    "view_of",
]

MAX_PAGE: Final = 500


class AlertView(AlertReport):
    """An alert as it is kept, with the newest feedback.

    Attributes:
        closed_because: why the platform closed it, ``subscription_ended``; empty where its model or app did.
        told_at: when the platform first heard of it.
        changed_at: when it last changed.
    """

    id: int
    closed_because: str = ""
    told_at: datetime
    changed_at: datetime
    feedback: FeedbackView | None = None

    def _latest_end(self) -> datetime:
        # The platform closes without judging anything.
        return datetime.max.replace(tzinfo=UTC) if self.closed_because else super()._latest_end()


def list_alerts(  # noqa: PLR0913 - each is a filter of its own
    session: Session, scope: TenantScope, *, open_only: bool = False, model: str = "", line: str = "",
    target: str = "", start: datetime | None = None, end: datetime | None = None, before: int = 0,
    limit: int = MAX_PAGE,
) -> list[AlertView]:  # fmt: skip
    """Alerts that were open at some time of ``[start, end)``, the newest row first.

    Args:
        session: of the metadata database.
        scope: with the permission to read, be it at some places.
        open_only: those that are open now.
        model: of this one only, as `line` and `target`; all where empty.
        line: its path.
        target: what is predicted.
        start: source time; without it all that came before `end`.
        end: source time; without it all that came since `start`.
        before: id of the last alert of the page before; 0 for the first page.
        limit: at most so many.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = select(Alert).where(Alert.tenant_id == scope.tenant_id, lying_in(Alert.line, scope.places()))
    for column, wanted in ((Alert.model, model), (Alert.line, line), (Alert.target, target)):
        if wanted:
            query = query.where(column == wanted)
    if open_only:
        query = query.where(Alert.closed_at.is_(None))
    if start is not None:
        query = query.where(or_(Alert.closed_at.is_(None), Alert.closed_at > start))
    if end is not None:
        query = query.where(Alert.opened_at < end)
    if before:
        query = query.where(Alert.id < before)
    rows = session.scalars(query.order_by(Alert.id.desc()).limit(min(limit, MAX_PAGE))).all()
    said = newest_feedback(session, scope, [row.id for row in rows])
    return [view_of(row, said.get(row.id)) for row in rows]


def count_open(session: Session, scope: TenantScope) -> list[tuple[str, int, int]]:
    """How many alerts are open, by line and priority, in one statement: line, priority and number each.

    Raises:
        AccessDenied: the scope may not read.
    """
    query = (
        select(Alert.line, Alert.priority, func.count())
        .where(
            Alert.tenant_id == scope.tenant_id, lying_in(Alert.line, scope.places()),
            Alert.closed_at.is_(None),
        )
        .group_by(Alert.line, Alert.priority)
    )  # fmt: skip
    return [(line, priority, count) for line, priority, count in session.execute(query)]


def find_alert(session: Session, scope: TenantScope, alert_id: int) -> AlertView:
    """One alert.

    Raises:
        AccessDenied: the scope may not read.
        UnknownAlert: the tenant has no such alert where the scope may read.
    """
    row = session.scalar(
        select(Alert).where(
            Alert.tenant_id == scope.tenant_id, Alert.id == alert_id, lying_in(Alert.line, scope.places())
        )
    )
    if row is None:
        raise UnknownAlert(alert_id)
    return view_of(row, newest_feedback(session, scope, [row.id]).get(row.id))


def newest_feedback(session: Session, scope: TenantScope, alerts: Sequence[int]) -> dict[int, AlertFeedback]:
    """What was said last of each of these alerts."""
    last = (
        select(func.max(AlertFeedback.id))
        .where(AlertFeedback.tenant_id == scope.tenant_id, AlertFeedback.alert_id.in_(alerts))
        .group_by(AlertFeedback.alert_id)
    )
    query = select(AlertFeedback).where(
        AlertFeedback.tenant_id == scope.tenant_id, AlertFeedback.id.in_(last)
    )
    return {row.alert_id: row for row in session.scalars(query)}


def view_of(row: Alert, said: AlertFeedback | None) -> AlertView:
    """A row as lists show it."""
    horizon = None
    if row.expected_at is not None:
        horizon = Horizon(expected_at=row.expected_at, earliest=row.earliest, latest=row.latest)
    kept = {name: getattr(row, name) for name in AlertReport.model_fields if name != "horizon"}
    return AlertView.model_validate(
        kept
        | {"closed_because": row.closed_because}
        | {"id": row.id, "told_at": row.told_at, "changed_at": row.changed_at, "horizon": horizon}
        | {"feedback": None if said is None else feedback_view(said)}
    )
