"""Layout and callbacks of the marketplace's page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.market.cards import app_card, grant_words
from tundish_dashboards.market.runs import run_history, screens
from tundish_dashboards.theme import Tone
from tundish_platform.assets import list_signals
from tundish_platform.marketplace import (
    MissingInputs,
    SubscriptionView,
    UnknownApp,
    compatibility,
    runs,
    stop,
    subscribe,
    subscriptions,
)
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.samples import SignalInfo

_SLOW_MS = 5000
_RUNS_SHOWN = 30


def market_page(pages: Pages, path: str) -> Component:
    """The frame of the page; its parts are filled and refreshed by callbacks."""
    view = pages.view(path)
    t = view.t
    return html.Div(
        [
            html.Div(
                [html.H1(t("market.title", tenant=view.name)), html.Div(t("market.line"), className="aside")],
                className="page-head",
            ),
            html.Div(id="market-message", role="status", **components.announced()),
            html.Div(_cards(view), id="market-cards", className="cards"),
            html.Div(style={"height": "12px"}),
            components.panel(t("market.screens"), html.Div(_screens(view), id="market-screens")),
            components.panel(t("market.runs"), html.Div(_history(view), id="market-runs")),
            dmc.Modal(
                id="market-confirm",
                opened=False,
                title=html.Span(id="market-confirm-what"),
                closeButtonProps={"aria-label": t("market.cancel")},
                children=[
                    html.Div(id="market-confirm-words"),
                    dmc.Group(
                        [
                            dmc.Button(t("market.confirm"), id="market-confirm-yes", size="sm"),
                            dmc.Button(
                                t("market.cancel"), id="market-confirm-no", size="sm", variant="default"
                            ),
                        ],
                        mt="md",
                    ),
                ],
            ),
            dcc.Store(id="market-wish"),
            dcc.Store(id="market-changed"),
            html.Div(id="refreshing", hidden=True),
            dcc.Interval(id="market-tick", interval=_SLOW_MS),
        ]
    )


def _signals(view: TenantView) -> list[SignalInfo]:
    with view.context.metadata.session() as session:
        return list_signals(session, view.scope)


def _active(view: TenantView) -> dict[str, SubscriptionView]:
    with view.context.metadata.session() as session:
        return {subscription.app: subscription for subscription in subscriptions(session, view.scope)}


def _cards(view: TenantView) -> list[Component]:
    known, active = _signals(view), _active(view)
    apps = view.context.catalogue.apps.values()
    if not apps:
        return [components.nothing(view.t("market.no_apps"), view.t("market.no_apps_then"))]
    return [
        *_stopped(view, active),
        *(
            app_card(view, app.manifest, compatibility(app.manifest, known), active.get(app.manifest.id))
            for app in apps
        ),
    ]


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
    """Refreshing the page, and subscribing or stopping after the grant was confirmed."""
    _register_refresh(pages)

    @pages.on_tenant(
        Output("market-confirm", "opened"),
        Output("market-confirm-what", "children"),
        Output("market-confirm-words", "children"),
        Output("market-wish", "data"),
        Input({"role": "subscribe", "app": ALL}, "n_clicks"),
        Input({"role": "stop", "app": ALL}, "n_clicks"),
        Input("market-confirm-no", "n_clicks"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def ask(view: TenantView, starts: object, stops: object, _no: object) -> tuple[Any, ...]:
        asked = wishes.asker()
        if not isinstance(asked, dict) or not _clicked(starts, stops):
            return False, no_update, no_update, None
        app_id = wishes.word(asked.get("app"), "the app")
        wish = {"app": app_id, "start": asked.get("role") == "subscribe"}
        title, words = _question(view, app_id, start=bool(wish["start"]))
        return True, title, words, wish

    @pages.on_tenant(
        Output("market-confirm", "opened", allow_duplicate=True),
        Output("market-message", "children"),
        Output("market-changed", "data"),
        Input("market-confirm-yes", "n_clicks"),
        State("market-wish", "data"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def act(view: TenantView, clicks: object, wish: object) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return False, no_update, no_update
        app_id = wishes.word(wish.get("app"), "the app")
        message = _start(view, app_id) if wish.get("start") else _stop(view, app_id)
        return False, message, clicks


def _register_refresh(pages: Pages) -> None:
    @pages.on_tenant(
        Output("market-cards", "children"),
        Output("market-screens", "children"),
        Output("market-runs", "children"),
        Output("beat", "data", allow_duplicate=True),
        Input("market-tick", "n_intervals"),
        Input("market-changed", "data"),
        initially=False,
    )
    def refresh(view: TenantView, ticks: object, changed: object) -> tuple[Any, ...]:
        return _cards(view), _screens(view), _history(view), f"{ticks}/{changed}"


def _clicked(*lists: object) -> bool:
    return any(bool(click) for clicks in lists if isinstance(clicks, list) for click in clicks)


def _question(view: TenantView, app_id: str, *, start: bool) -> tuple[str, object]:
    try:
        manifest = view.context.catalogue.app(app_id).manifest
    except UnknownApp:
        return view.t("market.unknown_app"), view.t("market.unknown_app_then")
    name = view.t.of(manifest.name.zh, manifest.name.en)
    if not start:
        return view.t("market.stop_title", app=name), view.t("market.stop_words")
    fit = compatibility(manifest, _signals(view))
    return view.t("market.subscribe_title", app=name), grant_words(view, manifest, fit)


def _start(view: TenantView, app_id: str) -> Component:
    t = view.t
    try:
        with view.context.metadata.session() as session:
            signals = list_signals(session, view.scope)
            made = subscribe(session, view.scope, view.context.catalogue, app_id, signals)
    except UnknownApp:
        return components.notice(Tone.BAD, t("market.unknown_app"), t("market.unknown_app_then"))
    except MissingInputs:
        return components.notice(Tone.BAD, t("market.lacks_inputs"), t("market.lacks_inputs_then"))
    manifest = view.context.catalogue.app(app_id).manifest
    name = t.of(manifest.name.zh, manifest.name.en)
    every = view.formats.span(timedelta(seconds=manifest.schedule_s))
    words = t("market.subscribed_words", n=len(made.signals), every=every)
    return components.notice(Tone.GOOD, t("market.subscribed_title", app=name), words)


def _stop(view: TenantView, app_id: str) -> Component:
    t = view.t
    with view.context.metadata.session() as session:
        stopped = stop(session, view.scope, app_id)
    app = view.context.catalogue.apps.get(app_id)
    name = t.of(app.manifest.name.zh, app.manifest.name.en) if app else app_id
    if not stopped:
        return components.notice(Tone.NOTICE, t("market.not_subscribed", app=name), "")
    return components.notice(Tone.GOOD, t("market.stopped_title", app=name), t("market.stopped_words"))
