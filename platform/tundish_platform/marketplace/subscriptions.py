"""Subscribing and stopping, the grants that go with it, and what is due to run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from tundish_platform.assets import lying_in
from tundish_platform.assets.models import Signal
from tundish_platform.audit import record_of
from tundish_platform.marketplace.catalogue import compatibility
from tundish_platform.marketplace.models import AppRun, Grant, Subscription
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import InstrumentedAttribute, Session

    from tundish_platform.marketplace.catalogue import Catalogue
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope


class NotSubscribed(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no active subscription to that app."""


class MissingInputs(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant lacks signals the app cannot do without; `keys` names them."""

    def __init__(self, app_id: str, keys: tuple[str, ...]) -> None:
        super().__init__(f"{app_id} needs inputs that no signal here serves: {', '.join(keys)}")
        self.app_id = app_id
        self.keys = keys


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A subscription as screens and the worker see it.

    Attributes:
        signals: ids of the signals granted now; empty once stopped.
        stopped_because: why the marketplace stopped it; None where the tenant did.
        last_run_at: start of the newest run, whatever its outcome.
    """

    id: int
    app: str
    version: str
    plan: str
    fen_per_month: int
    schedule_s: float
    window_s: float
    parameters: Mapping[str, float | str]
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    stopped_because: str | None
    signals: tuple[int, ...]
    last_run_at: datetime | None

    @property
    def active(self) -> bool:
        """Whether it still runs."""
        return self.stopped_at is None

    def due(self, now: datetime) -> bool:
        """Whether its app should run now."""
        waited = self.last_run_at is None or now - self.last_run_at >= timedelta(seconds=self.schedule_s)
        return self.active and waited


def subscribe(
    session: Session,
    scope: TenantScope,
    catalogue: Catalogue,
    app_id: str,
    signals: Iterable[SignalInfo],
    parameters: Mapping[str, float | str] | None = None,
) -> SubscriptionView:
    """Subscribe the tenant to an app and grant it the signals its manifest asks for; idempotent.

    Whoever is subscribed already gets that subscription back, unchanged.

    Args:
        session: of the metadata database.
        scope: with the permission to subscribe.
        catalogue: where the app is.
        app_id: which app.
        signals: all signals of the tenant, from `tundish_platform.assets`.
        parameters: settings; missing ones have the manifest's defaults.

    Raises:
        AccessDenied: the scope may not subscribe.
        UnknownApp: there is no such app.
        MissingInputs: the tenant lacks what the app needs.
        ParameterRefused: a parameter the app does not have.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    manifest = catalogue.app(app_id).manifest
    settings = manifest.settings(dict(parameters or {}))
    fit = compatibility(manifest, signals)
    if not fit.usable:
        raise MissingInputs(app_id, fit.missing)
    now = datetime.now(UTC)
    made = _insert_once(
        session,
        tenant_id=scope.tenant_id, app_id=app_id, app_version=manifest.version, parameters=settings,
        plan=manifest.price.plan, fen_per_month=manifest.price.fen_per_month,
        schedule_s=manifest.schedule_s, window_s=manifest.window_s,
        started_at=now, started_by=scope.principal,
    )  # fmt: skip
    if made is not None:
        session.add_all(
            Grant(tenant_id=scope.tenant_id, subscription_id=made, signal_id=s.id, granted_at=now)
            for s in fit.signals
        )
        session.flush()
        granted = {"version": manifest.version, "signals": [signal.id for signal in fit.signals]}
        record_of(session, scope, "subscription.started", app_id, now, granted)
    return _view(session, scope, _active(session, scope, app_id))


def stop(session: Session, scope: TenantScope, app_id: str) -> bool:
    """Stop the tenant's subscription, withdraw its grants; False where there was none to stop.

    Raises:
        AccessDenied: the scope may not subscribe, so it may not stop either.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    now = datetime.now(UTC)
    active = select(Subscription.id).where(*_is_active(scope, app_id)).scalar_subquery()
    session.execute(
        update(Grant)
        .where(
            Grant.tenant_id == scope.tenant_id, Grant.subscription_id == active, Grant.withdrawn_at.is_(None)
        )
        .values(withdrawn_at=now)
    )
    stopped = session.execute(
        update(Subscription)
        .where(*_is_active(scope, app_id))
        .values(stopped_at=now, stopped_by=scope.principal)
    )
    done = bool(stopped.rowcount)  # type: ignore[attr-defined] # an UPDATE gives a CursorResult
    if done:
        record_of(session, scope, "subscription.stopped", app_id, now)
    return done


def subscriptions(session: Session, scope: TenantScope, *, stopped: bool = False) -> list[SubscriptionView]:
    """The tenant's active subscriptions, by app; with ``stopped`` all there ever were, newest first.

    A scope limited to places sees those whose signals all lie there.
    """
    scope.require(Permission.READ)
    query = select(Subscription).where(
        Subscription.tenant_id == scope.tenant_id, *reading_there(scope, Subscription.id)
    )
    if stopped:
        query = query.order_by(Subscription.started_at.desc(), Subscription.id.desc())
    else:
        query = query.where(Subscription.stopped_at.is_(None)).order_by(Subscription.app_id)
    return [_view(session, scope, row) for row in session.scalars(query)]


def due_subscriptions(session: Session, scope: TenantScope, now: datetime) -> list[SubscriptionView]:
    """Active subscriptions whose app should run now."""
    return [view for view in subscriptions(session, scope) if view.due(now)]


def grant_signals(session: Session, scope: TenantScope, app_id: str) -> frozenset[int]:
    """Ids of the signals the tenant's active subscription lets the app read.

    Raises:
        NotSubscribed: there is no active subscription.
    """
    scope.require(Permission.READ)
    granted = frozenset(session.scalars(_granted(scope, _active(session, scope, app_id).id)))
    return granted if scope.signals is None else granted & scope.signals


def granted_scope(session: Session, scope: TenantScope, app_id: str) -> TenantScope:
    """The scope an app's input is read with: the granted signals and reading, nothing else.

    Raises:
        NotSubscribed: there is no active subscription.
    """
    return scope.narrowed(grant_signals(session, scope, app_id), frozenset({Permission.READ}))


def subscription_of(session: Session, scope: TenantScope, app_id: str) -> SubscriptionView:
    """The tenant's active subscription to one app.

    Raises:
        NotSubscribed: there is none.
    """
    scope.require(Permission.READ)
    return _view(session, scope, _active(session, scope, app_id))


def reading_there(
    scope: TenantScope, subscription: InstrumentedAttribute[int]
) -> tuple[ColumnElement[bool], ...]:
    """Conditions that leave out subscriptions which read, or once read, outside the scope's places."""
    if Permission.READ not in scope.limits:
        return ()
    there = lying_in(Signal.path, scope.limits[Permission.READ])
    inside = select(Signal.id).where(Signal.tenant_id == scope.tenant_id, there)
    mine = Grant.tenant_id == scope.tenant_id
    outside = select(Grant.subscription_id).where(mine, Grant.signal_id.not_in(inside))
    return (subscription.not_in(outside),)


def _insert_once(session: Session, **values: object) -> int | None:
    """The new subscription's number, or None where the tenant has an active one already."""
    statement = insert_into(session, Subscription).values(**values).on_conflict_do_nothing()
    return session.scalar(statement.returning(Subscription.id))


def _is_active(scope: TenantScope, app_id: str) -> tuple[Any, ...]:
    return (
        Subscription.tenant_id == scope.tenant_id,
        Subscription.app_id == app_id,
        Subscription.stopped_at.is_(None),
    )


def _active(session: Session, scope: TenantScope, app_id: str) -> Subscription:
    seen = reading_there(scope, Subscription.id)
    row = session.scalar(select(Subscription).where(*_is_active(scope, app_id), *seen))
    if row is None:
        raise NotSubscribed(app_id)
    return row


def _granted(scope: TenantScope, subscription_id: int) -> Select[int]:
    return (
        select(Grant.signal_id)
        .where(
            Grant.tenant_id == scope.tenant_id,
            Grant.subscription_id == subscription_id,
            Grant.withdrawn_at.is_(None),
        )
        .order_by(Grant.signal_id)
    )


def _view(session: Session, scope: TenantScope, row: Subscription) -> SubscriptionView:
    newest = select(func.max(AppRun.started_at)).where(
        AppRun.tenant_id == scope.tenant_id, AppRun.subscription_id == row.id
    )
    return SubscriptionView(
        id=row.id, app=row.app_id, version=row.app_version, plan=row.plan, fen_per_month=row.fen_per_month,
        schedule_s=row.schedule_s, window_s=row.window_s, parameters=row.parameters,
        started_at=row.started_at, started_by=row.started_by, stopped_at=row.stopped_at,
        stopped_because=row.stopped_because,
        signals=tuple(session.scalars(_granted(scope, row.id))), last_run_at=session.scalar(newest),
    )  # fmt: skip
