"""Layout and callbacks of the marketplace's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Input, Output, dcc, html

from tundish_dashboards import components
from tundish_dashboards.market.asking import asking, changed_on, register_asking
from tundish_dashboards.market.cards import app_card
from tundish_dashboards.market.filters import FIELDS, filters, wish_of
from tundish_dashboards.market.rating import ratings_of
from tundish_dashboards.market.runs import run_history, screens
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.assets import list_signals
from tundish_platform.marketplace import SubscriptionView, choice_for, runs, subscriptions
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.marketplace.search import Order, Wish, search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

_SLOW_MS = 5000
# What an app would find changes when a source is connected, not from one second to the next.
_SLOWER_MS = 30_000
_RUNS_SHOWN = 30


def market_page(pages: Pages, path: str) -> Component:
    """The frame of the page; its parts are filled and refreshed by callbacks."""
    view = pages.view(path)
    t = view.t
    trials = dcc.Link(t("trials.link"), href=Route(Page.TRIALS, view.scope.slug).path)
    return html.Div(
        [
            html.Div(
                [
                    html.H1(t("market.title", tenant=view.name)),
                    html.Div([t("market.line"), " ", trials], className="aside"),
                ],
                className="page-head",
            ),
            *asking(view, Page.MARKET),
            filters(view),
            html.Div(_cards(view, Wish(order=Order.FIT))[0], id="market-cards", className="cards"),
            html.Div(style={"height": "12px"}),
            components.panel(t("market.screens"), html.Div(_screens(view), id="market-screens")),
            components.panel(t("market.runs"), html.Div(_history(view), id="market-runs")),
            html.Div(id="refreshing", hidden=True),
            dcc.Interval(id="market-tick", interval=_SLOW_MS),
            dcc.Interval(id="market-slow", interval=_SLOWER_MS),
        ]
    )


def _active(view: TenantView) -> dict[str, SubscriptionView]:
    with view.context.metadata.session() as session:
        return {subscription.app: subscription for subscription in subscriptions(session, view.scope)}


def _cards(view: TenantView, wish: Wish) -> tuple[list[Component], str]:
    """The apps that are wished for, and how many that are."""
    t, active = view.t, _active(view)
    apps = view.context.catalogue.apps
    if not apps:
        return [components.nothing(t("market.no_apps"), t("market.no_apps_then"))], ""
    with view.context.metadata.session() as session:
        stock = stock_of(list_signals(session, view.scope))
        fits = {name: choice_for(session, view.scope, app.manifest, stock).fit for name, app in apps.items()}
    found = search(apps.values(), wish, fits)
    rated = ratings_of(view)
    shown = [
        app_card(
            view, app.manifest, fits[app.manifest.id], active.get(app.manifest.id), rated.get(app.manifest.id)
        )
        for app in found
    ]
    if not found:
        shown = [components.nothing(t("market.none_found"), t("market.none_found_then"))]
    return [*_stopped(view, active), *shown], t("market.count", n=len(found), all=len(apps))


def _stopped(view: TenantView, active: Mapping[str, SubscriptionView]) -> list[Component]:
    """Apps that the marketplace stopped and nobody has subscribed to since, with the reason."""
    with view.context.metadata.session() as session:
        ended = subscriptions(session, view.scope, stopped=True)
    newest = {one.app: one for one in reversed(ended)}
    return [
        components.notice(
            Tone.BAD,
            view.t("market.stopped_by_market", app=one.app, at=view.formats.moment(one.stopped_at)),
            one.stopped_because,
        )
        for app_id, one in newest.items()
        if one.stopped_because and one.stopped_at and app_id not in active
    ]


def _history(view: TenantView) -> Component:
    with view.context.metadata.session() as session:
        found = runs(session, view.scope, limit=_RUNS_SHOWN)
    return run_history(view, found)


def _screens(view: TenantView) -> list[Component]:
    active = _active(view)
    newest = []
    with view.context.metadata.session() as session:
        for app_id in active:
            shown = [run for run in runs(session, view.scope, app_id, limit=10) if run.screen is not None]
            newest += shown[:1]
    return screens(view, newest, subscribed=bool(active))


def register_market(pages: Pages) -> None:
    """Looking through the catalogue, refreshing the page, and the dialog that asks."""
    register_asking(pages)

    @pages.on_tenant(
        Output("market-cards", "children"),
        Output("market-count", "children"),
        Input("market-slow", "n_intervals"),
        Input(changed_on(Page.MARKET), "data"),
        *(Input(field, "value") for field in FIELDS),
    )
    def look(view: TenantView, _ticks: object, _changed: object, *fields: object) -> tuple[Any, ...]:
        return _cards(view, wish_of(*fields))

    @pages.on_tenant(
        Output("market-screens", "children"),
        Output("market-runs", "children"),
        Output("beat", "data", allow_duplicate=True),
        Input("market-tick", "n_intervals"),
        Input(changed_on(Page.MARKET), "data"),
        initially=False,
    )
    def refresh(view: TenantView, ticks: object, changed: object) -> tuple[Any, ...]:
        return _screens(view), _history(view), f"{ticks}/{changed}"
