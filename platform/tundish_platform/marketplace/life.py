"""A subscription between its beginning and its end: other plans, pauses, single grants taken and given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import update

from tundish_platform.audit import record_of
from tundish_platform.marketplace.changes import Act, keep_change
from tundish_platform.marketplace.days import trial_end
from tundish_platform.marketplace.grants import give, take
from tundish_platform.marketplace.mapping import choice_for
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.marketplace.models import Subscription
from tundish_platform.marketplace.subscriptions import (
    active_row,
    output_signals,
    running_app,
    stop,
    view_of,
)
from tundish_platform.store.lifecycle.forgotten import ask_removal
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.catalogue import Catalogue
    from tundish_platform.marketplace.subscriptions import SubscriptionView
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope


class GrantRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The app does not ask for that signal, so it cannot be granted."""


def pause(session: Session, scope: TenantScope, app_id: str, now: datetime | None = None) -> SubscriptionView:
    """Let the app rest: no runs, nothing read, nothing charged from the next day on; its data stays.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no subscription.
    """
    now = _checked(scope, now)
    done = _set(session, scope, app_id, Subscription.paused_at.is_(None), paused_at=now)
    return _told(session, scope, app_id, Act.PAUSED, now, done=done)


def resume(
    session: Session, scope: TenantScope, app_id: str, now: datetime | None = None
) -> SubscriptionView:
    """Let a paused app run again, with the grants it had.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no subscription.
    """
    now = _checked(scope, now)
    done = _set(session, scope, app_id, Subscription.paused_at.is_not(None), paused_at=None)
    return _told(session, scope, app_id, Act.RESUMED, now, done=done)


def change_plan(
    session: Session,
    scope: TenantScope,
    catalogue: Catalogue,
    app_id: str,
    plan: str,
    now: datetime | None = None,
) -> SubscriptionView:
    """Change to another plan of the app, at once and at the price that the catalogue has now.

    Raises:
        AccessDenied: the scope may not subscribe.
        UnknownApp: the app is in the catalogue no more.
        UnknownPlan: the app has no such plan.
        NotSubscribed: there is no subscription.
    """
    now = _checked(scope, now)
    chosen = catalogue.app(app_id).manifest.offer(plan)
    other = (
        (Subscription.plan != chosen.key)
        | (Subscription.plan_kind != chosen.kind.value)
        | (Subscription.fen != chosen.fen)
    )
    until = trial_end(session, scope, app_id, chosen, now)
    done = _set(
        session, scope, app_id, other,
        plan=chosen.key, plan_kind=chosen.kind.value, fen=chosen.fen, trial_until=until,
    )  # fmt: skip
    return _told(session, scope, app_id, Act.PLAN_CHANGED, now, {"plan": chosen.key}, done=done)


def cancel(
    session: Session, scope: TenantScope, app_id: str, *, remove_outputs: bool, now: datetime | None = None
) -> int | None:
    """Cancel the subscription and keep what the app wrote, or have it removed from the store for good.

    Returns:
        Number of the removal; None where outputs are kept, or the app never wrote any.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no subscription.
    """
    now = _checked(scope, now)
    subscription = active_row(session, scope, app_id).id
    stop(session, scope, app_id, now)
    outputs = output_signals(session, scope, app_id) if remove_outputs else []
    if not outputs:
        return None
    number = ask_removal(session, scope, outputs, f"{app_id} was cancelled", now)
    detail = {"removal": number, "signals": outputs}
    keep_change(session, scope, subscription, Act.OUTPUTS_REMOVED, now, detail)
    record_of(session, scope, "subscription.outputs_removed", app_id, now, detail)
    return number


def withdraw_grant(
    session: Session, scope: TenantScope, app_id: str, signal: int, now: datetime | None = None
) -> SubscriptionView:
    """Take one signal from the app, from its next reading on; the app then says that the input is missing.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no subscription.
    """
    now = _checked(scope, now)
    subscription = active_row(session, scope, app_id).id
    taken = take(session, scope, subscription, now, only=[signal])
    detail = {"signal": signal}
    return _told(session, scope, app_id, Act.GRANT_WITHDRAWN, now, detail, done=bool(taken))


def give_grant(
    session: Session,
    scope: TenantScope,
    catalogue: Catalogue,
    app_id: str,
    signal: SignalInfo,
    now: datetime | None = None,
) -> SubscriptionView:
    """Let the app read one more signal that its manifest asks for, or one that was withdrawn.

    Where a person confirmed the app's inputs, it is one of those: the app would find no other.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no subscription.
        GrantRefused: the signal serves as no input of the app.
    """
    now = _checked(scope, now)
    subscription = active_row(session, scope, app_id).id
    running = running_app(session, scope, catalogue, app_id)
    choice = choice_for(session, scope, running.manifest, stock_of([signal]))
    if signal.id not in {one.id for one in choice.signals}:
        raise GrantRefused(f"{app_id} asks for no signal like {signal.path}")
    # The subscription's row is written, so that two who give the same signal do not both find it missing.
    _set(session, scope, app_id, Subscription.id == subscription, stopped_because=None)
    done = bool(give(session, scope, subscription, [signal.id], now))
    return _told(session, scope, app_id, Act.GRANT_GIVEN, now, {"signal": signal.id}, done=done)


def _checked(scope: TenantScope, now: datetime | None) -> datetime:
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    return now or datetime.now(UTC)


def _set(
    session: Session, scope: TenantScope, app_id: str, only: ColumnElement[bool], **values: object
) -> bool:
    """Write values to the subscription where the condition holds; whether it did."""
    written = (
        update(Subscription)
        .where(
            Subscription.tenant_id == scope.tenant_id, Subscription.app_id == app_id,
            Subscription.stopped_at.is_(None), only,
        )
        .values(**values)
        .returning(Subscription.id)
    )  # fmt: skip
    return session.scalar(written) is not None


def _told(
    session: Session, scope: TenantScope, app_id: str, act: Act, now: datetime,
    detail: Mapping[str, object] | None = None, *, done: bool,
) -> SubscriptionView:  # fmt: skip
    """Keep what was done, if anything was, and give the subscription back."""
    session.expire_all()
    row = active_row(session, scope, app_id)
    if done:
        keep_change(session, scope, row.id, act, now, detail)
        record_of(session, scope, f"subscription.{act}", app_id, now, detail)
    return view_of(session, scope, row)
