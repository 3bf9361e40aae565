"""What a person does on their own page, and the words it ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html
from flask import request

from tundish_dashboards import components
from tundish_dashboards.account.agents import agent_name
from tundish_dashboards.account.sections import invited_words
from tundish_dashboards.theme import Tone
from tundish_platform.people.account import change_password
from tundish_platform.people.invitations import accept_as, look_at
from tundish_platform.people.passkeys import register, remove_passkey
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import AccessDenied
from tundish_platform.tenancy.passwords import LoginRefused, utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.account.own import Own

_MAX_NAME: Final = 60
_MAX_TOKEN: Final = 200


def change_own_password(own: Own, old: str, new: str, again: str) -> tuple[bool, Component]:
    """Whether the password was changed, and what to say of it."""
    if new != again:
        return False, components.notice(Tone.BAD, own.t("account.password_differs"), "")
    try:
        with own.metadata.session() as session:
            ended = change_password(session, own.id, old, new, utc_now(), keep=own.secret)
    except (LoginRefused, PeopleRefused) as refused:
        return False, components.refused(own.t, refused)
    return True, components.done(own.t("account.password_changed", n=ended))


def add_passkey(own: Own, made: Mapping[str, object], name: str) -> Component:
    """Keep what the browser's authenticator made."""
    t, token, answer = own.t, made.get("token"), made.get("answer")
    failed = components.notice(Tone.BAD, t("account.passkey_failed"), t("account.passkey_failed_then"))
    if not isinstance(token, str) or not isinstance(answer, dict) or len(token) > _MAX_TOKEN:
        return failed
    agent = agent_name(request.headers.get("User-Agent", "")) or t("account.no_agent")
    name = "".join(letter for letter in name if letter.isprintable()).strip()[:_MAX_NAME] or agent
    try:
        with own.metadata.session() as session:
            register(session, own.people, own.id, token, answer, name, utc_now())
    except PeopleRefused as refused:
        return components.refused(t, refused)
    except AccessDenied:
        return failed
    return components.done(t("account.passkey_added", name=name))


def remove_own_passkey(own: Own, number: int) -> Component | None:
    """Refuse a passkey from now on."""
    with own.metadata.session() as session:
        gone = remove_passkey(session, own.id, number, utc_now())
    return components.done(own.t("account.passkey_removed")) if gone else None


def look_or_accept(own: Own, link: str, *, accept: bool) -> Component:
    """What the invitation of a link offers, or that the person has come in."""
    token = link.strip().rstrip("/").rpartition("/")[2][:_MAX_TOKEN]
    try:
        with own.metadata.session() as session:
            invited = look_at(session, token, utc_now())
            if not accept:
                return invited_words(own, invited)
            tenant = accept_as(session, token, own.id, utc_now())
    except PeopleRefused as refused:
        return components.refused(own.t, refused)
    name = own.t.of(invited.name_zh, invited.name_en)
    # Loaded anew, so that the frame knows the new enterprise, too.
    way = html.A(own.t("account.open", tenant=name), href=f"/plant/{tenant}")
    return components.notice(Tone.GOOD, own.t("account.came_in", tenant=name), way)
