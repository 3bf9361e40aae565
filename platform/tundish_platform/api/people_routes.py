"""Routes of a tenant's people: who they are, which roles they have where, and invitations."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import people_shapes as shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded, of_person, open_as_door
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, page, text, whole
from tundish_platform.people.grants import MAX_GRANTS, HeldRole
from tundish_platform.people.invitations import (
    InvitationView,
    accept_as,
    accept_as_new,
    invite,
    list_invitations,
    withdraw,
)
from tundish_platform.people.members import Member, give_role, list_members, remove_member, take_role
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.accounts import MAX_PLACE
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Response
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope

MAX_PAGE: Final = 1_000
AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last one of the page before.")
LIMIT: Final = page(MAX_PAGE)
BEFORE: Final = whole("before", 0, MAX_ID, 0, "Number of the last one of the page before; 0 for the newest.")
SEARCH: Final = text("search", 200, "Only people whose name or log-in name holds this, in any case.")
PLACE: Final = Query(
    "place",
    "Path of the site, area or line at which the role is held; empty for the whole tenant.",
    {"type": "string", "maxLength": MAX_PLACE},
)

routes = Blueprint("people", __name__)

Token = Annotated[str, Field(min_length=1, max_length=200)]


class Invite(BaseModel):
    """Whom to invite, and with which roles."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
    roles: Annotated[list[HeldRole], Field(max_length=MAX_GRANTS)]


class ComeIn(BaseModel):
    """The token of an invitation."""

    model_config = ConfigDict(extra="forbid")

    token: Token


class ComeInAsNew(ComeIn):
    """The token of an invitation, and who comes in."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]
    password: Annotated[str, Field(max_length=1_024)]


@routes.get("/tenants/<tenant>/members")
@guarded(Permission.MANAGE)
@described(SEARCH, AFTER, LIMIT, answer=list[shapes.MemberOfTenant], headers=(LINK,))
def members(scope: TenantScope) -> ResponseReturnValue:
    """The tenant's people with their roles; the next page begins ``after`` the last one's number."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = list_members(session, scope, search=SEARCH.read(), after=AFTER.read(), limit=limit)
    return paged([_member(one) for one in found], "after", last_of(found, limit, "person"))


@routes.post("/tenants/<tenant>/members/<int:person>/roles")
@guarded(Permission.MANAGE)
@described(body=HeldRole, answer=shapes.Given)
def role_give(scope: TenantScope, person: int, body: HeldRole) -> ResponseReturnValue:
    """Give one of the tenant's people a role; giving it twice is no error."""
    with platform().metadata.session() as session:
        return {"given": give_role(session, scope, known_id(person), body, utc_now())}


@routes.delete("/tenants/<tenant>/members/<int:person>/roles/<role>")
@guarded(Permission.MANAGE)
@described(PLACE, answer=shapes.Taken)
def role_take(scope: TenantScope, person: int, role: str) -> ResponseReturnValue:
    """Take a role, at a ``place`` if it is held at one; taking it twice is no error."""
    held = HeldRole.model_validate({"role": role, "place": request.args.get("place", "")})
    with platform().metadata.session() as session:
        return {"taken": take_role(session, scope, known_id(person), held, utc_now())}


@routes.delete("/tenants/<tenant>/members/<int:person>")
@guarded(Permission.MANAGE)
@described(answer=shapes.AllTaken)
def member_remove(scope: TenantScope, person: int) -> ResponseReturnValue:
    """Take all of a person's roles here; their account stays, for they may have other tenants."""
    with platform().metadata.session() as session:
        return {"taken": remove_member(session, scope, known_id(person), utc_now())}


@routes.get("/tenants/<tenant>/invitations")
@guarded(Permission.MANAGE)
@described(BEFORE, LIMIT, answer=list[shapes.Invitation], headers=(LINK,))
def invitations(scope: TenantScope) -> ResponseReturnValue:
    """Invitations, newest first; ``before`` a number for the next page."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = list_invitations(session, scope, utc_now(), before=BEFORE.read() or None, limit=limit)
    return paged([_invitation(one) for one in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/invitations")
@guarded(Permission.MANAGE)
@described(body=Invite, answer=shapes.InvitationMade, status=201, secret=True)
def invitation_make(scope: TenantScope, body: Invite) -> ResponseReturnValue:
    """Invite somebody; the token in the answer is shown this once."""
    with platform().metadata.session() as session:
        view, token = invite(session, scope, body.login, body.roles, utc_now())
    return {**_invitation(view), "token": token, "path": f"/invitation/{token}"}, 201


@routes.delete("/tenants/<tenant>/invitations/<int:invitation>")
@guarded(Permission.MANAGE)
@described(answer=shapes.Withdrawn)
def invitation_withdraw(scope: TenantScope, invitation: int) -> ResponseReturnValue:
    """Withdraw an open invitation; withdrawing twice is no error."""
    with platform().metadata.session() as session:
        return {"withdrawn": withdraw(session, scope, known_id(invitation), utc_now())}


@routes.post("/invitations/accept")
@open_as_door
@described(body=ComeInAsNew, answer=shapes.CameIn, status=201)
def invitation_accept(body: ComeInAsNew) -> ResponseReturnValue:
    """Come in as a new person; the invitation's token is what lets them."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        person = accept_as_new(session, body.token, body.name, body.password, utc_now())
    return {"person": person}, 201


@routes.post("/me/invitations")
@of_person
@described(body=ComeIn, answer=shapes.Entered)
def invitation_accept_as_me(principal: Principal, body: ComeIn) -> ResponseReturnValue:
    """Come in as the person who is logged in."""
    with platform().metadata.above(Above.IDENTITY).session() as session:
        return {"tenant": accept_as(session, body.token, principal.id, utc_now())}


@routes.app_errorhandler(PeopleRefused)
def _refused(error: PeopleRefused) -> Response:
    return Problem(404 if error.missing else 422, error.message_en, error.message_zh, error.code).response()


def shown_roles(roles: Sequence[HeldRole]) -> list[dict[str, str]]:
    """Roles as JSON."""
    return [{"role": one.role.value, "place": one.place} for one in roles]


def _member(one: Member) -> dict[str, Any]:
    return {**asdict(one), "roles": shown_roles(one.roles)}


def _invitation(one: InvitationView) -> dict[str, Any]:
    return {**asdict(one), "roles": shown_roles(one.roles)}
