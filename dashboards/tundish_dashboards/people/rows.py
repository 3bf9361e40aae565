"""How members, invitations and keys are shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.people.places import held_word, place_names, role_name
from tundish_dashboards.theme import Tone
from tundish_platform.people.invitations import list_invitations
from tundish_platform.people.keys import list_keys
from tundish_platform.people.members import list_members
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.people.places import Names
    from tundish_platform.people.invitations import InvitationView
    from tundish_platform.people.keys import KeyView
    from tundish_platform.people.members import Member

_SOON: Final = timedelta(days=14)
SHOWN: Final = 50
_OLD_SHOWN: Final = 50
_STATES: Final = {"open": Tone.NOTICE, "accepted": Tone.GOOD}


def asking(do: str, number: int, held: str = "") -> dict[str, Any]:
    """Id of a button that asks before something is done."""
    return {"role": "people-ask", "do": do, "number": number, "held": held}


def member_list(view: TenantView, search: str = "", after: int = 0) -> Component:
    """A page of the tenant's people with their roles, and the ways to the next page and back to the first.

    Args:
        view: of an owner.
        search: only people whose name or log-in name holds this; empty for all.
        after: number of the last person of the page before.
    """
    t, names = view.t, place_names(view)
    with view.context.metadata.session() as session:
        found = list_members(session, view.scope, search=search, after=after, limit=SHOWN + 1)
    if not found:
        return components.nothing(t("people.nobody"), t("people.nobody_then"))
    shown = found[:SHOWN]
    last = shown[-1].person if len(found) > SHOWN else None
    ways = components.ways((t("people.first"), t("people.more")), "members-after", after, last)
    return html.Div([components.entries([_member(view, names, one) for one in shown]), ways])


def _member(view: TenantView, names: Names, one: Member) -> Component:
    t = view.t
    head = [html.Strong(one.name), html.Span(one.login, className="code muted")]
    if one.person == view.person.principal.id:
        head.append(html.Span(t("people.you"), className="muted"))
    if one.disabled:
        head.append(components.status(Tone.BAD, t("people.disabled")))
    factor = Tone.GOOD if one.second_factor else Tone.QUIET
    facts = [components.status(factor, t("people.factor_on" if one.second_factor else "people.factor_off"))]
    roles = [
        html.Span(
            [
                role_name(view, names, held),
                html.Button(
                    "×",
                    id=asking("take", one.person, held_word(held)),
                    **components.labelled(
                        t("people.take_of", role=role_name(view, names, held), name=one.name)
                    ),
                ),
            ],
            className="tag",
        )
        for held in one.roles
    ]
    buttons = [
        components.quiet(t("people.give"), asking("give", one.person), f"{t('people.give')} {one.name}"),
        components.quiet(
            t("people.remove"), asking("remove", one.person), f"{t('people.remove')} {one.name}"
        ),
    ]
    return components.entry(head, facts, buttons, more=html.Div(roles, className="tags"))


def invitation_list(view: TenantView) -> Component:
    """Open invitations, and those that are over behind a fold."""
    names, now = place_names(view), utc_now()
    with view.context.metadata.session() as session:
        found = list_invitations(session, view.scope, now)
    waiting = [_invitation(view, names, one) for one in found if one.state == "open"]
    over = [_invitation(view, names, one) for one in found if one.state != "open"][:_OLD_SHOWN]
    listed = components.entries(waiting) if waiting else html.P(view.t("people.none_open"), className="muted")
    return html.Div([listed, _over(view.t("people.invitations_over", n=len(over)), over)])


def _invitation(view: TenantView, names: Names, one: InvitationView) -> Component:
    t, moment = view.t, view.formats.moment
    head = [
        html.Strong(one.login),
        components.status(_STATES.get(one.state, Tone.QUIET), t(f"invitation_state.{one.state}")),
    ]
    facts = [
        ", ".join(role_name(view, names, held) for held in one.roles),
        t("people.invited_by", by=one.created_by, at=moment(one.created_at, seconds=False)),
        t("people.until", at=moment(one.expires_at, seconds=False)) if one.state == "open" else "",
    ]
    withdraw = components.quiet(
        t("people.withdraw"), asking("withdraw", one.id), t("people.withdraw_of", login=one.login)
    )
    return components.entry(head, facts, [withdraw] if one.state == "open" else [])


def key_list(view: TenantView) -> Component:
    """Keys that open the tenant, and those that do no more behind a fold."""
    names, now = place_names(view), utc_now()
    with view.context.metadata.session() as session:
        found = list_keys(session, view.scope)
    standing = [one for one in found if _stands(one, now)]
    over = [_key(view, names, one, now) for one in reversed(found) if not _stands(one, now)][:_OLD_SHOWN]
    listed = (
        components.entries([_key(view, names, one, now) for one in standing])
        if standing
        else components.nothing(view.t("people.no_keys"), view.t("people.no_keys_then"))
    )
    return html.Div([listed, _over(view.t("people.keys_over", n=len(over)), over)])


def _stands(one: KeyView, now: datetime) -> bool:
    return one.revoked_at is None and (one.expires_at is None or one.expires_at > now)


def _key(view: TenantView, names: Names, one: KeyView, now: datetime) -> Component:
    t, moment = view.t, view.formats.moment
    made, used = (moment(at, seconds=False) for at in (one.created_at, one.last_used_at))
    head = [html.Strong(one.name), _key_state(view, one, now)]
    if not one.own:
        head.append(html.Span(t("people.of_operator"), className="tag"))
    facts = [
        ", ".join(role_name(view, names, held) for held in one.roles),
        t("people.key_used", at=used) if one.last_used_at else t("people.key_unused"),
        t("people.made_by", by=one.created_by, at=made) if one.created_by else t("people.made_at", at=made),
    ]
    revoke = components.quiet(
        t("people.revoke"), asking("revoke", one.id), t("people.revoke_of", name=one.name)
    )
    return components.entry(head, facts, [revoke] if _stands(one, now) else [])


def _key_state(view: TenantView, one: KeyView, now: datetime) -> Component:
    t, moment = view.t, view.formats.moment
    if one.revoked_at is not None:
        return components.status(
            Tone.QUIET, t("people.key_revoked", at=moment(one.revoked_at, seconds=False))
        )
    if one.expires_at is None:
        return components.status(Tone.NOTICE, t("people.key_endless"))
    if one.expires_at <= now:
        return components.status(
            Tone.QUIET, t("people.key_expired", at=moment(one.expires_at, seconds=False))
        )
    tone = Tone.NOTICE if one.expires_at - now < _SOON else Tone.GOOD
    return components.status(tone, t("people.until", at=moment(one.expires_at, seconds=False)))


def _over(title: str, items: list[Component]) -> Component | None:
    return components.more(title, components.entries(items)) if items else None
