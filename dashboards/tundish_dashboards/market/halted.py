"""An app that the marketplace stopped because it failed again and again: why, and how to start it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.market.look import AppLook


def halted_panel(look: AppLook) -> Component | None:
    """Since when and why it stands still; the button asks in the subscription's own dialog."""
    halt, view = look.halt, look.view
    if halt is None:
        return None
    t = view.t
    since = t("app.halted_since", at=view.formats.moment(halt.since, seconds=False))
    body: list[Component] = [html.P(t.of(halt.reason_zh, halt.reason_en)), html.P(since, className="muted")]
    if view.may(Permission.SUBSCRIBE):
        wish = {"role": "life", "act": "restart", "of": 0}
        body.append(html.Div(components.quiet(t("life.restart"), wish), className="entry-buttons left"))
    status = components.status(Tone.BAD, t("app.halted"))
    return components.panel(t("app.halted_title"), body, id="app-halted", aside=status)
