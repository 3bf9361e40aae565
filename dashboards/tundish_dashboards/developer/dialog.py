"""The question before an act, with a place for the reason; each page has one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import dcc, html

from tundish_dashboards import components

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.i18n import Texts


def question(t: Texts, page: str) -> list[Component]:
    """The dialog of a page, closed, with the wish it asks about, and the mark that something was done."""
    buttons = dmc.Group(
        [
            dmc.Button(t("developer.yes"), id=f"{page}-yes", size="sm"),
            dmc.Button(t("developer.no"), id=f"{page}-no", size="sm", variant="default"),
        ],
        mt="md",
    )
    reason = dmc.Textarea(id=f"{page}-reason", label=t("developer.reason"), value="")
    dialog = dmc.Modal(
        id=f"{page}-dialog",
        opened=False,
        title=html.Span(id=f"{page}-title"),
        closeButtonProps={"aria-label": t("developer.no")},
        children=[html.Div(id=f"{page}-words"), reason, buttons],
    )
    return [dialog, dcc.Store(id=f"{page}-wish"), dcc.Store(id=f"{page}-changed")]


def message(page: str) -> Component:
    """Where the page says what was done or refused."""
    announced: dict[str, Any] = components.announced()
    return html.Div(id=f"{page}-message", role="status", **announced)
