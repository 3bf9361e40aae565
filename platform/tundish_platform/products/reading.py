"""Reading products: by number, along the genealogy, on an asset, and the windows of their samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import or_, select

from tundish_platform.assets import find_asset, lying_in
from tundish_platform.assets.models import Asset, Signal
from tundish_platform.assets.nodes import chunks
from tundish_platform.assets.walks import levels_below
from tundish_platform.products.graph import MAX_DEPTH, ancestors, descendants
from tundish_platform.products.models import Origin, Product, Stay
from tundish_platform.products.seeing import seen_by
from tundish_platform.products.specs import (
    OriginInfo,
    ProductDetail,
    ProductInfo,
    ProductKind,
    ProductOnAsset,
    ProductWindow,
    TracedProduct,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_PAGE: Final = 1_000


class UnknownProduct(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such product, or the scope may not see it."""


def list_products(
    session: Session, scope: TenantScope, *, series: str = "", number: str = "", order: int = 0,
    after: int = 0, limit: int = MAX_PAGE,
) -> list[ProductInfo]:  # fmt: skip
    """Products by row, a page at a time.

    Args:
        session: of the metadata database.
        scope: with the permission to read.
        series: only of this number range.
        number: only with this number.
        order: only those made for the order of this row.
        after: row of the last product of the page before.
        limit: at most so many.
    """
    query = select(Product).where(Product.tenant_id == scope.tenant_id, Product.id > after, seen_by(scope))
    for column, wanted in ((Product.series, series), (Product.number, number), (Product.order_id, order)):
        if wanted:
            query = query.where(column == wanted)
    rows = session.scalars(query.order_by(Product.id).limit(min(limit, MAX_PAGE)))
    return [ProductInfo.model_validate(_fields(row)) for row in rows]


def find_product(session: Session, scope: TenantScope, product: int) -> ProductDetail:
    """One product with what went into it.

    Raises:
        UnknownProduct: there is none, or the scope may not see it.
    """
    row = _row(session, scope, product)
    query = select(Origin).where(Origin.tenant_id == scope.tenant_id, Origin.product_id == product)
    origins = list(session.scalars(query.order_by(Origin.from_id)))
    visible = {one.id for one in _seen(session, scope, [origin.from_id for origin in origins])}
    told = [
        OriginInfo(product=o.from_id, position=o.position, starts_at=o.starts_at, ends_at=o.ends_at)
        for o in origins
        if o.from_id in visible
    ]
    return ProductDetail.model_validate({**_fields(row), "made_from": told})


def trace(
    session: Session, scope: TenantScope, product: int, *, upwards: bool, depth: int = MAX_DEPTH,
    after: int = 0, limit: int = MAX_PAGE,
) -> list[TracedProduct]:  # fmt: skip
    """What a product was made from, or what was made of it, by row, a page at a time.

    What the scope may not see is left out, but not what lies beyond it.

    Args:
        session: of the metadata database.
        scope: with the permission to read.
        product: row of the product.
        upwards: towards what it was made from.
        depth: steps at most.
        after: row of the last product of the page before.
        limit: at most so many.

    Raises:
        UnknownProduct: there is none, or the scope may not see it.
        TraceTooLong: more than `MAX_TRACED` products are met.
    """
    _row(session, scope, product)
    found = (ancestors if upwards else descendants)(session, scope, product, depth)
    limit = min(limit, MAX_PAGE)
    rows: list[Product] = []
    for part in chunks(sorted(number for number in found if number > after)):
        rows += _seen(session, scope, part)
        if len(rows) >= limit:
            break
    page = rows[:limit]
    origins = _visible_origins(session, scope, [row.id for row in page])
    return [
        TracedProduct.model_validate(
            {**_fields(row), "depth": found[row.id], "made_from": origins.get(row.id, [])}
        )
        for row in page
    ]


