"""The dialog that asks before a tenant subscribes or stops; the market's page and each app's page have it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.market.cards import grant_words
from tundish_dashboards.money.amounts import plan_words
from tundish_dashboards.theme import Tone
from tundish_platform.assets import list_signals
from tundish_platform.marketplace import (
    MissingInputs,
    UnknownApp,
    UnknownPlan,
    choice_for,
    stop,
    subscribe,
)
from tundish_platform.marketplace.matching import stock_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.routes import Page


# Longest key of a plan that a manifest may have.
_PLAN_KEY: Final = 20


def changed_on(page: Page) -> dict[str, str]:
    """Id of the store by which a page's own callbacks hear that something changed.

    A callback must find all its inputs on the page, so those of different pages cannot share one.
    """
    return {"role": "market-changed", "page": page.value}


def asking(view: TenantView, page: Page) -> list[Component]:
    """The place for messages, the closed dialog, and what it remembers.

    Whatever else changes something sets ``market-changed``; it is passed on to the page.
    """
    t = view.t
    buttons = [
        dmc.Button(t("market.confirm"), id="market-confirm-yes", size="sm"),
        dmc.Button(t("market.cancel"), id="market-confirm-no", size="sm", variant="default"),
    ]
    return [
        html.Div(id="market-message", role="status", **components.announced()),
        dmc.Modal(
            id="market-confirm",
            opened=False,
            title=html.Span(id="market-confirm-what"),
            closeButtonProps={"aria-label": t("market.cancel")},
            children=[
                html.Div(id="market-confirm-words"),
                components.select("market-plan", t("market.plan"), [], None),
                dmc.Group(buttons, mt="md"),
            ],
        ),
        dcc.Store(id="market-wish"),
        dcc.Store(id="market-changed"),
        dcc.Store(id=changed_on(page)),
    ]


def register_asking(pages: Pages) -> None:
    """Subscribing or stopping after the grant was confirmed."""
    told = Output({"role": "market-changed", "page": ALL}, "data")
    pages.in_browser("passOn", told, Input("market-changed", "data"), initially=False)

    @pages.on_tenant(
        Output("market-confirm", "opened"),
        Output("market-confirm-what", "children"),
        Output("market-confirm-words", "children"),
        Output("market-plan", "data"),
        Output("market-plan", "value"),
        Output("market-plan", "display"),
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
            # Buttons that a refresh made anew ask without a click; they must not close an open dialog.
            left = asked == "market-confirm-no"
            return False if left else no_update, *(no_update,) * 5, None if left else no_update
        app_id = wishes.word(asked.get("app"), "the app")
        wish = {"app": app_id, "start": asked.get("role") == "subscribe"}
        title, words = _question(view, app_id, start=bool(wish["start"]))
        plans = _plans(view, app_id) if wish["start"] else []
        shown = "block" if len(plans) > 1 else "none"
        return True, title, words, plans, plans[0]["value"] if plans else None, shown, wish

    @pages.on_tenant(
        Output("market-confirm", "opened", allow_duplicate=True),
        Output("market-message", "children"),
        Output("market-changed", "data"),
        Input("market-confirm-yes", "n_clicks"),
        State("market-wish", "data"),
        State("market-plan", "value"),
        initially=False,
        permission=Permission.SUBSCRIBE,
    )
    def act(view: TenantView, clicks: object, wish: object, plan: object) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return False, no_update, no_update
        app_id = wishes.word(wish.get("app"), "the app")
        if wish.get("start"):
            message = _start(view, app_id, wishes.word(plan, "the plan", _PLAN_KEY) or None)
        else:
            message = _stop(view, app_id)
        return False, message, clicks


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
    with view.context.metadata.session() as session:
        stock = stock_of(list_signals(session, view.scope))
        choice = choice_for(session, view.scope, manifest, stock)
    return view.t("market.subscribe_title", app=name), grant_words(view, manifest, choice.fit)


def _plans(view: TenantView, app_id: str) -> list[dict[str, str]]:
    app = view.context.catalogue.apps.get(app_id)
    offers = app.manifest.offers if app else ()
    return [{"value": plan.key, "label": plan_words(view.t, view.formats, plan)} for plan in offers]


def _start(view: TenantView, app_id: str, plan: str | None) -> Component:
    t = view.t
    try:
        with view.context.metadata.session() as session:
            signals = list_signals(session, view.scope)
            made = subscribe(session, view.scope, view.context.catalogue, app_id, signals, plan=plan)
    except UnknownApp:
        return components.notice(Tone.BAD, t("market.unknown_app"), t("market.unknown_app_then"))
    except UnknownPlan:
        return components.notice(Tone.BAD, t("life.changed_meanwhile"), t("life.changed_then"))
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
