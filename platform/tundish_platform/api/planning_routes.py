"""Routes of types, instances and line kits: a whole machine or line in one step, looked at before."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.alarms import RuleRefused
from tundish_platform.api.context import platform
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded
from tundish_platform.api.params import only, whole
from tundish_platform.assets import (
    AssetChanged,
    Declared,
    TypeRefused,
    TypeSpec,
    UnknownAsset,
    UnknownType,
    find_instance,
    find_type,
    give_type,
    list_types,
    save_type,
)
from tundish_platform.planning import build, draft_of_instance, draft_of_kit, preview
from tundish_platform.samples.kits import UnknownKit, kit, kits
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope

_MAX_ID: Final = 2**31 - 1
_PAGE: Final = 500
_KEY: Final = r"^[a-z][a-z0-9_-]{0,59}$"
_PART: Final = r"[^\x00-\x20/](?:[^\x00-\x1f/]*[^\x00-\x20/])?"
_Number = Annotated[int, Field(ge=1, le=_MAX_ID)]

routes = Blueprint("planning", __name__)


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    line: Annotated[str, Field(max_length=200, pattern=f"^{_PART}/{_PART}/{_PART}$")] | None = None
    apply: bool = False


class _Typing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: _Number
    type: Annotated[str, Field(pattern=_KEY)]
    type_version: _Number | None = None
    overrides: Declared = Declared()


class _Key(BaseModel):
    key: Annotated[str, Field(pattern=_KEY)]


@routes.get("/kits")
@authenticated
def kit_list(principal: Principal) -> ResponseReturnValue:
    """The line kits there are."""
    del principal
    only()
    return [one.model_dump(mode="json") for one in kits().values()]


@routes.post("/tenants/<tenant>/kits/<name>")
@guarded(Permission.CONFIGURE)
def kit_build(scope: TenantScope, name: str) -> ResponseReturnValue:
    """What a kit would make, or with ``apply`` make it: all or nothing, and nothing twice."""
    only()
    wanted = _Plan.model_validate(request.get_json())
    one = kit(name)
    draft = draft_of_kit(one, wanted.line)
    with platform().metadata.session() as session:
        if wanted.apply:
            outcome = build(session, scope, draft, datetime.now(UTC))
        else:
            outcome = preview(session, scope, draft)
    named = {"dashboards": one.dashboards, "apps": one.apps, "models": one.models}
    return {"kit": name, "line": wanted.line or one.line, "applied": wanted.apply, **asdict(outcome), **named}


@routes.get("/tenants/<tenant>/asset-types")
@guarded(Permission.READ)
def types(scope: TenantScope) -> ResponseReturnValue:
    """Types by key; the next page begins ``after`` the last one's."""
    only("after", "limit")
    with platform().metadata.session() as session:
        found = list_types(
            session, scope, after=request.args.get("after", ""), limit=whole("limit", 1, _PAGE, _PAGE)
        )
    return [one.model_dump(mode="json") for one in found]


@routes.get("/tenants/<tenant>/asset-types/<name>")
@guarded(Permission.READ)
def type_one(scope: TenantScope, name: str) -> ResponseReturnValue:
    """A type with what it inherits; the newest, or ``version``."""
    only("version")
    version = whole("version", 0, _MAX_ID, 0) or None
    with platform().metadata.session() as session:
        return find_type(session, scope, name, version).model_dump(mode="json")


@routes.put("/tenants/<tenant>/asset-types/<name>")
@guarded(Permission.CONFIGURE)
def type_save(scope: TenantScope, name: str) -> ResponseReturnValue:
    """Keep a type as its next version; the same again makes none."""
    only()
    key, spec = _Key(key=name).key, TypeSpec.model_validate(request.get_json())
    with platform().metadata.session() as session:
        return save_type(session, scope, key, spec, datetime.now(UTC)).model_dump(mode="json")


@routes.get("/tenants/<tenant>/assets/<int:asset>/type")
@guarded(Permission.READ)
def instance(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """What an asset has by its type and what it overrides."""
    only()
    with platform().metadata.session() as session:
        return find_instance(session, scope, min(asset, _MAX_ID)).model_dump(mode="json")


@routes.put("/tenants/<tenant>/assets/<int:asset>/type")
@guarded(Permission.CONFIGURE)
def instance_make(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """Make an asset an instance of a type: its signals and rules are made or brought up to date."""
    only()
    wanted = _Typing.model_validate(request.get_json())
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        made = give_type(
            session, scope, min(asset, _MAX_ID), wanted.version, (wanted.type, wanted.type_version),
            wanted.overrides, now,
        )  # fmt: skip
        outcome = build(session, scope, draft_of_instance(made), now)
    answer: dict[str, Any] = made.model_dump(mode="json")
    return {**answer, **asdict(outcome)}


@routes.errorhandler(UnknownKit)
def _unknown_kit(_error: UnknownKit) -> ResponseReturnValue:
    known = ", ".join(sorted(kits()))
    return Problem(
        404, f"There is no such line kit. There are: {known}.", f"没有该产线套件。可用套件: {known}。",
        "unknown_kit",
    ).response()  # fmt: skip


@routes.errorhandler(UnknownType)
def _unknown_type(error: UnknownType) -> ResponseReturnValue:
    return Problem(404, f"There is no type {error}.", f"没有类型 {error}。", "unknown_type").response()


@routes.errorhandler(UnknownAsset)
def _unknown_asset(error: UnknownAsset) -> ResponseReturnValue:
    return Problem(404, f"There is no asset {error}.", f"没有设备节点 {error}。", "unknown_asset").response()


@routes.errorhandler(AssetChanged)
def _changed(_error: AssetChanged) -> ResponseReturnValue:
    return Problem(
        409, "Somebody changed the asset since it was read. Read it anew.",
        "该节点已被他人修改,请重新读取。", "asset_changed",
    ).response()  # fmt: skip


@routes.errorhandler(TypeRefused)
@routes.errorhandler(RuleRefused)
def _refused(error: TypeRefused | RuleRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "refused").response()
