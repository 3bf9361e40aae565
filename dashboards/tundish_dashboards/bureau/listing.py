"""The list of enterprises, a page at a time, which says how many there are in all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.bureau.figures import enterprise_table
from tundish_platform.api.adoption import current_adoption, enterprise_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person

MOST_LISTED: Final = 50
_USCC: Final = 18
_MOST: Final = 10**7


def enterprise_box() -> Component:
    """The list and where it stands."""
    return html.Div([html.Div(id="bureau-enterprises"), dcc.Store(id="bureau-page")])


def register_listing(pages: Pages, version: Callable[[object], str]) -> None:
    """Turning the pages; the page that is open is kept fresh."""

    @pages.on_programme(
        Output("bureau-page", "data"),
        Input({"role": "enterprise-page", "uscc": ALL, "number": ALL}, "n_clicks"),
        initially=False,
    )
    def turn(_person: Person, _clicks: object) -> object:
        if not (asked := wishes.click()):
            return no_update
        return {"uscc": asked.get("uscc"), "number": asked.get("number")}

    @pages.on_programme(
        Output("bureau-enterprises", "children"),
        Input("bureau-tick", "n_intervals"),
        Input("bureau-rule", "value"),
        Input("bureau-page", "data"),
        State("bureau-page", "data"),
    )
    def show(person: Person, _tick: object, rule: object, page: object, _kept: object) -> Component:
        kept: dict[str, Any] = page if isinstance(page, dict) else {}
        after = wishes.word(kept.get("uscc"), "the enterprise", _USCC)
        before = wishes.whole(kept.get("number"), "the page", 0, _MOST, 0)
        return listing(pages, person, version(rule), after, before)


def listing(pages: Pages, person: Person, version: str, after: str, before: int) -> Component:
    """A page of the list.

    Args:
        pages: what callbacks have.
        person: who looks.
        version: of the rules.
        after: code of the last enterprise of the page before.
        before: how many were on the pages before.
    """
    t, number = person.t, person.formats.number
    counted = current_adoption(pages.context, person.principal, version)
    found = enterprise_list(pages.context, person.principal, version, after=after, limit=MOST_LISTED + 1)
    shown = found[:MOST_LISTED]
    last = before + len(shown)
    ways = []
    if after:
        ways.append(components.quiet(t("bureau.first"), {"role": "enterprise-page", "uscc": "", "number": 0}))
    if len(found) > MOST_LISTED:
        following = {"role": "enterprise-page", "uscc": shown[-1]["uscc"], "number": last}
        ways.append(components.quiet(t("bureau.next"), following))
    where = t(
        "bureau.listed", first=number(before + 1, 0), last=number(last, 0),
        all=number(counted.enterprises, 0),
    )  # fmt: skip
    parts = [enterprise_table(person, counted, shown)]
    if shown:
        parts.append(html.P(where, className="muted small", id="bureau-listed"))
    return html.Div([*parts, html.Div(ways, className="entry-buttons left")])
