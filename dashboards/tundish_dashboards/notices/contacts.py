"""Where people can be reached, on the alarm settings' page, and which policies tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, dcc, html, no_update
from pydantic import ValidationError

from tundish_dashboards import components, wishes
from tundish_dashboards.notices.editor import Editor, Opened, register_editor
from tundish_dashboards.notices.fields import framed, invalid, text
from tundish_dashboards.theme import Tone
from tundish_platform.alarms.notify import (
    ContactSpec,
    UnknownPerson,
    find_contact,
    list_contacts,
    list_policies,
    set_contact,
)
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.alarms.notify import Contact

SHOWN: Final = 50
_TYPING_MS: Final = 300


def contacts_panel(view: TenantView) -> Component:
    """The part of the page."""
    search = dmc.TextInput(
        id="contact-search",
        label=view.t("contacts.search"),
        value="",
        debounce=_TYPING_MS,
        autoComplete="off",
    )
    parts = [
        html.P(view.t("contacts.words"), className="muted"),
        html.Div(search, className="form form-narrow"),
        html.Div(id="contact-message", **components.announced()),
        html.Div(id="contact-form"),
        html.Div(contact_list(view), id="alarm-contacts"),
        dcc.Store(id="contact-wish"),
        dcc.Store(id="contact-after"),
    ]
    return components.panel(view.t("contacts.title"), parts)


def contact_list(view: TenantView, search: str = "", after: int = 0) -> Component:
    """A page of those who can be reached, or of all whose name holds the search."""
    t = view.t
    with view.context.metadata.session() as session:
        found = list_contacts(session, view.scope, search=search, after=after, limit=SHOWN + 1)
        names = {one.id: one.name for one in list_policies(session, view.scope)}
    if not found:
        none = "nobody" if search.strip() else "none"
        return components.nothing(t(f"contacts.{none}"), t(f"contacts.{none}_then"))
    shown = found[:SHOWN]
    last = shown[-1].user if len(found) > SHOWN else None
    ways = components.ways((t("people.first"), t("people.more")), "contacts-after", after, last)
    return html.Div([components.entries([_contact(view, names, one) for one in shown]), ways])


def _contact(view: TenantView, policies: Mapping[int, str], one: Contact) -> Component:
    t = view.t
    head: list[Component] = [html.Strong(one.name)]
    if not one.member:
        head.append(components.status(Tone.NOTICE, t("contacts.left")))
    elif not (one.mail or one.mobile):
        head.append(components.status(Tone.QUIET, t("contacts.unreachable")))
    told = " · ".join(policies[number] for number in one.policies if number in policies)
    facts = [
        one.mail,
        one.mobile,
        t("contacts.told_by", policies=told) if told else t("contacts.told_by_none"),
    ]
    do = "change" if one.mail or one.mobile else "set"
    button = components.quiet(
        t(f"contacts.{do}"),
        {"role": "contact-open", "number": one.user},
        f"{t(f'contacts.{do}')}: {one.name}",
    )
    return components.entry(head, facts, [button])


def _form(view: TenantView, number: int) -> Opened:
    t = view.t
    with view.context.metadata.session() as session:
        contact = find_contact(session, view.scope, number)
    if contact is None:
        return Opened(components.notice(Tone.BAD, t("notices.changed_meanwhile"), ""), 0, 0)
    fields = [
        text("contact", "mail", t("notice_field.mail"), contact.mail),
        text("contact", "mobile", t("notice_field.mobile"), contact.mobile, hint="13800001234"),
    ]
    standing = bool(contact.mail or contact.mobile)
    title = t("contacts.of", name=contact.name)
    return Opened(framed(view, "contact", title, fields, remove=standing), contact.user, 0)


def _save(view: TenantView, number: int, _version: int, said: Mapping[str, object]) -> tuple[bool, Component]:
    given = {name: str(said.get(name) or "").strip() for name in ("mail", "mobile")}
    try:
        spec = ContactSpec.model_validate(given)
        with view.context.metadata.session() as session:
            set_contact(session, view.scope, number, spec, utc_now())
    except ValidationError as error:
        return False, invalid(view, error)
    except UnknownPerson:
        return False, components.notice(Tone.BAD, view.t("notices.changed_meanwhile"), "")
    return True, components.done(view.t("notices.saved"))


def _remove(view: TenantView, number: int) -> Component:
    removed, message = _save(view, number, 0, {})
    return components.done(view.t("contacts.removed")) if removed else message


CONTACTS: Final = Editor(
    "contact", "alarm-contacts", contact_list, _form, _save, _remove, search="contact-search"
)


def register_contacts(pages: Pages) -> None:
    """Finding people, turning pages, and the form of one."""
    register_editor(pages, CONTACTS)

    @pages.on_tenant(
        Output("contact-after", "data"),
        Output("alarm-contacts", "children", allow_duplicate=True),
        Input("contact-search", "value"),
        Input({"role": "contacts-after", "number": ALL}, "n_clicks"),
        initially=False,
        permission=Permission.CONFIGURE,
    )
    def turn(view: TenantView, search: object, _clicks: object) -> tuple[Any, ...]:
        if (turned := wishes.turned("contact-search", search)) is None:
            return no_update, no_update
        after, wanted = turned
        return after, contact_list(view, wanted, after)
