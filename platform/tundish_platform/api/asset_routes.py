"""Routes of the equipment tree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, whole, word
from tundish_platform.assets import (
    AssetChange,
    AssetInfo,
    AssetRefused,
    AssetSpec,
    change_asset,
    create_asset,
    delete_asset,
    find_asset,
    list_assets,
    move_asset,
)
from tundish_platform.assets.tree import MAX_PAGE
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_Number = Annotated[int, Field(ge=1, le=MAX_ID)]

AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last node of the page before.")
LIMIT: Final = page(MAX_PAGE)
RETIRED: Final = word("retired", ("true", "false"), "false", "Whether nodes that are retired are given, too.")

routes = Blueprint("assets", __name__)


class NodeChange(AssetChange):
    """What a node shall be, and the version it was read with."""

    version: _Number


class NodeMove(BaseModel):
    """Where a node shall hang, and the version it was read with."""

    model_config = ConfigDict(extra="forbid")

    version: _Number
    parent: _Number


@routes.get("/tenants/<tenant>/assets")
@guarded(Permission.READ)
@described(AFTER, LIMIT, RETIRED, answer=list[AssetInfo], headers=(LINK,), tagged=True)
def tree(scope: TenantScope) -> ResponseReturnValue:
    """Nodes by number, with an ETag; the next page begins ``after`` the last one's."""
    limit, retired = LIMIT.read(), RETIRED.read() == "true"
    with platform().metadata.session() as session:
        found = list_assets(session, scope, after=AFTER.read(), limit=limit, retired=retired)
    rows = [asset.model_dump(mode="json") for asset in found]
    return paged(rows, "after", last_of(found, limit))


@routes.get("/tenants/<tenant>/assets/<int:asset>")
@guarded(Permission.READ)
@described(answer=AssetInfo)
def one(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """One node."""
    with platform().metadata.session() as session:
        return find_asset(session, scope, known_id(asset, least=1)).model_dump(mode="json")


@routes.post("/tenants/<tenant>/assets")
@guarded(Permission.CONFIGURE)
@described(body=AssetSpec, answer=AssetInfo, status=201)
def make(scope: TenantScope, body: AssetSpec) -> ResponseReturnValue:
    """Make a node."""
    with platform().metadata.session() as session:
        return create_asset(session, scope, body, datetime.now(UTC)).model_dump(mode="json"), 201


@routes.patch("/tenants/<tenant>/assets/<int:asset>")
@guarded(Permission.CONFIGURE)
@described(body=NodeChange, answer=AssetInfo)
def change(scope: TenantScope, asset: int, body: NodeChange) -> ResponseReturnValue:
    """Name, order, retire or bring back the node of the version that was read."""
    changes = AssetChange.model_validate(body.model_dump(exclude={"version"}))
    with platform().metadata.session() as session:
        done = change_asset(
            session, scope, known_id(asset, least=1), body.version, changes, datetime.now(UTC)
        )
    return done.model_dump(mode="json")


@routes.post("/tenants/<tenant>/assets/<int:asset>/move")
@guarded(Permission.CONFIGURE)
@described(body=NodeMove, answer=AssetInfo)
def move(scope: TenantScope, asset: int, body: NodeMove) -> ResponseReturnValue:
    """Hang the node of the version that was read under another one."""
    with platform().metadata.session() as session:
        done = move_asset(
            session, scope, known_id(asset, least=1), body.version, body.parent, datetime.now(UTC)
        )
    return done.model_dump(mode="json")


@routes.delete("/tenants/<tenant>/assets/<int:asset>")
@guarded(Permission.CONFIGURE)
@described(answer=shapes.Removed)
def remove(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """Remove a node that never had anything."""
    with platform().metadata.session() as session:
        delete_asset(session, scope, known_id(asset, least=1), datetime.now(UTC))
    return {"removed": True}


@routes.errorhandler(AssetRefused)
def _refused(error: AssetRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "asset_refused").response()
