"""Opening the evidence of one enterprise: for a reason that the enterprise reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.bureau.evidence import evidence_panel
from tundish_dashboards.bureau.external import external_list
from tundish_dashboards.dialogs import comment
from tundish_dashboards.theme import Tone
from tundish_platform.api.adoption import MOST_REASON, NoReason, UnknownEnterprise, enterprise_evidence

if TYPE_CHECKING:
    from collections.abc import Callable

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person

_USCC = 18


def evidence_box(person: Person) -> Component:
    """Where the reason is given, and what it opens."""
    t = person.t
    return html.Div(
        [
            html.Div(
                [
                    *comment("evidence-reason", t("evidence.reason"), MOST_REASON, rows=2),
                    html.P(t("evidence.reason_words"), className="muted small"),
                    dmc.Button(t("evidence.open"), id="evidence-open", size="xs"),
                ],
                id="evidence-ask",
                hidden=True,
            ),
            html.Div(_nothing_chosen(person), id="bureau-evidence"),
            dcc.Store(id="bureau-chosen"),
        ]
    )


def register_opening(pages: Pages, version: Callable[[object], str]) -> None:
    """Choosing an enterprise, and opening it."""

    @pages.on_programme(
        Output("bureau-chosen", "data"),
        Output("evidence-ask", "hidden"),
        Output("evidence-reason", "value"),
        Input({"role": "enterprise", "uscc": ALL}, "n_clicks"),
        initially=False,
    )
    def choose(_person: Person, _clicks: object) -> tuple[object, object, object]:
        asked = wishes.click()
        if not asked:
            return no_update, no_update, no_update
        # Each opening has a reason of its own.
        return wishes.word(asked.get("uscc"), "the enterprise", _USCC), False, ""

    @pages.on_programme(
        Output("bureau-evidence", "children"),
        Input("bureau-chosen", "data"),
        Input("bureau-rule", "value"),
        Input("evidence-open", "n_clicks"),
        State("evidence-reason", "value"),
        initially=False,
    )
    def show(person: Person, chosen: object, rule: object, clicks: object, reason: object) -> Component:
        uscc = wishes.word(chosen, "the enterprise", _USCC)
        if not uscc:
            return _nothing_chosen(person)
        # Another enterprise or rule is another opening, which has to be asked for.
        if wishes.asker() != "evidence-open" or not clicks:
            return components.nothing(
                person.t("evidence.chosen", uscc=uscc), person.t("evidence.chosen_then")
            )
        return opened(pages, person, uscc, wishes.word(reason, "the reason", MOST_REASON), version(rule))


def opened(pages: Pages, person: Person, uscc: str, reason: str, version: str) -> Component:
    """The evidence, beside it what was entered by hand; or why it is not opened."""
    t = person.t
    try:
        found = enterprise_evidence(pages.context, person.principal, uscc, reason, version)
    except NoReason:
        return components.notice(Tone.BAD, t("evidence.no_reason"), t("evidence.no_reason_then"))
    except UnknownEnterprise:
        return components.nothing(t("bureau.no_evidence"), t("bureau.no_evidence_then"))
    return html.Div([evidence_panel(person, found), external_list(pages, person, uscc)])


def _nothing_chosen(person: Person) -> Component:
    return components.nothing(person.t("bureau.choose"), person.t("bureau.choose_then"))
