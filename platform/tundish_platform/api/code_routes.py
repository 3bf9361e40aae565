"""Routes of identification codes: the tenant's own, and what is told of published ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded
from tundish_platform.api.ids import MAX_ID
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, page, whole
from tundish_platform.api.rowerrors import RowErrors
from tundish_platform.products import (
    CodeInfo,
    CodeSpec,
    PrefixInfo,
    PrefixRefused,
    PublicThing,
    RowsRefused,
    UnknownCode,
    assign_codes,
    find_prefix,
    list_codes,
    publish_codes,
    published_thing,
    set_prefix,
)
from tundish_platform.products.codes import MAX_ASSIGNED, MAX_PAGE
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope

CODE: Final = Query("code", "The whole code, such as 88.123.45678/M-1.", {"type": "string"})
PRODUCT: Final = whole("product", 0, MAX_ID, 0, "Only codes of this product; 0 for all.")
AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last code of the page before.")
LIMIT: Final = page(MAX_PAGE)

routes = Blueprint("codes", __name__)


class CodeList(BaseModel):
    """Codes to give."""

    model_config = ConfigDict(extra="forbid")

    codes: Annotated[list[CodeSpec], Field(max_length=MAX_ASSIGNED)]


class Publishing(BaseModel):
    """Codes of which everybody, or only the tenant, shall be told what they are."""

    model_config = ConfigDict(extra="forbid")

    codes: Annotated[list[Annotated[str, Field(max_length=255)]], Field(max_length=MAX_ASSIGNED)]
    published: bool


class Given(BaseModel):
    """The whole codes, in the order asked for."""

    codes: list[str]


class Changed(BaseModel):
    """How many changed."""

    changed: int


@routes.get("/codes")
@authenticated
@described(CODE.needed, answer=PublicThing)
def resolve(principal: Principal) -> ResponseReturnValue:
    """What a published code is, whosever it is; 404 for one that is unknown or not published."""
    del principal
    with platform().metadata.above(Above.CODES).session() as session:
        return published_thing(session, request.args.get("code", "")).model_dump(mode="json")


@routes.get("/tenants/<tenant>/code-prefix")
@guarded(Permission.READ)
@described(answer=PrefixInfo)
def prefix(scope: TenantScope) -> ResponseReturnValue:
    """The tenant's prefix."""
    with platform().metadata.session() as session:
        return {"prefix": find_prefix(session, scope)}


@routes.put("/tenants/<tenant>/code-prefix")
@guarded(Permission.MANAGE)
@described(body=PrefixInfo, answer=PrefixInfo)
def prefix_set(scope: TenantScope, body: PrefixInfo) -> ResponseReturnValue:
    """Say under which prefix the tenant gives codes; it stays once one was given."""
    with platform().metadata.session() as session:
        set_prefix(session, scope, body.prefix, datetime.now(UTC))
    return {"prefix": body.prefix}


@routes.get("/tenants/<tenant>/codes")
@guarded(Permission.READ)
@described(CODE, PRODUCT, AFTER, LIMIT, answer=list[CodeInfo], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """The tenant's codes, published or not, by id; with ``code`` the product or asset it leads to."""
    limit, code = LIMIT.read(), request.args.get("code", "")
    with platform().metadata.session() as session:
        found = list_codes(session, scope, code=code, product=PRODUCT.read(), after=AFTER.read(), limit=limit)
    rows = [one.model_dump(mode="json") for one in found]
    return paged(rows, "after", last_of(found, limit))


@routes.put("/tenants/<tenant>/codes")
@guarded(Permission.CONFIGURE)
@described(body=CodeList, answer=Given)
def assign(scope: TenantScope, body: CodeList) -> ResponseReturnValue:
    """Give codes, all or none; the same again does nothing, and no code is ever given to another thing."""
    with platform().metadata.session() as session:
        return {"codes": assign_codes(session, scope, body.codes)}


@routes.post("/tenants/<tenant>/codes/publish")
@guarded(Permission.MANAGE)
@described(body=Publishing, answer=Changed)
def publish(scope: TenantScope, body: Publishing) -> ResponseReturnValue:
    """Tell everybody what codes are, or only the tenant again."""
    now = datetime.now(UTC)
    with platform().metadata.session() as session:
        return {"changed": publish_codes(session, scope, body.codes, now, published=body.published)}


@routes.errorhandler(RowsRefused)
def _refused(error: RowsRefused) -> ResponseReturnValue:
    wrong = RowErrors()
    for fault in error.faults:
        wrong.add(fault.row, fault.column, fault.en, fault.zh)
    return wrong.problem().response()


@routes.errorhandler(PrefixRefused)
def _no_prefix(error: PrefixRefused) -> ResponseReturnValue:
    return Problem(422, error.message_en, error.message_zh, "prefix_refused").response()


@routes.errorhandler(UnknownCode)
def _unknown(_error: UnknownCode) -> ResponseReturnValue:
    return Problem(
        404, "There is no such code, or it is not published.", "没有该编码, 或该编码未公开。", "unknown_code"
    ).response()
