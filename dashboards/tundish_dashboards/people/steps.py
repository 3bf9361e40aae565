"""What an owner does with people, invitations and keys: the question before, and the words after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from flask import request

from tundish_dashboards import components, wishes
from tundish_dashboards.people.places import (
    FOR_KEYS,
    FOR_PEOPLE,
    held_of,
    held_of_word,
    place_names,
    role_name,
)
from tundish_platform.people.invitations import invite, list_invitations, withdraw
from tundish_platform.people.keys import MAX_LIFETIME, list_keys, make_key, revoke_key
from tundish_platform.people.members import give_role, list_members, remove_member, take_role
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.people.members import Member

ASKED: Final = ("give", "take", "remove", "withdraw", "revoke")
LIFETIMES: Final = ("30", "90", "365", "730")
_MAX_ID: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What a button asked for, as the browser sends it back once it is confirmed.

    Attributes:
        do: one of `ASKED`.
        number: of the person, the invitation or the key.
        held: the role to take.
    """

    do: str
    number: int
    held: str

    @classmethod
    def read(cls, said: Mapping[str, object]) -> Wish:
        """A wish from untrusted input."""
        return cls(
            wishes.one_of(said.get("do"), "the wish", ASKED, ASKED[0]),
            wishes.whole(said.get("number"), "the number", 0, _MAX_ID, 0),
            wishes.word(said.get("held"), "the role", 500),
        )


def question(view: TenantView, wish: Wish) -> tuple[str, str]:
    """Title and words of the question before a wish is fulfilled.

    Raises:
        PeopleRefused: what it is about is not there.
    """
    t = view.t
    if wish.do == "withdraw":
        login = _login_of_invitation(view, wish.number)
        return t("people.withdraw_of", login=login), t("people.withdraw_words")
    if wish.do == "revoke":
        return t("people.revoke_of", name=_name_of_key(view, wish.number)), t("people.revoke_words")
    member = _member(view, wish.number)
    if wish.do == "give":
        return t("people.give_to", name=member.name), t("people.give_words")
    own = view.person.principal.id == member.person
    if wish.do == "remove":
        words = t("people.remove_self") if own else t("people.remove_words", name=member.name)
        return t("people.remove_of", name=member.name), words
    role = role_name(view, place_names(view), held_of_word(wish.held))
    words = t("people.take_self") if own else t("people.take_words", name=member.name)
    return t("people.take_of", role=role, name=member.name), words


def fulfil(view: TenantView, wish: Wish, role: object, place: object) -> str:
    """Do what was confirmed; returns what to say of it.

    Raises:
        PeopleRefused: it cannot be done.
    """
    now = utc_now()
    with view.context.metadata.session() as session:
        if wish.do == "give":
            given = give_role(session, view.scope, wish.number, held_of(role, place, FOR_PEOPLE), now)
            return view.t("people.given" if given else "people.had")
        if wish.do == "take":
            take_role(session, view.scope, wish.number, held_of_word(wish.held), now)
            return view.t("people.taken")
        if wish.do == "remove":
            remove_member(session, view.scope, wish.number, now)
            return view.t("people.removed")
        if wish.do == "withdraw":
            withdraw(session, view.scope, wish.number, now)
            return view.t("people.withdrawn")
        revoke_key(session, view.scope, wish.number, now)
        return view.t("people.revoked")


def make_invitation(view: TenantView, login: str, role: object, place: object) -> Component:
    """Invite somebody and show the link, this once.

    Raises:
        PeopleRefused: the name or the role cannot be taken.
    """
    t = view.t
    with view.context.metadata.session() as session:
        made, token = invite(session, view.scope, login, [held_of(role, place, FOR_PEOPLE)], utc_now())
    # The guard has checked that the post comes from this host, so this is the address people use.
    link = f"{request.headers.get('Origin', '')}/invitation/{token}"
    until = view.formats.moment(made.expires_at, seconds=False)
    words = t("people.link_words", until=until)
    return components.shown_once(
        t("people.link", login=made.login), words, link, t("shown.copy"), t("shown.copied")
    )


def make_service_key(view: TenantView, name: str, role: object, place: object, days: object) -> Component:
    """Make a key and show its text, this once.

    Raises:
        PeopleRefused: the name or the role cannot be taken.
    """
    t = view.t
    lifetime = timedelta(days=int(wishes.one_of(days, "the lifetime", LIFETIMES, LIFETIMES[2])))
    with view.context.metadata.session() as session:
        held = [held_of(role, place, FOR_KEYS)]
        made, text = make_key(session, view.scope, name.strip(), held, min(lifetime, MAX_LIFETIME), utc_now())
    return components.shown_once(
        t("people.key_made", name=made.name), t("people.key_words"), text, t("shown.copy"), t("shown.copied")
    )


def _member(view: TenantView, person: int) -> Member:
    with view.context.metadata.session() as session:
        found = list_members(session, view.scope, after=person - 1, limit=1)
    if not found or found[0].person != person:
        raise PeopleRefused("unknown_person", "本企业没有此人员。", "The enterprise has no such person.")
    return found[0]


def _login_of_invitation(view: TenantView, number: int) -> str:
    with view.context.metadata.session() as session:
        found = list_invitations(session, view.scope, utc_now(), before=number + 1, limit=1)
    if not found or found[0].id != number:
        raise PeopleRefused("unknown", "没有该邀请。", "There is no such invitation.")
    return found[0].login


def _name_of_key(view: TenantView, number: int) -> str:
    with view.context.metadata.session() as session:
        found = list_keys(session, view.scope, after=number - 1, limit=1)
    if not found or found[0].id != number:
        raise PeopleRefused("unknown", "没有该密钥。", "There is no such key.")
    return found[0].name
