"""Asking for a newer version, giving it up, and following patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from tundish_platform.audit import record_of
from tundish_platform.marketplace.models import Subscription
from tundish_platform.marketplace.subscriptions import active_row, is_active
from tundish_platform.marketplace.upgrades.faults import lacks, not_agreed, one_is_open, over
from tundish_platform.marketplace.upgrades.models import AppUpgrade
from tundish_platform.marketplace.upgrades.states import OPEN, Follow, Reason, State
from tundish_platform.marketplace.upgrades.views import open_upgrades, row_of, view_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.upgrades.offering import Offer
    from tundish_platform.marketplace.upgrades.views import UpgradeView
    from tundish_platform.tenancy import TenantScope


def ask_upgrade(
    session: Session, scope: TenantScope, app_id: str, offer: Offer, agreed: Collection[str], now: datetime
) -> UpgradeView:
    """Have a newer version try itself beside the running one, to take over if that goes well.

    Args:
        session: of the metadata database.
        scope: with the permission to subscribe.
        app_id: of the app.
        offer: the version, as the person saw it.
        agreed: what of the offer's ``more`` the person agreed to: all of it, or nothing happens.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no active subscription.
        UpgradeRefused: not all was agreed to, inputs are missing, or another upgrade waits.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    row = active_row(session, scope, app_id)
    if set(agreed) != set(offer.more):
        raise not_agreed(offer.more)
    if offer.missing:
        raise lacks(offer.missing)
    waiting = open_upgrades(session, scope).get(app_id)
    if waiting is not None:
        raise one_is_open(waiting.to_version)
    return begin(session, scope, row, offer, scope.principal, now)


def begin(
    session: Session, scope: TenantScope, subscription: Subscription, offer: Offer, by: str, now: datetime,
    *, automatic: bool = False,
) -> UpgradeView:  # fmt: skip
    """Write an upgrade down that may be: all was agreed to, or there was nothing to agree to."""
    was = subscription.app_version
    made = AppUpgrade(
        tenant_id=scope.tenant_id, subscription_id=subscription.id, app_id=subscription.app_id,
        from_version=was, to_version=offer.newer.version, state=State.TRYING, automatic=automatic,
        asked_by=by, asked_at=now, agreed=list(offer.more), signals=list(offer.signals),
        fresh=list(offer.fresh),
        inputs=None if offer.inputs is None else {key: list(some) for key, some in offer.inputs.items()},
        tries=0, try_at=now, reason="",
    )  # fmt: skip
    session.add(made)
    session.flush()
    detail = {"from": was, "to": offer.newer.version, "agreed": list(offer.more), "automatic": automatic}
    record_of(session, scope, "upgrade.asked", subscription.app_id, now, detail)
    return view_of(made)


def give_up(session: Session, scope: TenantScope, number: int, now: datetime) -> UpgradeView:
    """Stay with the running version.

    Raises:
        AccessDenied: the scope may not subscribe.
        UnknownUpgrade: the tenant has none of that number.
        UpgradeRefused: it waits for nothing any more.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    row = row_of(session, scope, number)
    if row.state not in OPEN:
        raise over(number)
    row.state, row.ended_at, row.ended_by = State.GIVEN_UP, now, scope.principal
    row.reason = Reason.PERSON
    session.flush()
    record_of(session, scope, "upgrade.given_up", row.app_id, now, {"to": row.to_version})
    return view_of(row)


def set_follow(session: Session, scope: TenantScope, app_id: str, follow: Follow, now: datetime) -> bool:
    """Say whether patches may come by themselves; False where it was said before.

    Raises:
        AccessDenied: the scope may not subscribe.
        NotSubscribed: there is no active subscription.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    active_row(session, scope, app_id)
    changed = (
        update(Subscription)
        .where(
            Subscription.tenant_id == scope.tenant_id,
            *is_active(scope, app_id),
            Subscription.follow != follow.value,
        )
        .values(follow=follow.value)
        .returning(Subscription.id)
    )
    done = session.scalar(changed) is not None
    session.expire_all()
    if done:
        record_of(session, scope, "subscription.follow", app_id, now, {"follow": follow.value})
    return done
