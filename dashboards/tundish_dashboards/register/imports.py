"""The page of an import: row by row what a file would do, and the button by which a person lets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.callbacks import LOCATION
from tundish_dashboards.register.words import field_value, refusal
from tundish_dashboards.routes import Page, Route, find_route
from tundish_dashboards.theme import Tone
from tundish_platform.programme.register.changes import RegisterRefused
from tundish_platform.programme.register.imports import State as Stage
from tundish_platform.programme.register.imports import confirm_import, drop_import, preview_of
from tundish_platform.programme.register.plans import Does
from tundish_platform.tenancy import AccessDenied, access_programme
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_platform.programme.register.imports import Preview
    from tundish_platform.programme.register.plans import Fault, Planned

_ROWS: Final = 300
_TONES: Final = {
    Does.NEW: Tone.GOOD, Does.CHANGED: Tone.NOTICE, Does.KEPT: Tone.QUIET, Does.WRONG: Tone.BAD,
}  # fmt: skip


def import_page(pages: Pages, path: str) -> Component:
    """What the file would do as the register stands now.

    Raises:
        AccessDenied: no such import waits.
    """
    person = pages.person()
    access_programme(person.principal)
    try:
        with pages.context.metadata.session() as session:
            found = preview_of(session, _number(path), utc_now())
    except RegisterRefused:
        raise AccessDenied("no such import") from None
    return html.Div(_body(person, found), id="import-body")


def register_imports(pages: Pages) -> None:
    """Confirming and dropping."""

    @pages.on_programme(
        Output("import-body", "children"),
        Input("import-confirm", "n_clicks"),
        Input("import-drop", "n_clicks"),
        State("import-skip", "checked"),
        State("import-digest", "data"),
        State(LOCATION, "pathname"),
        initially=False,
    )
    def act(person: Person, confirms: object, drops: object, *said: object) -> object:
        skip, digest, path = said
        number, asked = _number(path), wishes.asker()
        try:
            with pages.context.metadata.session() as session:
                if asked == "import-confirm" and confirms:
                    seen = wishes.word(digest, "the preview", 64)
                    confirm_import(session, person.principal.name, number, seen, utc_now(),
                                   skip_wrong=skip is True)  # fmt: skip
                elif asked == "import-drop" and drops:
                    drop_import(session, number, utc_now())
                else:
                    return no_update
        except RegisterRefused as error:
            return _again(pages, person, number, refusal(person, error))
        words = person.t("register.done" if asked == "import-confirm" else "register.dropped")
        return [components.done(words), dcc.Link(person.t("register.title"), href=Route(Page.REGISTER).path)]


def _number(path: object) -> int:
    route = find_route(path) if isinstance(path, str) else None
    if route is None or route.page is not Page.REGISTER_IMPORT:
        raise AccessDenied("no import's address")
    return int(route.of)


def _again(pages: Pages, person: Person, number: int, said: Component) -> list[Any]:
    """The preview anew, below why it was refused."""
    try:
        with pages.context.metadata.session() as session:
            return [said, *_body(person, preview_of(session, number, utc_now()))]
    except RegisterRefused:
        return [said]


def _body(person: Person, found: Preview) -> list[Any]:
    t, formats = person.t, person.formats
    waits = found.state is Stage.WAITING
    counts = [(does, getattr(found, does)) for does in Does]
    shown = [one for one in found.rows if one.does is not Does.KEPT or one.remarks]
    shown.sort(key=lambda one: (one.does is not Does.WRONG, one.row))
    head = [t(f"register.{name}") for name in ("row", "enterprise", "does", "difference")]
    rows = [_row(person, one) for one in shown[:_ROWS]]
    changes = found.new + found.changed
    return [
        html.Div(
            [html.H1(t("register.preview_title", name=found.file_name or f"#{found.id}")),
             html.Div(dcc.Link(t("register.title"), href=Route(Page.REGISTER).path), className="aside")],
            className="page-head",
        ),
        components.figures(
            [components.figure(t(f"register_does.{does}"), formats.number(count, 0),
                               tone=Tone.BAD if does is Does.WRONG and count else None)
             for does, count in counts]
        ),
        components.notice(Tone.NOTICE, t("register.nothing_written"),
                          t("register.until", at=formats.moment(found.expires_at))) if waits
        else components.done(t("register.imported", change=found.change)),
        dcc.Store(id="import-digest", data=found.digest),
        html.Div(
            [
                dmc.Button(t("register.confirm"), id="import-confirm", size="sm",
                           disabled=not waits or not changes),
                dmc.Checkbox(id="import-skip", label=t("register.skip_wrong"), checked=False,
                             disabled=not found.wrong),
                dmc.Button(t("register.drop"), id="import-drop", size="sm", variant="default",
                           disabled=not waits),
            ],
            className="entry-buttons left",
        ),
        components.panel(
            t("register.rows"),
            components.table(head, rows, t("register.rows")) if rows
            else components.nothing(t("register.no_changes"), t("register.no_changes_then")),
            aside=t("register.first_rows", n=_ROWS) if len(shown) > _ROWS else None,
        ),
    ]  # fmt: skip


def _row(person: Person, one: Planned) -> list[object]:
    t = person.t
    told: list[Any] = [_fault(person, fault) for fault in one.faults]
    told += [html.Div(t.of(remark.zh, remark.en), className="muted") for remark in one.remarks]
    for part in one.fields:
        new = t("register.new_value", field=t(f"register_field.{part.field}"),
                new=field_value(person, part.field, part.new))  # fmt: skip
        was = "" if one.does is Does.NEW else t("register.was", old=field_value(person, part.field, part.old))
        told.append(html.Div([new, html.Span(was, className="muted")]))
    if one.contact is not None:
        told.append(html.Div(t("register.new_contact", name=one.contact.name)))
    return [
        str(one.row),
        html.Div([html.Div(one.name), html.Div(one.uscc, className="code muted")]),
        components.status(_TONES[one.does], t(f"register_does.{one.does}")),
        html.Div(told),
    ]


def _fault(person: Person, fault: Fault) -> Component:
    t, why = person.t, person.t.of(fault.zh, fault.en)
    return html.Div(t("register.wrong_field", field=t(f"register_field.{fault.column}"), why=why))