def products_on(
    session: Session, scope: TenantScope, asset: int, window: tuple[datetime, datetime], *, series: str = "",
    after: int = 0, limit: int = MAX_PAGE,
) -> list[ProductOnAsset]:  # fmt: skip
    """Products that were on an asset or below it in some part of a window, by stay.

    Raises:
        AccessDenied: the scope may not read.
        UnknownAsset: there is none, or the scope may not see it.
    """
    places, (start, end) = scope.places(), window
    find_asset(session, scope, asset)
    below = (
        select(Asset.id)
        .where(Asset.tenant_id == scope.tenant_id, Asset.id == asset)
        .cte("below", recursive=True)
    )
    children = select(Asset.id).join(below, Asset.parent_id == below.c.id)
    below = below.union_all(children.where(Asset.tenant_id == scope.tenant_id))
    query = (
        select(Stay, Product)
        .join(Product, Product.id == Stay.product_id)
        .join(Asset, Asset.id == Stay.asset_id)
        .where(
            Stay.tenant_id == scope.tenant_id, Product.tenant_id == scope.tenant_id,
            Asset.tenant_id == scope.tenant_id, lying_in(Asset.path, places),
            Stay.asset_id.in_(select(below.c.id)), Stay.id > after,
            Stay.starts_at < end, or_(Stay.ends_at.is_(None), Stay.ends_at > start),
        )
    )  # fmt: skip
    if series:
        query = query.where(Product.series == series)
    return [
        ProductOnAsset(
            id=stay.id, product=row.id, kind=ProductKind(row.kind), series=row.series, number=row.number,
            asset=stay.asset_id, starts_at=stay.starts_at, ends_at=stay.ends_at,
        )
        for stay, row in session.execute(query.order_by(Stay.id).limit(min(limit, MAX_PAGE)))
    ]  # fmt: skip


def windows_of(
    session: Session,
    scope: TenantScope,
    product: int,
    now: datetime,
    *,
    after: int = 0,
    limit: int = MAX_PAGE,
) -> list[ProductWindow]:
    """Which samples belong to a product: the signals of each asset it was on, for as long as it was there.

    Raises:
        UnknownProduct: there is none, or the scope may not see it.
    """
    _row(session, scope, product)
    query = (
        select(Stay, Asset.path)
        .join(Asset, Asset.id == Stay.asset_id)
        .where(
            Stay.tenant_id == scope.tenant_id, Asset.tenant_id == scope.tenant_id,
            lying_in(Asset.path, scope.places()), Stay.product_id == product, Stay.id > after,
        )
    )  # fmt: skip
    rows = session.execute(query.order_by(Stay.id).limit(min(limit, MAX_PAGE))).all()
    signals = {asset: _signals_below(session, scope, asset) for asset in {stay.asset_id for stay, _ in rows}}
    return [
        ProductWindow(
            id=stay.id, asset=stay.asset_id, path=path, start=stay.starts_at,
            # A stay that begins in the future has no samples yet.
            end=stay.ends_at or max(now, stay.starts_at), open=stay.ends_at is None,
            signals=signals[stay.asset_id],
        )
        for stay, path in rows
    ]  # fmt: skip


def _row(session: Session, scope: TenantScope, product: int) -> Product:
    found = _seen(session, scope, [product])
    if not found:
        raise UnknownProduct(product)
    return found[0]


def _seen(session: Session, scope: TenantScope, products: Sequence[int]) -> list[Product]:
    found: list[Product] = []
    for part in chunks(sorted(products)):
        query = select(Product).where(
            Product.tenant_id == scope.tenant_id, Product.id.in_(part), seen_by(scope)
        )
        found += session.scalars(query.order_by(Product.id))
    return found


def _visible_origins(session: Session, scope: TenantScope, products: Sequence[int]) -> dict[int, list[int]]:
    pairs: list[tuple[int, int]] = []
    for part in chunks(products):
        query = select(Origin.product_id, Origin.from_id).where(
            Origin.tenant_id == scope.tenant_id, Origin.product_id.in_(part)
        )
        pairs += [(made, source) for made, source in session.execute(query)]
    visible = {row.id for row in _seen(session, scope, sorted({source for _, source in pairs}))}
    found: dict[int, list[int]] = {}
    for made, source in sorted(pairs):
        if source in visible:
            found.setdefault(made, []).append(source)
    return found


def _signals_below(session: Session, scope: TenantScope, asset: int) -> list[int]:
    found: list[int] = []
    for level in levels_below(session, scope, asset):
        for part in chunks(level):
            query = select(Signal.id).where(Signal.tenant_id == scope.tenant_id, Signal.asset_id.in_(part))
            found += session.scalars(query)
    return sorted(n for n in found if scope.signals is None or n in scope.signals)


def _fields(row: Product) -> dict[str, object]:
    names = ("id", "kind", "series", "number", "material", "quantity", "unit", "declared_at")
    return {name: getattr(row, name) for name in names} | {"order": row.order_id}
