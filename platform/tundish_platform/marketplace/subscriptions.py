"""Subscribing and cancelling, the grants that go with it, and what is due to run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, select, update

from tundish_platform.assets import lying_in
from tundish_platform.assets.models import Signal
from tundish_platform.audit import record_of
from tundish_platform.marketplace.changes import Act, keep_change
from tundish_platform.marketplace.days import trial_end
from tundish_platform.marketplace.grants import give, take
from tundish_platform.marketplace.mapping import choice_for, served
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.marketplace.models import AppRun, Grant, Subscription
from tundish_platform.marketplace.record_models import RecordGrant
from tundish_platform.store.lifecycle.forgotten import removal_under_way
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import InstrumentedAttribute, Session

    from tundish_platform.marketplace.catalogue import App, Catalogue
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope


class NotSubscribed(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no active subscription to that app."""


class SubscriptionPaused(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has paused the app: it reads nothing, and nothing is booked for it."""


class OutputsGoing(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """What the app wrote is being removed; what it would write now would go, too. Come again in minutes."""


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
        plan: key of the plan in force; ``fen`` is charged as `tundish_platform.sdk.PlanKind` says.
        signals: ids of the signals granted now; empty once stopped.
        paused_at: since when it does not run; None while it does.
        trial_until: what runs before it costs nothing; None without a trial.
        stopped_because: why the marketplace stopped it; None where the tenant did.
        records: kinds of records granted now.
        last_run_at: start of the newest run, whatever its outcome.
        inputs: granted signals by input as a person confirmed them; None where every fitting one serves.
        follow: which newer versions it takes by itself: ``none``, ``patches``.
    """

    id: int
    app: str
    version: str
    plan: str
    plan_kind: str
    fen: int
    schedule_s: float
    window_s: float
    parameters: Mapping[str, float | str]
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    stopped_because: str | None
    signals: tuple[int, ...]
    records: tuple[str, ...]
    last_run_at: datetime | None
    paused_at: datetime | None = None
    trial_until: datetime | None = None
    inputs: Mapping[str, tuple[int, ...]] | None = None
    follow: str = "none"

    @property
    def active(self) -> bool:
        """Whether it was not cancelled; a pause does not end it."""
        return self.stopped_at is None

    @property
    def running(self) -> bool:
        """Whether its app runs: neither cancelled nor paused."""
        return self.active and self.paused_at is None

    def state(self, now: datetime) -> Literal["trial", "active", "paused", "stopped"]:
        """How it stands."""
        if not self.active:
            return "stopped"
        if not self.running:
            return "paused"
        return "trial" if self.trial_until is not None and now < self.trial_until else "active"

    def due(self, now: datetime) -> bool:
        """Whether its app should run now."""
        waited = self.last_run_at is None or now - self.last_run_at >= timedelta(seconds=self.schedule_s)
        return self.running and waited


def subscribe(  # noqa: PLR0913, PLR0917 - who, to what, with what, how, and when
    session: Session,
    scope: TenantScope,
    catalogue: Catalogue,
    app_id: str,
    signals: Iterable[SignalInfo],
    parameters: Mapping[str, float | str] | None = None,
    plan: str | None = None,
    now: datetime | None = None,
) -> SubscriptionView:
    """Subscribe the tenant to an app and grant it its signals; idempotent.

    They are those that a person confirmed as its inputs; where nobody did, those that fit by semantic kind.
    Whoever is subscribed already gets that subscription back, unchanged.

    Args:
        session: of the metadata database.
        scope: with the permission to subscribe.
        catalogue: where the app is.
        app_id: which app.
        signals: all signals of the tenant, from `tundish_platform.assets`.
        parameters: settings; missing ones have the manifest's defaults.
        plan: its key; the manifest's first without.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope may not subscribe.
        UnknownApp: there is no such app.
        MissingInputs: the tenant lacks what the app needs.
        ParameterRefused, UnknownPlan: a parameter or a plan the app does not have.
        OutputsGoing: what an earlier subscription wrote is still being removed.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    manifest = catalogue.app(app_id).manifest
    chosen = manifest.offer(plan)
    settings = manifest.settings(dict(parameters or {}))
    fit = choice_for(session, scope, manifest, stock_of(signals))
    if fit.missing:
        raise MissingInputs(app_id, fit.missing)
    _refuse_while_outputs_go(session, scope, app_id)
    now = now or datetime.now(UTC)
    made = _insert_once(
        session,
        tenant_id=scope.tenant_id, app_id=app_id, app_version=manifest.version, parameters=settings,
        plan=chosen.key, plan_kind=chosen.kind.value, fen=chosen.fen,
        trial_until=trial_end(session, scope, app_id, chosen, now),
        schedule_s=manifest.schedule_s, window_s=manifest.window_s,
        started_at=now, started_by=scope.principal,
    )  # fmt: skip
    if made is not None:
        give(session, scope, made, [signal.id for signal in fit.signals], now)
        granted = {"version": manifest.version, "signals": [signal.id for signal in fit.signals]}
        keep_change(session, scope, made, Act.STARTED, now, granted)
        record_of(session, scope, "subscription.started", app_id, now, granted | {"plan": chosen.key})
    return view_of(session, scope, active_row(session, scope, app_id))


def stop(session: Session, scope: TenantScope, app_id: str, now: datetime | None = None) -> bool:
    """Cancel the tenant's subscription, withdraw its grants; False where there was none to cancel.

    Raises:
        AccessDenied: the scope may not subscribe, so it may not cancel either.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    now = now or datetime.now(UTC)
    stopped = session.scalar(
        update(Subscription)
        .where(*is_active(scope, app_id))
        .values(stopped_at=now, stopped_by=scope.principal)
        .returning(Subscription.id)
    )
    if stopped is None:
        return False
    take(session, scope, stopped, now)
    session.execute(
        update(RecordGrant)
        .where(
            RecordGrant.tenant_id == scope.tenant_id, RecordGrant.subscription_id == stopped,
            RecordGrant.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now, withdrawn_by=scope.principal)
    )  # fmt: skip
    keep_change(session, scope, stopped, Act.CANCELLED, now)
    record_of(session, scope, "subscription.stopped", app_id, now)
    return True


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
    return [view_of(session, scope, row) for row in session.scalars(query)]


def due_subscriptions(session: Session, scope: TenantScope, now: datetime) -> list[SubscriptionView]:
    """Active subscriptions whose app should run now."""
    return [view for view in subscriptions(session, scope) if view.due(now)]


def grant_signals(session: Session, scope: TenantScope, app_id: str) -> frozenset[int]:
    """Ids of the signals the tenant's active subscription lets the app read.

    Raises:
        NotSubscribed: there is no active subscription.
    """
    scope.require(Permission.READ)
    granted = frozenset(session.scalars(_granted(scope, active_row(session, scope, app_id).id)))
    return granted if scope.signals is None else granted & scope.signals


def granted_scope(session: Session, scope: TenantScope, app_id: str) -> TenantScope:
    """The scope an app's input is read with: the granted signals and reading, nothing else.

    Raises:
        NotSubscribed: there is no active subscription.
        SubscriptionPaused: there is one, and it pauses.
    """
    if active_row(session, scope, app_id).paused_at is not None:
        raise SubscriptionPaused(app_id)
    return scope.narrowed(grant_signals(session, scope, app_id), frozenset({Permission.READ}))


def subscription_of(session: Session, scope: TenantScope, app_id: str) -> SubscriptionView:
    """The tenant's active subscription to one app.

    Raises:
        NotSubscribed: there is none.
    """
    scope.require(Permission.READ)
    return view_of(session, scope, active_row(session, scope, app_id))


def running_app(session: Session, scope: TenantScope, catalogue: Catalogue, app_id: str) -> App:
    """The app in the version that the tenant runs; in its newest one where there is no subscription.

    Raises:
        UnknownApp: there is no such app.
    """
    scope.require(Permission.READ)
    named = select(Subscription.app_version).where(
        Subscription.tenant_id == scope.tenant_id, *is_active(scope, app_id)
    )
    return catalogue.running(app_id, session.scalar(named))


def _refuse_while_outputs_go(session: Session, scope: TenantScope, app_id: str) -> None:
    if removal_under_way(session, scope, output_signals(session, scope, app_id)):
        raise OutputsGoing(app_id)


def output_signals(session: Session, scope: TenantScope, app_id: str) -> list[int]:
    """Numbers of the signals that the app declared as its outputs at the tenant."""
    query = select(Signal.id).where(
        Signal.tenant_id == scope.tenant_id, Signal.source == f"app:{app_id}",
        Signal.semantic.startswith(f"app.{app_id}.", autoescape=True),
    )  # fmt: skip
    return list(session.scalars(query.order_by(Signal.id)))


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


def is_active(scope: TenantScope, app_id: str) -> tuple[Any, ...]:
    """Conditions of the tenant's subscription to an app that was not cancelled."""
    return (
        Subscription.tenant_id == scope.tenant_id,
        Subscription.app_id == app_id,
        Subscription.stopped_at.is_(None),
    )


def active_row(session: Session, scope: TenantScope, app_id: str) -> Subscription:
    """The row of the tenant's subscription to an app.

    Raises:
        NotSubscribed: there is none that was not cancelled.
    """
    seen = reading_there(scope, Subscription.id)
    row = session.scalar(select(Subscription).where(*is_active(scope, app_id), *seen))
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


def _records(scope: TenantScope, subscription_id: int) -> Select[str]:
    return (
        select(RecordGrant.kind)
        .where(
            RecordGrant.tenant_id == scope.tenant_id,
            RecordGrant.subscription_id == subscription_id,
            RecordGrant.withdrawn_at.is_(None),
        )
        .order_by(RecordGrant.kind)
    )


def view_of(session: Session, scope: TenantScope, row: Subscription) -> SubscriptionView:
    """A row with its grants and its newest run."""
    newest = select(func.max(AppRun.started_at)).where(
        AppRun.tenant_id == scope.tenant_id, AppRun.subscription_id == row.id
    )
    granted = tuple(session.scalars(_granted(scope, row.id)))
    return SubscriptionView(
        id=row.id, app=row.app_id, version=row.app_version, plan=row.plan, plan_kind=row.plan_kind,
        fen=row.fen, paused_at=row.paused_at, trial_until=row.trial_until,
        schedule_s=row.schedule_s, window_s=row.window_s, parameters=row.parameters,
        started_at=row.started_at, started_by=row.started_by, stopped_at=row.stopped_at,
        stopped_because=row.stopped_because,
        signals=granted, records=tuple(session.scalars(_records(scope, row.id))),
        last_run_at=session.scalar(newest), inputs=served(session, scope, row.app_id, granted),
        follow=row.follow,
    )  # fmt: skip
