"""What a subscriber agrees to: the use of data, how often the app runs, and its price."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tundish_dashboards import components
from tundish_dashboards.market.cards import price

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.market.look import AppLook


def terms_panel(look: AppLook) -> Component:
    """Data use, rhythm, limits and price."""
    view, manifest = look.view, look.app.manifest
    t, formats = view.t, view.formats
    every = formats.span(timedelta(seconds=manifest.schedule_s))
    window = formats.span(timedelta(seconds=manifest.window_s))
    limits = manifest.resources
    facts = [
        (t("market.data_use"), t.of(manifest.data_use.zh, manifest.data_use.en)),
        (t("app.rhythm"), t("app.rhythm_words", every=every, window=window)),
        (t("app.limits"), t("app.limits_words", seconds=f"{limits.seconds:g}", memory=limits.memory_mb)),
        (t("app.price"), price(view, manifest)),
    ]
    return components.panel(t("app.terms"), components.facts(facts), id="app-terms")
