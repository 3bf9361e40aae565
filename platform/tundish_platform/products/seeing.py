"""Which products a scope sees: all of the tenant, or those that were at its places, and their orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select, true

from tundish_platform.assets import lying_in
from tundish_platform.assets.models import Asset
from tundish_platform.products.models import Product, Stay

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from tundish_platform.tenancy import TenantScope


def seen_by(scope: TenantScope) -> ColumnElement[bool]:
    """Condition on `Product`.

    Raises:
        AccessDenied: the scope may not read, or is narrowed to signals: an app's grant says nothing of what
            the plant makes.
    """
    places = scope.places()
    if places is None:
        return true()
    stayed = (
        select(Stay.product_id)
        .join(Asset, Asset.id == Stay.asset_id)
        .where(
            Stay.tenant_id == scope.tenant_id,
            Asset.tenant_id == scope.tenant_id,
            lying_in(Asset.path, places),
        )
    )
    ordered = select(Product.order_id).where(Product.tenant_id == scope.tenant_id, Product.id.in_(stayed))
    return or_(Product.id.in_(stayed), Product.id.in_(ordered.correlate(None)))
