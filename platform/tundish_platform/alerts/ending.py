"""Alerts of apps that nobody subscribes to any more: no run ends them, so the platform does and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, literal, select

from tundish_platform.alerts.models import Alert
from tundish_platform.alerts.raising import end_alert
from tundish_platform.marketplace.crying import MODEL
from tundish_platform.marketplace.models import Subscription
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.reach import Above
from tundish_platform.tenancy.rounds import RoundSpec, TenantRounds

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import Principal, TenantScope
    from tundish_platform.tenancy.metadata import Metadata

SUBSCRIPTION_ENDED: Final = "subscription_ended"
JOB: Final = "ended-alerts"


def end_orphaned(session: Session, scope: TenantScope, now: datetime) -> int:
    """Close the tenant's open alerts of apps that have no active subscription; how many there were.

    They end when the app's last subscription did; a paused or halted one has not ended.

    Raises:
        AccessDenied: the scope may not ingest.
    """
    scope.require(Permission.INGEST)
    query = select(Alert).where(Alert.tenant_id == scope.tenant_id, *_orphaned())
    rows = session.scalars(query.order_by(Alert.id)).all()
    for row in rows:
        stopped = session.scalar(
            select(func.max(Subscription.stopped_at)).where(
                Subscription.tenant_id == scope.tenant_id,
                Subscription.app_id == row.model.removeprefix(MODEL),
            )
        )
        end_alert(session, scope, row, stopped or now, SUBSCRIPTION_ENDED, now)
    return len(rows)


def orphaned_tenants(session: Session) -> list[str]:
    """Slugs of tenants that have such alerts, for a session above tenants."""
    query = select(Tenant.slug).join(Alert, Alert.tenant_id == Tenant.id).where(*_orphaned())
    return list(session.scalars(query.distinct().order_by(Tenant.slug)))


def _orphaned() -> tuple[ColumnElement[bool], ...]:
    active = (
        select(Subscription.id)
        .where(
            Subscription.tenant_id == Alert.tenant_id,
            literal(MODEL) + Subscription.app_id == Alert.model,
            Subscription.stopped_at.is_(None),
        )
        .correlate(Alert)
    )
    return (
        Alert.closed_at.is_(None), Alert.model.startswith(MODEL, autoescape=True), ~active.exists(),
    )  # fmt: skip


class AlertEnder(TenantRounds):
    """Ends such alerts of all tenants, again and again until closed.

    A subscription ends in several ways, and a run that was under way may tell of an alert afterwards; one
    round after another sees all of that.

    Args:
        metadata: where alerts and subscriptions are.
        every_s: seconds from the end of one round to the next.
    """

    spec = RoundSpec("alert-ender", "alerts_not_ended", "ended_alerts_not_listed")

    def __init__(self, metadata: Metadata, every_s: float = 5.0) -> None:
        super().__init__(metadata, every_s)

    def listed(self) -> tuple[list[str], Principal]:
        """Those that have such alerts."""
        with self._metadata.above(Above.ENDED_ALERTS).session() as session:
            slugs = orphaned_tenants(session)
            return slugs, job_principal(session, JOB, Role.ANALYST, slugs)

    def visit(self, session: Session, scope: TenantScope, now: datetime) -> int:
        """End one tenant's."""
        return end_orphaned(session, scope, now)

    def round(self) -> int:
        """Look at every tenant that has any; how many alerts were ended."""
        ended, _ = self.tour()
        return ended
