"""Patches that come by themselves, to subscriptions that want them so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.marketplace.publishing.versions import manifest_of
from tundish_platform.marketplace.subscriptions import active_row, subscriptions
from tundish_platform.marketplace.upgrades.asking import begin
from tundish_platform.marketplace.upgrades.models import AppUpgrade
from tundish_platform.marketplace.upgrades.offering import is_patch, newer_versions, offer_of
from tundish_platform.marketplace.upgrades.states import Follow
from tundish_platform.marketplace.upgrades.views import open_upgrades
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.matching import Stock
    from tundish_platform.marketplace.subscriptions import SubscriptionView
    from tundish_platform.marketplace.upgrades.views import UpgradeView
    from tundish_platform.tenancy import TenantScope

BY = "marketplace"


def follow_patches(
    session: Session, above: Session, scope: TenantScope, stock: Stock, now: datetime
) -> list[UpgradeView]:
    """Begin the upgrade to the newest patch of each app whose subscription follows patches.

    A patch that would read more than was agreed to waits for a person; one that was tried, given up or
    returned from before is not tried again.

    Args:
        session: that reaches the tenant.
        above: that reaches publishers.
        scope: with the permission to analyse.
        stock: all signals of the tenant.
        now: the platform's clock.
    """
    scope.require(Permission.ANALYSE)
    scope.require_all_signals()
    waiting = open_upgrades(session, scope)
    begun = [
        _follow(session, above, scope, one, stock, now)
        for one in subscriptions(session, scope)
        if one.follow == Follow.PATCHES and one.app not in waiting
    ]
    return [one for one in begun if one is not None]


def _follow(
    session: Session, above: Session, scope: TenantScope, one: SubscriptionView, stock: Stock, now: datetime
) -> UpgradeView | None:
    running = manifest_of(above, one.app, one.version)
    tried = select(AppUpgrade.to_version).where(
        AppUpgrade.tenant_id == scope.tenant_id, AppUpgrade.subscription_id == one.id
    )
    before = set(session.scalars(tried))
    newer = newer_versions(above, one.app, one.version)
    patches = [new for new in newer if is_patch(new.version, one.version)]
    if running is None or not patches or patches[0].version in before:
        return None
    offer = offer_of(running, patches[0], one, stock)
    if not offer.silent:
        return None
    return begin(session, scope, active_row(session, scope, one.app), offer, BY, now, automatic=True)
