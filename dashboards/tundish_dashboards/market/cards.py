"""An app as a card of the catalogue, and the words of the grant that a subscription gives."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import dash_mantine_components as dmc
from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.market.rating import card_words
from tundish_dashboards.money.amounts import plan_words, price_words
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.marketplace import Compatibility, Manifest, SubscriptionView
    from tundish_platform.ratings import Rating


def app_card(
    view: TenantView,
    manifest: Manifest,
    fit: Compatibility,
    subscription: SubscriptionView | None,
    rating: Rating | None = None,
) -> Component:
    """What the app does, whether it would find its inputs here, what it does with the data, and its price."""
    t = view.t
    name = t.of(manifest.name.zh, manifest.name.en)
    page = Route(Page.APP, view.scope.slug, manifest.id).path
    return html.Article(
        [
            html.Div([html.H2(dcc.Link(name, href=page)), state(view, subscription)]),
            html.Div(t("market.by", publisher=manifest.publisher, version=manifest.version), className="who"),
            html.Div(tags(view, manifest), className="tags"),
            html.P(t.of(manifest.description.zh, manifest.description.en)),
            card_words(view, rating),
            html.Div(inputs(view, manifest, fit)),
            components.more(t("market.data_use"), html.P(t.of(manifest.data_use.zh, manifest.data_use.en))),
            html.Div(
                [
                    action(view, manifest, fit, subscription),
                    html.Span(price(view, manifest), className="who"),
                ],
                className="act",
            ),
        ],
        className="card subscribed" if subscription else "card",
        id=f"app-{manifest.id}",
    )


def tags(view: TenantView, manifest: Manifest) -> list[Component]:
    """What the app helps with."""
    return [
        html.Span(view.t.maybe(f"problem.{problem}", problem), className="tag")
        for problem in manifest.problems
    ]


def price(view: TenantView, manifest: Manifest) -> str:
    """The ways to pay in words."""
    offers = manifest.offers
    if len(offers) == 1 and not offers[0].trial_days:
        return price_words(view.t, view.formats, offers[0].kind, offers[0].fen)
    return "; ".join(plan_words(view.t, view.formats, plan) for plan in offers)


def grant_words(view: TenantView, manifest: Manifest, fit: Compatibility) -> Component:
    """What subscribing allows: which signals, how often, what happens with the data, at which price."""
    t = view.t
    names = [
        html.Li([t.of(s.name_zh, s.name_en), " ", html.Span(s.path, className="code muted")])
        for s in fit.signals
    ]
    every = view.formats.span(timedelta(seconds=manifest.schedule_s))
    window = view.formats.span(timedelta(seconds=manifest.window_s))
    return html.Div(
        [
            html.P(t("market.grant", n=len(fit.signals), every=every, window=window)),
            components.more(t("market.grant_list", n=len(fit.signals)), html.Ul(names)),
            html.P(t.of(manifest.data_use.zh, manifest.data_use.en), className="muted"),
            # Where there are several plans, the choice below says each.
            html.P(price(view, manifest)) if len(manifest.offers) == 1 else None,
        ]
    )


def state(view: TenantView, subscription: SubscriptionView | None) -> Component | None:
    """Since when it is subscribed; nothing where it is not."""
    if subscription is None:
        return None
    since = view.formats.moment(subscription.started_at, seconds=False)
    return components.status(Tone.GOOD, view.t("market.subscribed_since", since=since))


def inputs(view: TenantView, manifest: Manifest, fit: Compatibility) -> list[Component]:
    """How many inputs were found, and which."""
    t = view.t
    if not manifest.inputs:
        return [components.status(Tone.GOOD, t("market.no_inputs"))]
    tone = Tone.GOOD if fit.usable else Tone.BAD
    head = t("market.inputs", found=len(fit.found), all=len(manifest.inputs))
    items = []
    for wanted in manifest.inputs:
        found = wanted.key in fit.found
        lacks = Tone.BAD if wanted.key in fit.missing else Tone.QUIET
        state = t("market.found") if found else t("market.absent")
        name = t.of(wanted.name.zh, wanted.name.en)
        need = t(f"need.{wanted.need}")
        items.append(
            html.Li(
                [
                    components.status(Tone.GOOD if found else lacks, state),
                    html.Span(name),
                    html.Span(need, className="muted"),
                ]
            )
        )
    return [
        components.status(tone, head),
        components.more(t("market.input_list"), html.Ul(items, className="inputs")),
    ]


def action(
    view: TenantView, manifest: Manifest, fit: Compatibility, subscription: SubscriptionView | None
) -> Component:
    """The button that subscribes or stops, or why there is none."""
    t = view.t
    name = t.of(manifest.name.zh, manifest.name.en)
    if not view.may(Permission.SUBSCRIBE):
        return html.Span(t("market.may_not"), className="muted")
    act = "subscribe" if subscription is None else "stop"
    button: Component = dmc.Button(
        t(f"market.{act}"),
        id={"role": act, "app": manifest.id},
        size="xs",
        variant="filled" if subscription is None else "default",
        disabled=subscription is None and not fit.usable,
        **components.labelled(t(f"market.{act}_label", app=name)),
    )
    return button
