"""The lists of a person's own page: open sessions, passkeys, and an invitation that was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dash_mantine_components as dmc
from dash import html

from tundish_dashboards import components
from tundish_dashboards.account.agents import agent_name
from tundish_dashboards.theme import Tone
from tundish_platform.people.passkeys import list_passkeys
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.sessions import open_sessions

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.account.own import Own
    from tundish_platform.people.invitations import Invited
    from tundish_platform.people.passkeys import PasskeyView
from tundish_platform.tenancy.sessions import SessionInfo


def session_list(own: Own) -> Component:
    """The person's open sessions, newest first, each with a way to end it."""
    with own.metadata.session() as session:
        found = open_sessions(session, own.id, utc_now(), own.secret)
    others = sum(not one.current for one in found)
    end_all = components.quiet(own.t("account.end_others", n=others), {"role": "session-end", "number": 0})
    return html.Div(
        [
            components.entries([_session(own, one) for one in found]),
            html.Div(end_all, hidden=not others, className="entries-foot"),
        ]
    )


def _session(own: Own, one: SessionInfo) -> Component:
    t, name = own.t, agent_name(one.agent) or own.t("account.no_agent")
    head: list[Component] = [html.Strong(name, title=one.agent)]
    if one.current:
        head.append(components.status(Tone.GOOD, t("account.this_session")))
    facts = [
        t("account.opened", at=own.moment(one.opened_at)),
        t("account.seen", at=own.moment(one.seen_at)),
        t("account.ends", at=own.moment(one.expires_at)),
    ]
    end = components.quiet(
        t("account.end"),
        {"role": "session-end", "number": one.number},
        t("account.end_of", name=name, at=own.moment(one.opened_at)),
    )
    return components.entry(head, facts, [] if one.current else [end])


def passkey_list(own: Own) -> Component:
    """The person's passkeys, oldest first."""
    with own.metadata.session() as session:
        found = list_passkeys(session, own.id)
    if not found:
        return components.nothing(own.t("account.no_passkeys"), own.t("account.no_passkeys_then"))
    return components.entries([_passkey(own, one) for one in found])


def _passkey(own: Own, one: PasskeyView) -> Component:
    t = own.t
    used = t("account.used", at=own.moment(one.last_used_at)) if one.last_used_at else t("account.never_used")
    remove = components.quiet(
        t("account.remove"),
        {"role": "passkey-remove", "number": one.id},
        t("account.remove_of", name=one.name),
    )
    return components.entry(
        html.Strong(one.name), [t("account.made", at=own.moment(one.created_at)), used], [remove]
    )


def invited_words(own: Own, invited: Invited) -> Component:
    """What an invitation offers, with the button that accepts it."""
    tenant = own.t.of(invited.name_zh, invited.name_en)
    return html.Div(
        [
            html.P(own.t("invitation.words", tenant=tenant, by=invited.invited_by)),
            dmc.Button(
                own.t("invitation.accept_as", name=own.person.principal.name),
                id={"role": "invited-accept", "number": 0},
                size="xs",
            ),
        ],
        className="notice",
    )
