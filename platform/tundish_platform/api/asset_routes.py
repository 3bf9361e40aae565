"""Routes of the equipment tree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint, jsonify, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api.context import platform
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.params import only, whole, word
from tundish_platform.assets import (
    AssetChange,
    AssetChanged,
    AssetRefused,
    AssetSpec,
    UnknownAsset,
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

_MAX_ID: Final = 2**31 - 1
_Number = Annotated[int, Field(ge=1, le=_MAX_ID)]

routes = Blueprint("assets", __name__)


class _Change(AssetChange):
    version: _Number


class _Move(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: _Number
    parent: _Number


@routes.get("/tenants/<tenant>/assets")
@guarded(Permission.READ)
def tree(scope: TenantScope) -> ResponseReturnValue:
    """Nodes by number, with an ETag; the next page begins ``after`` the last one's."""
    only("after", "limit", "retired")
    after, limit = whole("after", 0, _MAX_ID, 0), whole("limit", 1, MAX_PAGE, MAX_PAGE)
    retired = word("retired", ("true", "false"), "false") == "true"
    with platform().metadata.session() as session:
        found = list_assets(session, scope, after=after, limit=limit, retired=retired)
    answer = jsonify([asset.model_dump(mode="json") for asset in found])
    answer.add_etag()
    return answer.make_conditional(request)


@routes.get("/tenants/<tenant>/assets/<int:asset>")
@guarded(Permission.READ)
def one(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """One node."""
    only()
    with platform().metadata.session() as session:
        return find_asset(session, scope, _known(asset)).model_dump(mode="json")


@routes.post("/tenants/<tenant>/assets")
@guarded(Permission.CONFIGURE)
def make(scope: TenantScope) -> ResponseReturnValue:
    """Make a node."""
    only()
    spec = AssetSpec.model_validate(request.get_json())
    with platform().metadata.session() as session:
        return create_asset(session, scope, spec, datetime.now(UTC)).model_dump(mode="json"), 201


@routes.patch("/tenants/<tenant>/assets/<int:asset>")
@guarded(Permission.CONFIGURE)
def change(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """Name, order, retire or bring back the node of the version that was read."""
    only()
    wanted = _Change.model_validate(request.get_json())
    changes = AssetChange.model_validate(wanted.model_dump(exclude={"version"}))
    with platform().metadata.session() as session:
        done = change_asset(session, scope, _known(asset), wanted.version, changes, datetime.now(UTC))
    return done.model_dump(mode="json")


@routes.post("/tenants/<tenant>/assets/<int:asset>/move")
@guarded(Permission.CONFIGURE)
def move(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """Hang the node of the version that was read under another one."""
    only()
    wanted = _Move.model_validate(request.get_json())
    with platform().metadata.session() as session:
        done = move_asset(session, scope, _known(asset), wanted.version, wanted.parent, datetime.now(UTC))
    return done.model_dump(mode="json")


@routes.delete("/tenants/<tenant>/assets/<int:asset>")
@guarded(Permission.CONFIGURE)
def remove(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """Remove a node that never had anything."""
    only()
    with platform().metadata.session() as session:
        delete_asset(session, scope, _known(asset), datetime.now(UTC))
    return {"removed": True}


@routes.errorhandler(UnknownAsset)
def _unknown(error: UnknownAsset) -> ResponseReturnValue:
    return Problem(404, f"There is no asset {error}.", f"没有设备节点 {error}。", "unknown_asset").response()


@routes.errorhandler(AssetChanged)
def _changed(_error: AssetChanged) -> ResponseReturnValue:
    return Problem(
        409, "Somebody changed the asset since it was read. Read it anew.",
        "该节点已被他人修改,请重新读取。", "asset_changed",
    ).response()  # fmt: skip


@routes.errorhandler(AssetRefused)
def _refused(error: AssetRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "asset_refused").response()


def _known(number: int) -> int:
    # More than the databases' ids hold is nobody's.
    if not 1 <= number <= _MAX_ID:
        raise Problem(404)
    return number
