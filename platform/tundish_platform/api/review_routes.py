"""Routes of whoever reviews apps: the operator, in person where something is decided."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final, Literal

from flask import Blueprint, jsonify
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import publishing_shapes as shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.guard import guarded_above
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import whole, word
from tundish_platform.api.publishing_routes import LIMIT, ZIP, Revocation, archive_of
from tundish_platform.marketplace.publishing import (
    Act,
    State,
    any_version,
    confirm_key,
    decide,
    keys_to_confirm,
    revoke_key,
    versions_in,
)
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from flask import Response
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal

AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last version of the page before.")
STATE: Final = word("state", list(State), State.IN_REVIEW, "How far the versions have come.")

routes = Blueprint("review", __name__)


class Decision(BaseModel):
    """What becomes of a version, and why; only an approval needs no reason."""

    model_config = ConfigDict(extra="forbid")

    act: Literal[Act.APPROVE, Act.REJECT, Act.WITHDRAW]
    reason: Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")] = ""


@routes.get("/review/versions")
@guarded_above(Permission.OPERATE)
@described(STATE, AFTER, LIMIT, answer=list[shapes.Version], headers=(LINK,))
def versions(_principal: Principal) -> ResponseReturnValue:
    """Versions of all publishers in a state, the oldest first."""
    limit = LIMIT.read()
    with platform().metadata.above(Above.PACKAGES).session() as session:
        found = versions_in(session, State(STATE.read()), after=AFTER.read(), limit=limit)
    return paged([asdict(one) for one in found], "after", last_of(found, limit))


@routes.get("/review/versions/<int:number>")
@guarded_above(Permission.OPERATE)
@described(answer=shapes.Version)
def version(_principal: Principal, number: int) -> ResponseReturnValue:
    """A version with the report of its checks."""
    with platform().metadata.above(Above.PACKAGES).session() as session:
        return asdict(any_version(session, known_id(number)))


@routes.get("/review/versions/<int:number>/archive")
@guarded_above(Permission.OPERATE)
@described(gives=(ZIP,))
def archive(_principal: Principal, number: int) -> Response:
    """The archive, for reading its code."""
    with platform().metadata.above(Above.PACKAGES).session() as session:
        digest = any_version(session, known_id(number)).digest
    return archive_of(digest)


@routes.post("/review/versions/<int:number>/decision")
@guarded_above(Permission.OPERATE, person=True)
@described(body=Decision, answer=shapes.Version)
def version_decide(principal: Principal, number: int, body: Decision) -> ResponseReturnValue:
    """Approve, reject or withdraw a version."""
    with platform().metadata.above(Above.PACKAGES).session() as session:
        decide(session, principal, known_id(number), Act(body.act), body.reason, utc_now())
    with platform().metadata.above(Above.PACKAGES).session() as session:
        return asdict(any_version(session, number))


@routes.get("/review/keys")
@guarded_above(Permission.OPERATE)
@described(answer=list[shapes.SigningKey])
def keys(_principal: Principal) -> ResponseReturnValue:
    """Keys that wait to be confirmed, the oldest first."""
    with platform().metadata.above(Above.PACKAGES).session() as session:
        return jsonify([asdict(key) for key in keys_to_confirm(session)])


@routes.post("/review/keys/<mark>/confirmation")
@guarded_above(Permission.OPERATE, person=True)
@described(answer=shapes.SigningKey)
def key_confirm(principal: Principal, mark: str) -> ResponseReturnValue:
    """Confirm a key; compare its fingerprint with the publisher by another way first."""
    with platform().metadata.above(Above.PACKAGES).session() as session:
        return asdict(confirm_key(session, principal, mark, utc_now()))


@routes.post("/review/keys/<mark>/revocation")
@guarded_above(Permission.OPERATE, person=True)
@described(body=Revocation, answer=shapes.Revoked)
def key_revoke(principal: Principal, mark: str, body: Revocation) -> ResponseReturnValue:
    """Revoke any publisher's key, with what was sent with it since then."""
    with platform().metadata.above(Above.PACKAGES).session() as session:
        fallen = revoke_key(session, mark, body.since, principal.name, body.reason, utc_now())
    return {"withdrawn": fallen}
