"""Layout and callbacks of a person's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.account.factor import change_factor, factor_section
from tundish_dashboards.account.own import own_of
from tundish_dashboards.account.sections import passkey_list, session_list
from tundish_dashboards.account.steps import (
    add_passkey,
    change_own_password,
    look_or_accept,
    remove_own_passkey,
)
from tundish_platform.people.account import end_own_sessions, has_password
from tundish_platform.people.passkeys import offer_registration
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.account.own import Own
    from tundish_dashboards.callbacks import Pages, Person

_MAX_ID: Final = 2**31 - 1
_MAX_ENTERED: Final = 2_000


def account_page(pages: Pages, path: str) -> Component:
    """A person's own page; it is the same at whatever tenant they were before."""
    del path
    own = own_of(pages, pages.person())
    with own.metadata.session() as session:
        asked = has_password(session, own.id)
    zone = own.t("plant.zone", zone=own.person.formats.zone_text(utc_now()))
    head = [html.H1(own.t("account.title", name=own.person.principal.name))]
    aside = html.Div(
        [html.Span(own.t("account.login", login=own.login())), html.Span(zone)], className="aside"
    )
    left = [_sessions(own), _password(own) if asked else None]
    right = [_factor(own), _passkeys(own), _invitation(own)]
    return html.Div(
        [
            html.Div([*head, aside], className="page-head"),
            html.Div([html.Div(left), html.Div(right)], className="columns halves"),
        ]
    )


def _sessions(own: Own) -> Component:
    message = html.Div(id="sessions-message", **components.announced())
    listed = html.Div(session_list(own), id="account-sessions")
    return components.panel(own.t("account.sessions"), [message, listed])


def _factor(own: Own) -> Component:
    message = html.Div(id="factor-message", **components.announced())
    return components.panel(
        own.t("factor.title"), [message, html.Div(factor_section(own), id="account-factor")]
    )


def _password(own: Own) -> Component:
    t = own.t
    fields = [
        components.password(
            f"password-{name}", t(f"account.password_{name}"), complete, t("account.show_password")
        )
        for name, complete in (
            ("old", "current-password"),
            ("new", "new-password"),
            ("again", "new-password"),
        )
    ]
    button = dmc.Button(t("account.password_change"), id="password-change", size="sm")
    message = html.Div(id="password-message", **components.announced())
    help_ = html.P(t("account.password_help"), className="muted")
    form = html.Div([*fields, button], className="form form-narrow")
    return components.panel(t("account.password"), [message, help_, form])


def _passkeys(own: Own) -> Component:
    t = own.t
    name = dmc.TextInput(id="passkey-name", label=t("account.passkey_name"), value="")
    button = dmc.Button(t("account.passkey_add"), id="passkey-add", size="sm")
    elsewhere = html.P(t("account.passkey_elsewhere", origin=own.people.origin), className="muted")
    parts = [
        html.Div(id="passkey-message", **components.announced()),
        html.Div(passkey_list(own), id="account-passkeys"),
        html.Div([name, button], className="form") if own.takes_passkeys() else elsewhere,
        dcc.Store(id="passkey-offer"),
        dcc.Store(id="passkey-answer"),
    ]
    return components.panel(t("account.passkeys"), parts)


def _invitation(own: Own) -> Component:
    t = own.t
    link = dmc.TextInput(id="invited-link", label=t("account.invited_link"), value="")
    button = dmc.Button(t("account.invited_look"), id="invited-look", size="sm", variant="default")
    form = html.Div([link, button], className="form")
    return components.panel(
        t("account.invited"), [form, html.Div(id="account-invited", **components.announced())]
    )


