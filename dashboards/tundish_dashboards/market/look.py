"""What the panels of an app's page are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tundish_platform.assets import list_signals
from tundish_platform.marketplace import choice_for, confirmed, halt_of, running_app, subscriptions
from tundish_platform.marketplace.matching import stock_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.marketplace import App, Choice, Confirmed, Halt, SubscriptionView
    from tundish_platform.marketplace.matching import Stock


@dataclass(frozen=True, slots=True)
class AppLook:
    """One person's look at one app from one tenant, read once for all panels.

    Attributes:
        app: in the version that is subscribed to; in its newest one without a subscription.
        newest: version on the shelf.
        stock: all signals of the tenant that the person may see.
        choice: what a subscription would be granted of them, or is.
        confirmed: what a person confirmed as the app's inputs.
        subscription: the active one, if there is one.
        halt: why its app stands still, if it does.
    """

    view: TenantView
    app: App
    newest: App
    stock: Stock
    choice: Choice
    confirmed: Sequence[Confirmed]
    subscription: SubscriptionView | None
    halt: Halt | None


def look_at(view: TenantView) -> AppLook:
    """The look at the app that the page's address names.

    Raises:
        UnknownApp: the catalogue has none of that name.
    """
    newest = view.context.catalogue.app(view.app)
    with view.context.metadata.session() as session:
        app = running_app(session, view.scope, view.context.catalogue, view.app)
        stock = stock_of(list_signals(session, view.scope))
        choice = choice_for(session, view.scope, app.manifest, stock)
        chosen = confirmed(session, view.scope, view.app)
        active = {one.app: one for one in subscriptions(session, view.scope)}
        halt = halt_of(session, view.scope, view.app) if view.app in active else None
    return AppLook(view, app, newest, stock, choice, chosen, active.get(view.app), halt)
