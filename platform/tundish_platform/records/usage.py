"""Usage: how far a plant is connected and used, as counts; nobody's name and no measured value."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from tundish_platform.alarms.maintenance import MaintenanceWindow
from tundish_platform.alarms.models import AlarmEvent
from tundish_platform.alarms.states import Transition
from tundish_platform.alerts.models import AlertFeedback
from tundish_platform.assets.models import Signal, Source
from tundish_platform.marketplace.models import AppRun, Subscription
from tundish_platform.products.models import Product
from tundish_platform.samples import SignalRole
from tundish_platform.sdk import RecordKind
from tundish_platform.tenancy.models import Membership
from tundish_platform.tenancy.sessions import logins_between

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import TenantOwned

# Within a day a source that works at all has said something.
_LIVE: Final = timedelta(days=1)
_DERIVED: Final = (SignalRole.PREDICTION.value, SignalRole.OUTPUT.value)


def usage(session: Session, scope: TenantScope, since: datetime, now: datetime) -> list[dict[str, Any]]:
    """One row for each figure, counted in ``[since, now)`` where it is of a stretch.

    Raises:
        AccessDenied: the scope was not narrowed to usage.
    """
    scope.require_records(RecordKind.USAGE)
    logins = logins_between(session, scope, since, now)
    figures = {
        **_connected(session, scope, now),
        "apps": _count(session, scope, Subscription, Subscription.stopped_at.is_(None)),
        "app_runs": _count(session, scope, AppRun, AppRun.started_at >= since, AppRun.started_at < now),
        "people": _people(session, scope),
        "people_active": len({who for who, _ in logins}),
        "log_in_days": len({at.date() for _, at in logins}),
        "alarms_raised": _events(session, scope, since, now, Transition.RAISED),
        "alarms_acknowledged": _events(session, scope, since, now, Transition.ACKNOWLEDGED),
        "alerts_judged": _count(
            session, scope, AlertFeedback, AlertFeedback.at >= since, AlertFeedback.at < now
        ),
        "orders": _count(session, scope, Product, Product.kind == "order", Product.declared_at >= since),
        "products": _count(session, scope, Product, Product.kind != "order", Product.declared_at >= since),
        "maintenance_windows": _count(
            session, scope, MaintenanceWindow,
            MaintenanceWindow.starts_at >= since, MaintenanceWindow.starts_at < now,
        ),
    }  # fmt: skip
    return [{"figure": name, "value": float(value), "as_of": now} for name, value in figures.items()]


def _connected(session: Session, scope: TenantScope, now: datetime) -> dict[str, int]:
    live = set(
        session.scalars(
            select(Source.name).where(Source.tenant_id == scope.tenant_id, Source.seen_at >= now - _LIVE)
        )
    )
    query = select(Signal.path, Signal.source).where(
        Signal.tenant_id == scope.tenant_id, Signal.role.not_in(_DERIVED)
    )
    rows = [("/".join(path.split("/")[:-2]), source in live) for path, source in session.execute(query)]
    return {
        "machines": len({machine for machine, _ in rows}),
        "connected_machines": len({machine for machine, connected in rows if connected}),
        "signals": len(rows),
        "connected_signals": sum(connected for _, connected in rows),
        "sources": len(live),
    }


def _people(session: Session, scope: TenantScope) -> int:
    query = select(func.count(Membership.user_id.distinct())).where(Membership.tenant_id == scope.tenant_id)
    return session.scalar(query) or 0


def _events(
    session: Session, scope: TenantScope, since: datetime, now: datetime, transition: Transition
) -> int:
    inside = (AlarmEvent.at >= since, AlarmEvent.at < now)
    return _count(session, scope, AlarmEvent, *inside, AlarmEvent.transition == transition.value)


def _count(
    session: Session, scope: TenantScope, table: type[TenantOwned], *conditions: ColumnElement[bool]
) -> int:
    query = select(func.count()).select_from(table).where(table.tenant_id == scope.tenant_id, *conditions)
    return session.scalar(query) or 0
