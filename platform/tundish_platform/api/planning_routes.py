"""Routes of types, instances and line kits: a whole machine or line in one step, looked at before."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.alarms import RuleRefused
from tundish_platform.api import shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded
from tundish_platform.api.ids import MAX_ID
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, page, whole
from tundish_platform.assets import (
    Declared,
    Instance,
    TypeInfo,
    TypeRefused,
    TypeSpec,
    UnknownType,
    find_instance,
    find_type,
    give_type,
    list_types,
    save_type,
)
from tundish_platform.planning import build, draft_of_instance, draft_of_kit, preview
from tundish_platform.samples.kits import LineKit, UnknownKit, kit, kits
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope

_PAGE: Final = 500
_KEY: Final = r"^[a-z][a-z0-9_-]{0,59}$"
_PART: Final = r"[^\x00-\x20/](?:[^\x00-\x1f/]*[^\x00-\x20/])?"
_Number = Annotated[int, Field(ge=1, le=MAX_ID)]

AFTER: Final = Query("after", "Key of the last type of the page before.", {"type": "string"})
LIMIT: Final = page(_PAGE)
VERSION: Final = whole("version", 0, MAX_ID, 0, "Of the type; 0 for the newest.")

routes = Blueprint("planning", __name__)


class KitPlan(BaseModel):
    """The line a kit shall make, and whether to make it or only to say what would be made."""

    model_config = ConfigDict(extra="forbid")

    line: Annotated[str, Field(max_length=200, pattern=f"^{_PART}/{_PART}/{_PART}$")] | None = None
    apply: bool = False


class Typing(BaseModel):
    """The type that an asset shall have, and what it has otherwise."""

    model_config = ConfigDict(extra="forbid")

    version: _Number
    type: Annotated[str, Field(pattern=_KEY)]
    type_version: _Number | None = None
    overrides: Declared = Declared()


class _Key(BaseModel):
    key: Annotated[str, Field(pattern=_KEY)]


@routes.get("/kits")
@authenticated
@described(answer=list[LineKit], tagged=True)
def kit_list(principal: Principal) -> ResponseReturnValue:
    """The line kits there are."""
    del principal
    return [one.model_dump(mode="json") for one in kits().values()]


@routes.post("/tenants/<tenant>/kits/<name>")
@guarded(Permission.CONFIGURE)
@described(body=KitPlan, answer=shapes.Kit)
def kit_build(scope: TenantScope, name: str, body: KitPlan) -> ResponseReturnValue:
    """What a kit would make, or with ``apply`` make it: all or nothing, and nothing twice."""
    one = kit(name)
    draft = draft_of_kit(one, body.line)
    with platform().metadata.session() as session:
        if body.apply:
            outcome = build(session, scope, draft, datetime.now(UTC))
        else:
            outcome = preview(session, scope, draft)
    named = {"dashboards": one.dashboards, "apps": one.apps, "models": one.models}
    return {"kit": name, "line": body.line or one.line, "applied": body.apply, **asdict(outcome), **named}


@routes.get("/tenants/<tenant>/asset-types")
@guarded(Permission.READ)
@described(AFTER, LIMIT, answer=list[TypeInfo], headers=(LINK,))
def types(scope: TenantScope) -> ResponseReturnValue:
    """Types by key; the next page begins ``after`` the last one's."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = list_types(session, scope, after=request.args.get("after", ""), limit=limit)
    rows = [one.model_dump(mode="json") for one in found]
    return paged(rows, "after", last_of(found, limit, "key"))


@routes.get("/tenants/<tenant>/asset-types/<name>")
@guarded(Permission.READ)
@described(VERSION, answer=TypeInfo)
def type_one(scope: TenantScope, name: str) -> ResponseReturnValue:
    """A type with what it inherits; the newest, or ``version``."""
    with platform().metadata.session() as session:
        return find_type(session, scope, name, VERSION.read() or None).model_dump(mode="json")


@routes.put("/tenants/<tenant>/asset-types/<name>")
@guarded(Permission.CONFIGURE)
@described(body=TypeSpec, answer=TypeInfo)
def type_save(scope: TenantScope, name: str, body: TypeSpec) -> ResponseReturnValue:
    """Keep a type as its next version; the same again makes none."""
    key = _Key(key=name).key
    with platform().metadata.session() as session:
        return save_type(session, scope, key, body, datetime.now(UTC)).model_dump(mode="json")


@routes.get("/tenants/<tenant>/assets/<int:asset>/type")
@guarded(Permission.READ)
@described(answer=Instance)
def instance(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """What an asset has by its type and what it overrides."""
    with platform().metadata.session() as session:
        return find_instance(session, scope, min(asset, MAX_ID)).model_dump(mode="json")


@routes.put("/tenants/<tenant>/assets/<int:asset>/type")
@guarded(Permission.CONFIGURE)
@described(body=Typing, answer=shapes.Typed)
def instance_make(scope: TenantScope, asset: int, body: Typing) -> ResponseReturnValue:
    """Make an asset an instance of a type: its signals and rules are made or brought up to date."""
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        made = give_type(
            session, scope, min(asset, MAX_ID), body.version, (body.type, body.type_version),
            body.overrides, now,
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


@routes.errorhandler(TypeRefused)
@routes.errorhandler(RuleRefused)
def _refused(error: TypeRefused | RuleRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "refused").response()
