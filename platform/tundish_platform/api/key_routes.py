"""Routes of a tenant's API keys."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from flask import Blueprint
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import people_shapes as shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.people_routes import AFTER, LIMIT, shown_roles
from tundish_platform.people.grants import MAX_GRANTS, HeldRole
from tundish_platform.people.keys import MAX_LIFETIME, KeyView, list_keys, make_key, revoke_key
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

routes = Blueprint("keys", __name__)


class KeyWanted(BaseModel):
    """What a new key is called, what it may do, and for how long."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
    roles: Annotated[list[HeldRole], Field(max_length=MAX_GRANTS)]
    days: Annotated[int, Field(ge=1, le=MAX_LIFETIME.days)] = 365


@routes.get("/tenants/<tenant>/keys")
@guarded(Permission.MANAGE)
@described(AFTER, LIMIT, answer=list[shapes.Key], headers=(LINK,))
def keys(scope: TenantScope) -> ResponseReturnValue:
    """Keys by number, with their last use; the next page begins ``after`` the last one's number."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = list_keys(session, scope, after=AFTER.read(), limit=limit)
    return paged([_shown(one) for one in found], "after", last_of(found, limit))


@routes.post("/tenants/<tenant>/keys")
@guarded(Permission.MANAGE)
@described(body=KeyWanted, answer=shapes.KeyMade, status=201, secret=True)
def key_make(scope: TenantScope, body: KeyWanted) -> ResponseReturnValue:
    """Make a key; its text in the answer is shown this once."""
    with platform().metadata.session() as session:
        view, text = make_key(session, scope, body.name, body.roles, timedelta(days=body.days), utc_now())
    return {**_shown(view), "key": text}, 201


@routes.delete("/tenants/<tenant>/keys/<int:key>")
@guarded(Permission.MANAGE)
@described(answer=shapes.Revoked)
def key_revoke(scope: TenantScope, key: int) -> ResponseReturnValue:
    """Revoke a key; revoking twice is no error."""
    with platform().metadata.session() as session:
        return {"revoked": revoke_key(session, scope, known_id(key), utc_now())}


def _shown(one: KeyView) -> dict[str, Any]:
    return {**asdict(one), "roles": shown_roles(one.roles)}
