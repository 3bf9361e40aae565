"""Offers of the shelf to a subscription: the newest version, or one by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_platform.assets import list_signals
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.marketplace.publishing.versions import approved_version, manifest_of
from tundish_platform.marketplace.upgrades.offering import newer_versions, offer_of
from tundish_platform.marketplace.upgrades.views import former_version, open_upgrades

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.subscriptions import SubscriptionView
    from tundish_platform.marketplace.upgrades.offering import Newer, Offer
    from tundish_platform.marketplace.upgrades.views import UpgradeView
    from tundish_platform.tenancy import TenantScope


def best_offer(
    session: Session, above: Session, scope: TenantScope, subscription: SubscriptionView
) -> Offer | None:
    """The newest version on the shelf, where it is newer than what runs.

    Args:
        session: that reaches the tenant.
        above: that reaches publishers.
        scope: with the permission to read.
        subscription: the tenant's.
    """
    newer = newer_versions(above, subscription.app, subscription.version)
    return _offer(session, above, scope, subscription, newer[0]) if newer else None


def offer_for(
    session: Session, above: Session, scope: TenantScope, subscription: SubscriptionView, version: str
) -> Offer | None:
    """One version by its name; None where it is not on the shelf, or not newer than what runs."""
    newer = newer_versions(above, subscription.app, subscription.version)
    named = next((one for one in newer if one.version == version), None)
    return None if named is None else _offer(session, above, scope, subscription, named)


def may_run(above: Session, app_id: str) -> Callable[[str], bool]:
    """Tells of a version of an app whether it is approved."""
    return lambda version: approved_version(above, app_id, version) is not None


def _offer(
    session: Session, above: Session, scope: TenantScope, subscription: SubscriptionView, newer: Newer
) -> Offer | None:
    running = manifest_of(above, subscription.app, subscription.version)
    if running is None:
        return None
    return offer_of(running, newer, subscription, stock_of(list_signals(session, scope)))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription stands between versions.

    Attributes:
        offer: of the newest version on the shelf, where that is newer than what runs.
        waiting: the upgrade that is not over.
        former: version that a roll-back would bring back.
    """

    offer: Offer | None
    waiting: UpgradeView | None
    former: str | None


def standing(
    session: Session, above: Session, scope: TenantScope, subscription: SubscriptionView
) -> Standing:
    """What is newer, what waits, and what could come back.

    Args:
        session: that reaches the tenant.
        above: that reaches publishers.
        scope: with the permission to read.
        subscription: the tenant's.
    """
    app_id = subscription.app
    taken = former_version(session, scope, app_id)
    back = taken.from_version if taken and may_run(above, app_id)(taken.from_version) else None
    waiting = open_upgrades(session, scope).get(app_id)
    return Standing(best_offer(session, above, scope, subscription), waiting, back)
