"""An app as a card of the catalogue, and the words of the grant that a subscription gives."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import dash_mantine_components as dmc
from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.marketplace import Compatibility, Manifest, SubscriptionView

_FEN = 100


def app_card(
    view: TenantView, manifest: Manifest, fit: Compatibility, subscription: SubscriptionView | None
) -> Component:
    """What the app does, whether it would find its inputs here, what it does with the data, and its price."""
    t = view.t
    tags = [
        html.Span(t.maybe(f"problem.{problem}", problem), className="tag") for problem in manifest.problems
    ]
    return html.Article(
        [
            html.Div([html.H2(t.of(manifest.name.zh, manifest.name.en)), _state(view, subscription)]),
            html.Div(t("market.by", publisher=manifest.publisher, version=manifest.version), className="who"),
            html.Div(tags, className="tags"),
            html.P(t.of(manifest.description.zh, manifest.description.en)),
            html.Div(_inputs(view, manifest, fit)),
            components.more(t("market.data_use"), html.P(t.of(manifest.data_use.zh, manifest.data_use.en))),
            html.Div(
                [
                    _action(view, manifest, fit, subscription),
                    html.Span(price(view, manifest), className="who"),
                ],
                className="act",
            ),
        ],
        className="card subscribed" if subscription else "card",
        id=f"app-{manifest.id}",
    )


def price(view: TenantView, manifest: Manifest) -> str:
    """The price plan in words."""
    amount = view.formats.number(manifest.price.fen_per_month / _FEN, 2)
    return view.t(f"price.{manifest.price.plan}", amount=amount)


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
            html.P(price(view, manifest)),
        ]
    )


def _state(view: TenantView, subscription: SubscriptionView | None) -> Component | None:
    if subscription is None:
        return None
    since = view.formats.moment(subscription.started_at, seconds=False)
    return components.status(Tone.GOOD, view.t("market.subscribed_since", since=since))


def _inputs(view: TenantView, manifest: Manifest, fit: Compatibility) -> list[Component]:
    t = view.t
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


def _action(
    view: TenantView, manifest: Manifest, fit: Compatibility, subscription: SubscriptionView | None
) -> Component:
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
