"""Correcting the genealogy: an origin that was wrong is taken back, and the trail says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.audit import record_of
from tundish_platform.products.models import Origin
from tundish_platform.products.reading import UnknownProduct
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


def withdraw_origin(session: Session, scope: TenantScope, product: int, origin: int, now: datetime) -> None:
    """Take back that a product was made from another one.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownProduct: nobody said so.
    """
    scope.require(Permission.CONFIGURE)
    scope.require_all_signals()
    query = select(Origin).where(
        Origin.tenant_id == scope.tenant_id, Origin.product_id == product, Origin.from_id == origin
    )
    row = session.scalar(query)
    if row is None:
        raise UnknownProduct(product)
    session.delete(row)
    session.flush()
    record_of(session, scope, "product.origin_withdrawn", f"product/{product}", now, {"from": origin})