def register_account(pages: Pages) -> None:
    """What a person does to their own account. Each callback works on the number of who asks and no other."""
    _register_sessions(pages)
    _register_passkeys(pages)

    @pages.on_person(
        Output("account-factor", "children"),
        Output("factor-message", "children"),
        Input({"role": "factor-do", "do": ALL}, "n_clicks"),
        State({"role": "factor-field", "field": ALL}, "value"),
        initially=False,
    )
    def factor(person: Person, _clicks: object, fields: object) -> tuple[Any, ...]:
        asked = wishes.click()
        if not asked:
            return no_update, no_update
        entered = fields[0] if isinstance(fields, list) and fields else ""
        own = own_of(pages, person)
        do = wishes.word(asked.get("do"), "the wish")
        return change_factor(own, do, wishes.word(entered, "the field", _MAX_ENTERED))

    @pages.on_person(
        Output("account-invited", "children"),
        Input("invited-look", "n_clicks"),
        Input({"role": "invited-accept", "number": ALL}, "n_clicks"),
        State("invited-link", "value"),
        initially=False,
    )
    def invited(person: Person, clicks: object, _accepts: object, link: object) -> object:
        accept = bool(wishes.click())
        if not accept and (wishes.asker() != "invited-look" or not clicks):
            return no_update
        return look_or_accept(
            own_of(pages, person), wishes.word(link, "the link", _MAX_ENTERED), accept=accept
        )


def _register_sessions(pages: Pages) -> None:
    @pages.on_person(
        Output("account-sessions", "children"),
        Output("sessions-message", "children"),
        Input({"role": "session-end", "number": ALL}, "n_clicks"),
        initially=False,
    )
    def end(person: Person, _clicks: object) -> tuple[Any, ...]:
        asked = wishes.click()
        if not asked:
            return no_update, no_update
        number = wishes.whole(asked.get("number"), "the session", 0, _MAX_ID, 0)
        own = own_of(pages, person)
        with own.metadata.session() as session:
            ended = end_own_sessions(session, own.id, utc_now(), number or None, keep=own.secret)
        return session_list(own), components.done(own.t("account.ended", n=ended))

    @pages.on_person(
        Output("password-message", "children"),
        Output("password-old", "value"),
        Output("password-new", "value"),
        Output("password-again", "value"),
        Output("account-sessions", "children", allow_duplicate=True),
        Input("password-change", "n_clicks"),
        State("password-old", "value"),
        State("password-new", "value"),
        State("password-again", "value"),
        initially=False,
    )
    def password(person: Person, clicks: object, old: object, new: object, again: object) -> tuple[Any, ...]:
        if not clicks:
            return (no_update,) * 5
        own = own_of(pages, person)
        given = [wishes.word(one, "the password", _MAX_ENTERED) for one in (old, new, again)]
        changed, message = change_own_password(own, *given)
        if not changed:
            return message, *[no_update] * 4
        return message, "", "", "", session_list(own)


def _register_passkeys(pages: Pages) -> None:
    @pages.on_person(
        Output("passkey-offer", "data"),
        Output("passkey-message", "children", allow_duplicate=True),
        Input("passkey-add", "n_clicks"),
        initially=False,
    )
    def offer(person: Person, clicks: object) -> tuple[Any, ...]:
        if not clicks:
            return no_update, no_update
        own = own_of(pages, person)
        try:
            with own.metadata.session() as session:
                token, options = offer_registration(session, own.people, own.id, utc_now())
        except PeopleRefused as refused:
            return no_update, components.refused(own.t, refused)
        return {"token": token, "options": options}, None

    pages.in_browser(
        "makePasskey", Output("passkey-answer", "data"), Input("passkey-offer", "data"), initially=False
    )

    @pages.on_person(
        Output("account-passkeys", "children"),
        Output("passkey-message", "children"),
        Output("passkey-name", "value"),
        Input("passkey-answer", "data"),
        Input({"role": "passkey-remove", "number": ALL}, "n_clicks"),
        State("passkey-name", "value"),
        initially=False,
    )
    def passkeys(person: Person, answer: object, _clicks: object, name: object) -> tuple[Any, ...]:
        own = own_of(pages, person)
        if asked := wishes.click():
            number = wishes.whole(asked.get("number"), "the passkey", 0, _MAX_ID, 0)
            message = remove_own_passkey(own, number)
            return passkey_list(own), message, no_update
        if wishes.asker() != "passkey-answer" or not isinstance(answer, dict):
            return (no_update,) * 3
        message = add_passkey(own, answer, wishes.word(name, "the name"))
        return passkey_list(own), message, ""
