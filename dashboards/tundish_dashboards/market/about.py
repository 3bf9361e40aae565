"""What an app is: its texts, its publisher, its subscription, and its method card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import html

from tundish_dashboards import components
from tundish_dashboards.market.cards import action, state, tags
from tundish_dashboards.market.methodcard import method_card

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.market.look import AppLook


def about_panel(look: AppLook) -> Component:
    """What it does, who made it, whether it is subscribed, and how it works."""
    view, manifest = look.view, look.app.manifest
    t = view.t
    card = look.app.card("zh" if t.of("zh", "en") == "zh" else "en")
    body = [
        html.P(t.of(manifest.description.zh, manifest.description.en)),
        html.Div(tags(view, manifest), className="tags"),
        html.Div(t("market.by", publisher=manifest.publisher, version=manifest.version), className="muted"),
        html.Div(action(view, manifest, look.choice.fit, look.subscription), className="app-act"),
        components.more(t("app.card"), method_card(card)) if card else None,
    ]
    return components.panel(t("app.about"), body, id="app-about", aside=state(view, look.subscription))
