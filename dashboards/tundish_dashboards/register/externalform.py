"""The panel of external facts on an enterprise's page: what was entered, and the form for another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dash_mantine_components as dmc
from dash import html

from tundish_dashboards import components
from tundish_dashboards.bureau.external import external_table
from tundish_dashboards.routes import Page, Route
from tundish_platform.programme import enterprise_of
from tundish_platform.programme.external import MOST_BYTES, Kind, facts_of

if TYPE_CHECKING:
    from dash.development.base_component import Component
    from sqlalchemy.orm import Session

    from tundish_dashboards.callbacks import Person

FIELDS: Final = ("kind", "name", "number", "issuer", "issued_on", "valid_until")


def external_panel(session: Session, person: Person, uscc: str) -> Component:
    """The facts of the enterprise, and the form for another."""
    t = person.t
    enterprise = enterprise_of(session, uscc)
    found = [] if enterprise is None else facts_of(session, enterprise)
    shown = external_table(person, found, buttons=True)
    kinds = [{"value": kind.value, "label": t(f"external_kind.{kind.value}")} for kind in Kind]
    fields = [
        dmc.Select(id="external-kind", label=t("external.kind"), data=kinds, value=kinds[0]["value"],
                   allowDeselect=False, size="xs"),
        *(
            dmc.TextInput(id=f"external-{name}", label=t(f"external.{name}"), value="", size="xs")
            for name in FIELDS[1:]
        ),
        components.upload("external-file", t("external.choose"), ".pdf,.png,.jpg,.jpeg", MOST_BYTES),
        html.Span(id="external-chosen", className="muted"),
        dmc.Button(t("external.enter"), id="external-enter", size="xs"),
    ]  # fmt: skip
    why = dmc.TextInput(id="external-reason", label=t("external.reason"), value="", size="xs")
    export = html.A(
        t("external.export"), href=f"{Route(Page.REGISTER).path}/external.xlsx", className="button"
    )
    return components.panel(
        t("external.title"),
        [
            html.P(t("external.apart"), className="muted"),
            shown,
            # Callbacks read the field where nothing can be withdrawn, too.
            html.Div(html.Div(why, className="form"), hidden=not found),
            html.Div(fields, className="form"),
            html.Div(id="external-message", role="status", **components.announced()),
        ],
        aside=[export],
    )
