"""External facts as they are shown: beside the evidence, never in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.programme import enterprise_of
from tundish_platform.programme.external import facts_of
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_platform.programme.series.models import ExternalFact


def external_list(pages: Pages, person: Person, uscc: str) -> Component:
    """The facts of an enterprise under a heading of their own, with the way to the form."""
    t = person.t
    with pages.context.metadata.session() as session:
        enterprise = enterprise_of(session, uscc)
        found = [] if enterprise is None else facts_of(session, enterprise)
        shown = external_table(person, found)
    link = dcc.Link(t("external.enter_here"), href=Route(Page.ENTERPRISE, of=uscc).path)
    return html.Div(
        [html.H3(t("external.title")), html.P(t("external.apart"), className="muted small"), shown, link]
    )


def external_table(person: Person, found: Sequence[ExternalFact], *, buttons: bool = False) -> Component:
    """A row for each fact, those withdrawn among them; with ``buttons`` each can be withdrawn."""
    t = person.t
    if not found:
        return components.nothing(t("external.none"), t("external.none_then"))
    head = [t(f"external.{name}") for name in ("what", "issued", "document", "entered", "state")]
    rows = [_row(person, one, buttons=buttons) for one in found]
    return components.table([*head, ""] if buttons else head, rows, t("external.title"))


def _row(person: Person, one: ExternalFact, *, buttons: bool) -> list[object]:
    t, formats = person.t, person.formats
    until = t("external.until", day=one.valid_until.isoformat()) if one.valid_until else t("external.no_end")
    path = f"{Route(Page.REGISTER).path}/external/{one.id}"
    row: list[object] = [
        html.Div([html.Div(t(f"external_kind.{one.kind}")), html.Div(f"{one.name} {one.number}".strip())]),
        html.Div(
            [html.Div(f"{one.issuer} · {one.issued_on.isoformat()}"), html.Div(until, className="muted")]
        ),
        html.A(one.file_name, href=path, title=one.digest),
        html.Div([html.Div(one.entered_by), html.Div(formats.moment(one.entered_at), className="muted")]),
        _state(person, one),
    ]
    if buttons:
        again = {"role": "external-withdraw", "number": one.id}
        label = t("external.withdraw_of", name=one.name)
        row.append("" if one.withdrawn_at else components.quiet(t("external.withdraw"), again, label))
    return row


def _state(person: Person, one: ExternalFact) -> Component:
    t = person.t
    if one.withdrawn_at is not None:
        words = t("external.withdrawn", by=one.withdrawn_by or "", why=one.withdrawn_because or "")
        return components.status(Tone.QUIET, words)
    ended = one.valid_until is not None and one.valid_until < utc_now().date()
    return components.status(
        Tone.NOTICE if ended else Tone.GOOD, t("external.expired" if ended else "external.in_force")
    )
