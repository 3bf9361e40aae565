"""Routes of orders, lots and pieces: declared in bulk, traced both ways, found on lines, with samples."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from flask import Blueprint, request
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import params, shapes
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import END, START, Query, page, whole
from tundish_platform.api.rowerrors import RowErrors
from tundish_platform.products import (
    MAX_DECLARED,
    MAX_DEPTH,
    MAX_PAGE,
    MAX_TRACED,
    Declared,
    ProductDetail,
    ProductInfo,
    ProductOnAsset,
    ProductSpec,
    ProductWindow,
    RowsRefused,
    TracedProduct,
    TraceTooLong,
    UnknownProduct,
    declare_products,
    find_product,
    list_products,
    products_on,
    trace,
    windows_of,
    withdraw_origin,
)
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import TenantScope

_TEXT: Final = {"type": "string"}
AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last row of the page before.")
LIMIT: Final = page(MAX_PAGE)
SERIES: Final = Query("series", "Only this number range, such as heat or coil.", _TEXT)
NUMBER: Final = Query("number", "Only with this number.", _TEXT)
ORDER: Final = whole("order", 0, MAX_ID, 0, "Only what is made for the order of this id; 0 for all.")
DEPTH: Final = whole("depth", 1, MAX_DEPTH, MAX_DEPTH, "Steps at most.")

routes = Blueprint("products", __name__)


class ProductDeclaration(BaseModel):
    """Orders, lots and pieces of a source."""

    model_config = ConfigDict(extra="forbid")

    products: Annotated[list[ProductSpec], Field(max_length=MAX_DECLARED)]


@routes.put("/tenants/<tenant>/products")
@guarded(Permission.INGEST)
@described(body=ProductDeclaration, answer=Declared)
def declare(scope: TenantScope, body: ProductDeclaration) -> ResponseReturnValue:
    """Declare products, all or none; what is known keeps its number, and what is absent stays as it was."""
    with platform().metadata.session() as session:
        return declare_products(session, scope, body.products, datetime.now(UTC)).model_dump()


@routes.get("/tenants/<tenant>/products")
@guarded(Permission.READ)
@described(SERIES, NUMBER, ORDER, AFTER, LIMIT, answer=list[ProductInfo], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """Products by id; the next page begins ``after`` the last one's."""
    limit, order = LIMIT.read(), ORDER.read()
    series, number = request.args.get("series", ""), request.args.get("number", "")
    with platform().metadata.session() as session:
        found = list_products(
            session, scope, series=series, number=number, order=order, after=AFTER.read(), limit=limit
        )
    return _page(found, limit)


@routes.get("/tenants/<tenant>/products/<int:product>")
@guarded(Permission.READ)
@described(answer=ProductDetail)
def one(scope: TenantScope, product: int) -> ResponseReturnValue:
    """A product with what went into it."""
    with platform().metadata.session() as session:
        return find_product(session, scope, known_id(product, least=1)).model_dump(mode="json")


@routes.get("/tenants/<tenant>/products/<int:product>/ancestors")
@guarded(Permission.READ)
@described(DEPTH, AFTER, LIMIT, answer=list[TracedProduct], headers=(LINK,))
def made_from(scope: TenantScope, product: int) -> ResponseReturnValue:
    """All that a product was made from, by id, with the steps to it."""
    return _traced(scope, product, upwards=True)


@routes.get("/tenants/<tenant>/products/<int:product>/descendants")
@guarded(Permission.READ)
@described(DEPTH, AFTER, LIMIT, answer=list[TracedProduct], headers=(LINK,))
def made_into(scope: TenantScope, product: int) -> ResponseReturnValue:
    """All that was made of a product, by id, with the steps to it."""
    return _traced(scope, product, upwards=False)


@routes.get("/tenants/<tenant>/products/<int:product>/windows")
@guarded(Permission.READ)
@described(AFTER, LIMIT, answer=list[ProductWindow], headers=(LINK,))
def windows(scope: TenantScope, product: int) -> ResponseReturnValue:
    """Which samples belong to a product: where it was, from when to when, and the signals there."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = windows_of(
            session, scope, known_id(product, least=1), datetime.now(UTC), after=AFTER.read(), limit=limit
        )
    return _page(found, limit)


@routes.get("/tenants/<tenant>/assets/<int:asset>/products")
@guarded(Permission.READ)
@described(START, END, SERIES, AFTER, LIMIT, answer=list[ProductOnAsset], headers=(LINK,))
def on_asset(scope: TenantScope, asset: int) -> ResponseReturnValue:
    """Products that were on a line, a machine or a part in some part of the window, by stay."""
    limit, window, series = LIMIT.read(), params.window(), request.args.get("series", "")
    with platform().metadata.session() as session:
        found = products_on(
            session, scope, known_id(asset, least=1), window, series=series, after=AFTER.read(), limit=limit
        )
    return _page(found, limit)


@routes.delete("/tenants/<tenant>/products/<int:product>/origins/<int:origin>")
@guarded(Permission.CONFIGURE)
@described(answer=shapes.Removed)
def withdraw(scope: TenantScope, product: int, origin: int) -> ResponseReturnValue:
    """Take back that a product was made from another one; the audit trail says who did."""
    with platform().metadata.session() as session:
        withdraw_origin(session, scope, known_id(product), known_id(origin), datetime.now(UTC))
    return {"removed": True}


@routes.errorhandler(RowsRefused)
def _refused(error: RowsRefused) -> ResponseReturnValue:
    wrong = RowErrors()
    for fault in error.faults:
        wrong.add(fault.row, fault.column, fault.en, fault.zh)
    return wrong.problem().response()


@routes.errorhandler(UnknownProduct)
def _unknown(error: UnknownProduct) -> ResponseReturnValue:
    return Problem(404, f"There is no product {error}.", f"没有产品 {error}。", "unknown_product").response()


@routes.errorhandler(TraceTooLong)
def _too_long(_error: TraceTooLong) -> ResponseReturnValue:
    return Problem(
        422,
        f"More than {MAX_TRACED} products lie on the way. Ask for less depth.",
        f"追溯涉及的产品超过 {MAX_TRACED} 个。请减小深度。",
        "trace_too_long",
    ).response()


def _traced(scope: TenantScope, product: int, *, upwards: bool) -> ResponseReturnValue:
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = trace(
            session, scope, known_id(product, least=1), upwards=upwards, depth=DEPTH.read(),
            after=AFTER.read(), limit=limit,
        )  # fmt: skip
    return _page(found, limit)


def _page(found: Sequence[ProductInfo | ProductWindow | ProductOnAsset], limit: int) -> ResponseReturnValue:
    rows = [one.model_dump(mode="json") for one in found]
    return paged(rows, "after", last_of(found, limit))
