"""Alerts of apps that nobody subscribes to any more: no run ends them, so the platform does and says why."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import func, literal, select

from tundish_platform.alerts.models import Alert
from tundish_platform.alerts.raising import end_alert
from tundish_platform.marketplace.crying import MODEL
from tundish_platform.marketplace.models import Subscription
from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

_log = structlog.get_logger(__name__)

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


class AlertEnder:
    """Ends such alerts of all tenants, again and again until closed.

    A subscription ends in several ways, and a run that was under way may tell of an alert afterwards; one
    round after another sees all of that.

    Args:
        metadata: where alerts and subscriptions are.
        every_s: seconds from the end of one round to the next.
    """

    def __init__(self, metadata: Metadata, every_s: float = 5.0) -> None:
        self._metadata, self._every_s = metadata, every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alert-ender", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """End after the tenant that is looked at."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def round(self) -> int:
        """Look at every tenant that has any; how many alerts were ended."""
        with self._metadata.above(Above.ENDED_ALERTS).session() as session:
            slugs = orphaned_tenants(session)
            principal = job_principal(session, JOB, Role.ANALYST, slugs)
        ended = 0
        for slug in slugs:
            if self._stopped.is_set():
                break
            try:
                scope = access_tenant(principal, slug, Permission.INGEST)
                with self._metadata.of(scope).session() as session:
                    ended += end_orphaned(session, scope, datetime.now(UTC))
            except AccessDenied:
                # Removed since the list was made.
                continue
            except Exception:  # noqa: BLE001 - one tenant's trouble must not keep the others' alerts open
                _log.exception("alerts_not_ended", tenant=slug)
        return ended

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self.round()
            except Exception:  # noqa: BLE001 - a database that is away comes back; the next round tries again
                _log.exception("ended_alerts_not_listed")
