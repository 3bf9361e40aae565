"""Layout and callbacks of the page of an enterprise's people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import dialog
from tundish_dashboards.people.places import FOR_KEYS, FOR_PEOPLE, held_fields, place_names
from tundish_dashboards.people.rows import invitation_list, key_list, member_list
from tundish_dashboards.people.steps import (
    LIFETIMES,
    Wish,
    fulfil,
    make_invitation,
    make_service_key,
    question,
)
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.scope import PLACEABLE

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.people.places import Names

_MESSAGES: Final = {"withdraw": "invite-message", "revoke": "key-message"}
_FORMS: Final = ("invite", "key", "give")
_TYPING_MS: Final = 300
_MAX_ID: Final = 2**31 - 1


def people_page(pages: Pages, path: str) -> Component:
    """The page with the people of this moment; what is done on it is shown at once."""
    view = pages.view(path, Permission.MANAGE)
    t, names = view.t, place_names(view)
    line = html.Div(t("people.line"), className="aside")
    return html.Div(
        [
            html.Div([html.H1(t("people.title", tenant=view.name)), line], className="page-head"),
            _members(view),
            html.Div([_invitations(view, names), _keys(view, names)], className="columns halves"),
            _dialog(view, names),
            dcc.Store(id="people-wish"),
            dcc.Store(id="people-placeable", data=sorted(PLACEABLE)),
        ]
    )


def _members(view: TenantView) -> Component:
    t = view.t
    message = html.Div(id="members-message", **components.announced())
    search = dmc.TextInput(
        id="members-search", label=t("people.search"), value="", debounce=_TYPING_MS, autoComplete="off"
    )
    roles = dict.fromkeys((*FOR_PEOPLE, *FOR_KEYS))
    meanings = components.facts([(t(f"role.{role}"), t(f"role_means.{role}")) for role in roles])
    parts = [
        html.Div(search, className="form form-narrow"),
        message,
        html.Div(member_list(view), id="people-members"),
        dcc.Store(id="members-after", data=0),
        components.more(t("people.roles"), meanings),
    ]
    return components.panel(t("people.members"), parts)


def _invitations(view: TenantView, names: Names) -> Component:
    t = view.t
    fields = [
        dmc.TextInput(id="invite-login", label=t("people.login"), value="", autoComplete="off"),
        *held_fields(view, "invite", FOR_PEOPLE, names),
        dmc.Button(t("people.invite"), id="invite-make", size="sm"),
    ]
    parts = [
        html.P(t("people.invite_words"), className="muted"),
        html.Div(fields, className="form"),
        html.Div(id="invite-message", **components.announced()),
        html.Div(invitation_list(view), id="people-invitations"),
    ]
    return components.panel(t("people.invitations"), parts)


def _keys(view: TenantView, names: Names) -> Component:
    t = view.t
    lifetimes = [{"value": days, "label": t("span.days", n=days)} for days in LIFETIMES]
    fields = [
        dmc.TextInput(id="key-name", label=t("people.key_name"), value="", autoComplete="off"),
        *held_fields(view, "key", FOR_KEYS, names),
        dmc.Select(
            id="key-days", label=t("people.key_days"), data=lifetimes, value=LIFETIMES[2], allowDeselect=False
        ),
        dmc.Button(t("people.key_make"), id="key-make", size="sm"),
    ]
    parts = [
        html.P(t("people.key_help"), className="muted"),
        html.Div(fields, className="form"),
        html.Div(id="key-message", **components.announced()),
        html.Div(key_list(view), id="people-keys"),
    ]
    return components.panel(t("people.keys"), parts)


def _dialog(view: TenantView, names: Names) -> Component:
    t = view.t
    given = html.Div(held_fields(view, "give", FOR_PEOPLE, names), className="form")
    body = [html.P(id="people-dialog-words"), html.Div(given, id="people-dialog-give")]
    return dialog("people", t("people.confirm"), t("people.cancel"), body)


def register_people(pages: Pages) -> None:
    """Searching people, inviting, making keys, and asking before anything is given, taken or ended."""
    _register_members(pages)
    _register_dialog(pages)
    for form in _FORMS:
        pages.in_browser(
            "placeable", Output(f"{form}-place", "disabled"), Input(f"{form}-role", "value"),
            State("people-placeable", "data"),
        )  # fmt: skip

    @pages.on_tenant(
        Output("people-invitations", "children"),
        Output("invite-message", "children"),
        Output("invite-login", "value"),
        Input("invite-make", "n_clicks"),
        State("invite-login", "value"),
        State("invite-role", "value"),
        State("invite-place", "value"),
        initially=False,
        permission=Permission.MANAGE,
    )
    def invite(
        view: TenantView, clicks: object, login: object, role: object, place: object
    ) -> tuple[Any, ...]:
        if not clicks:
            return (no_update,) * 3
        try:
            link = make_invitation(view, wishes.word(login, "the name"), role, place)
        except PeopleRefused as refused:
            return no_update, components.refused(view.t, refused), no_update
        return invitation_list(view), link, ""

    @pages.on_tenant(
        Output("people-keys", "children"),
        Output("key-message", "children"),
        Output("key-name", "value"),
        Input("key-make", "n_clicks"),
        State("key-name", "value"),
        State("key-role", "value"),
        State("key-place", "value"),
        State("key-days", "value"),
        initially=False,
        permission=Permission.MANAGE,
    )
    def key(view: TenantView, clicks: object, name: object, *wanted: object) -> tuple[Any, ...]:
        if not clicks:
            return (no_update,) * 3
        try:
            text = make_service_key(view, wishes.word(name, "the name"), *wanted)
        except PeopleRefused as refused:
            return no_update, components.refused(view.t, refused), no_update
        return key_list(view), text, ""


def _register_members(pages: Pages) -> None:
    @pages.on_tenant(
        Output("members-after", "data"),
        Output("people-members", "children", allow_duplicate=True),
        Input("members-search", "value"),
        Input({"role": "members-after", "number": ALL}, "n_clicks"),
        initially=False,
        permission=Permission.MANAGE,
    )
    def turn(view: TenantView, search: object, _clicks: object) -> tuple[Any, ...]:
        if (turned := wishes.turned("members-search", search)) is None:
            return no_update, no_update
        after, wanted = turned
        return after, member_list(view, wanted, after)


def _messages(do: str, done: object) -> list[object]:
    """For the three places of messages: a link or key still shown must not go for what is done elsewhere."""
    where = _MESSAGES.get(do, "members-message")
    return [
        done if where == one else no_update for one in ("members-message", "invite-message", "key-message")
    ]


def _register_dialog(pages: Pages) -> None:
    @pages.on_tenant(
        Output("people-dialog", "opened"),
        Output("people-dialog-what", "children"),
        Output("people-dialog-words", "children"),
        Output("people-dialog-give", "hidden"),
        Output("people-dialog-problem", "children"),
        Output("people-wish", "data"),
        Input({"role": "people-ask", "do": ALL, "number": ALL, "held": ALL}, "n_clicks"),
        Input("people-no", "n_clicks"),
        initially=False,
        permission=Permission.MANAGE,
    )
    def ask(view: TenantView, *_clicks: object) -> tuple[Any, ...]:
        if wishes.asker() == "people-no":
            return False, *[no_update] * 4, None
        if not (asked := wishes.click()):
            return (no_update,) * 6
        wish = Wish.read(asked)
        try:
            title, words = question(view, wish)
        except PeopleRefused as refused:
            return True, "", "", True, components.refused(view.t, refused), None
        kept = {"do": wish.do, "number": wish.number, "held": wish.held}
        return True, title, words, wish.do != "give", None, kept

    @pages.on_tenant(
        Output("people-members", "children"),
        Output("people-dialog", "opened", allow_duplicate=True),
        Output("people-dialog-problem", "children", allow_duplicate=True),
        Output("people-invitations", "children", allow_duplicate=True),
        Output("people-keys", "children", allow_duplicate=True),
        Output("members-message", "children"),
        Output("invite-message", "children", allow_duplicate=True),
        Output("key-message", "children", allow_duplicate=True),
        Input("people-yes", "n_clicks"),
        State("people-wish", "data"),
        State("give-role", "value"),
        State("give-place", "value"),
        State("members-search", "value"),
        State("members-after", "data"),
        initially=False,
        permission=Permission.MANAGE,
    )
    def act(
        view: TenantView, clicks: object, wish: object, role: object, place: object, *page: object
    ) -> tuple[Any, ...]:
        if not clicks or not isinstance(wish, dict):
            return (no_update,) * 8
        wanted = Wish.read(wish)
        search, after = page
        try:
            done = components.done(fulfil(view, wanted, role, place))
        except PeopleRefused as refused:
            return no_update, no_update, components.refused(view.t, refused), *[no_update] * 5
        messages = _messages(wanted.do, done)
        shown = wishes.word(search, "the name"), wishes.whole(after, "the person", 0, _MAX_ID, 0)
        return member_list(view, *shown), False, None, invitation_list(view), key_list(view), *messages
