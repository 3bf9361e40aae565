"""The page of one enterprise: what holds, contacts, merges, and all that was ever said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.dialogs import comment, dialog
from tundish_dashboards.register.externalform import external_panel
from tundish_dashboards.register.words import county, field_value, industry, size_name
from tundish_dashboards.routes import Page, Route, find_route
from tundish_platform.programme.register.contacts import contacts_of
from tundish_platform.programme.register.fields import FIELDS
from tundish_platform.programme.register.merging import merges
from tundish_platform.programme.register.reading import entry_of, history_of, known_of
from tundish_platform.tenancy import AccessDenied, access_programme
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component
    from sqlalchemy.orm import Session

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_platform.programme.register.reading import RegisterEntry

_HISTORY: Final = 100


def enterprise_page(pages: Pages, path: str) -> Component:
    """The frame, with dialogs to edit and to merge.

    Raises:
        AccessDenied: the address names no enterprise of the register.
    """
    person = pages.person()
    access_programme(person.principal)
    t, body = person.t, entry_body(pages, person, uscc_of(path))
    day = dmc.TextInput(id="entry-valid", label=t("register.valid_from"), value="", size="xs")
    why = comment("entry-note", t("register.note"), 400, rows=2)
    merging = [
        html.P(t("register.merge_words"), className="muted"),
        dmc.TextInput(id="merge-kept", label=t("register.merge_into"), value="", size="xs"),
        *comment("merge-note", t("register.note"), 400, rows=2),
    ]
    return html.Div(
        [
            html.Div(body, id="entry-body"),
            dialog(
                "entry", t("register.save"), t("register.cancel"), [html.Div(id="entry-form"), day, *why]
            ),
            dialog("merge", t("register.merge"), t("register.cancel"), merging),
        ]
    )  # fmt: skip


def uscc_of(path: object) -> str:
    """The code that an address names.

    Raises:
        AccessDenied: it names none.
    """
    route = find_route(path) if isinstance(path, str) else None
    if route is None or route.page is not Page.ENTERPRISE:
        raise AccessDenied("no enterprise's address")
    return route.of


def entry_body(pages: Pages, person: Person, uscc: str, said: Component | None = None) -> list[Any]:
    """All of the page that changes.

    Raises:
        AccessDenied: no such code is on the register.
    """
    t = person.t
    with pages.context.metadata.session() as session:
        one = entry_of(session, uscc, known_of(session, utc_now()))
        if one is None:
            raise AccessDenied("no such enterprise")
        facts = _facts(person, one)
        lists = [external_panel(session, person, uscc), _contacts(session, person, one),
                 _merges(session, person, one), _history(session, person, one)]  # fmt: skip
    tag = html.Span(t("bureau.fictional"), className="tag") if one.demo else ""
    back = dcc.Link(t("register.title"), href=Route(Page.REGISTER).path)
    buttons = [
        dmc.Button(t("register.edit"), id="entry-edit", size="xs", disabled=one.merged_into is not None),
        dmc.Button(t("register.merge"), id="merge-open", size="xs", variant="default",
                   disabled=one.merged_into is not None),
    ]  # fmt: skip
    return [
        html.Div(
            [html.H1([t.of(one.name_zh, one.name_en), " ", tag]), html.Div(back, className="aside")],
            className="page-head",
        ),
        said,
        components.panel(t("register.now"), facts, aside=buttons),
        *lists,
    ]


def form(person: Person, one: RegisterEntry) -> list[Component]:
    """The fields as they are now, to be changed."""
    return [
        dmc.TextInput(
            id={"role": "entry-field", "name": name},
            label=person.t(f"register_field.{name}"),
            value=typed(one, name),
            size="xs",
        )
        for name in FIELDS
    ]


def typed(one: RegisterEntry, name: str) -> str:
    """A field as it would be typed; empty where nobody said anything."""
    value = getattr(one, name)
    if value is None or (name == "size" and not one.size_entered):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _facts(person: Person, one: RegisterEntry) -> list[Component]:
    t, formats = person.t, person.formats
    size = size_name(person, one.size) + ("" if one.size_entered or not one.size else t("register.computed"))
    shown: list[tuple[str, Any]] = [
        ("uscc", html.Span(one.uscc, className="code")), ("name_zh", one.name_zh), ("name_en", one.name_en),
        ("industry", industry(person, one.industry)), ("region", county(person, one.region)),
        ("park", one.park), ("size", size),
        ("staff", None if one.staff is None else formats.number(one.staff, 0)),
        ("revenue", None if one.revenue is None else formats.brief(one.revenue)),
        ("founded", one.founded and one.founded.isoformat()), ("hours_week", formats.brief(one.hours_week)),
        ("notes", one.notes),
    ]  # fmt: skip
    parts: list[Component] = [
        components.facts([(t(f"register_field.{name}"), value or "–") for name, value in shown])
    ]
    if one.merged_into:
        into = dcc.Link(one.merged_into, href=Route(Page.ENTERPRISE, of=one.merged_into).path)
        parts.insert(0, html.P([t("register.was_merged"), " ", into]))
    return parts


def _contacts(session: Session, person: Person, one: RegisterEntry) -> Component:
    t = person.t
    rows = []
    for contact in contacts_of(session, one.uscc):
        at = person.formats.moment(contact.entered_at)
        by = t("register.entered", by=contact.entered_by, at=at)
        facts = [contact.role, contact.phone, contact.mail, by]
        delete = {"role": "contact-delete", "number": contact.id}
        label = f"{t('register.delete')} {contact.name}"
        button = components.quiet(t("register.delete"), delete, label)
        rows.append(components.entry(contact.name, facts, [button]))
    fields = [
        dmc.TextInput(id=f"contact-{name}", label=t(f"register_field.contact_{name}"), value="", size="xs")
        for name in ("name", "role", "phone", "mail")
    ]
    listed = components.entries(rows) if rows else html.P(t("register.no_contacts"), className="muted")
    return components.panel(
        t("register.contacts"),
        [
            html.P(t("register.contacts_words"), className="muted"),
            listed,
            html.Div([*fields, dmc.Button(t("register.add"), id="contact-add", size="xs")], className="form"),
        ],
    )


def _merges(session: Session, person: Person, one: RegisterEntry) -> Component | None:
    t = person.t
    rows = []
    for merge in merges(session, uscc=one.uscc):
        stands = merge.undone_by is None
        words = t("register.merge_row", merged=merge.merged, kept=merge.kept)
        facts = [person.formats.moment(merge.at), merge.actor, merge.note,
                 "" if stands else t("register.undone")]  # fmt: skip
        undo = components.quiet(t("register.undo"), {"role": "merge-undo", "number": merge.id})
        rows.append(components.entry(words, facts, [undo] if stands else []))
    return components.panel(t("register.merges"), components.entries(rows)) if rows else None


def _history(session: Session, person: Person, one: RegisterEntry) -> Component:
    t, formats = person.t, person.formats
    rows = []
    for said in history_of(session, one.uscc, limit=_HISTORY):
        value = t("register.withdrawn") if said.withdrawn else field_value(person, said.field, said.value)
        shown = html.S(value, className="muted") if said.replaced else value
        known = _two(formats.moment(said.at), f"#{said.change}")
        by = _two(said.actor, f"{t(f'register_kind.{said.kind}')} {said.note}")
        what = _two(t(f"register_field.{said.field}"), "" if said.uscc == one.uscc else said.uscc)
        rows.append([what, shown, said.valid_from.isoformat(), known, by])
    head = [t("register.field"), t("register.value"), t("register_field.valid_from"),
            t("register.known_since"), t("register.said_by")]  # fmt: skip
    return components.panel(
        t("register.history"),
        [html.P(t("register.history_words"), className="muted"),
         components.table(head, rows, t("register.history"))],
    )  # fmt: skip


def _two(above: str, below: str) -> Component:
    return html.Div([html.Div(above), html.Div(below, className="muted small")])
