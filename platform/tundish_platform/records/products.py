"""Product events: declarations, origins and stays of what is recent, and of all it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from tundish_platform.assets.models import Asset
from tundish_platform.assets.nodes import chunks
from tundish_platform.products.models import Origin, Product, Stay
from tundish_platform.sdk import RecordKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

_DEPTH: Final = 50


def product_events(
    session: Session, scope: TenantScope, since: datetime, now: datetime, most: int
) -> list[dict[str, Any]]:
    """Events in the order of their times: what was declared, what it was made from, where it was.

    Args:
        session: of the metadata database.
        scope: narrowed to product events.
        since: of products declared from here on, and of their ancestors, however old.
        now: up to here.
        most: products that are begun with at most, the newest.

    Raises:
        AccessDenied: the scope was not narrowed to product events.
    """
    scope.require_records(RecordKind.PRODUCT_EVENTS)
    query = select(Product.id).where(
        Product.tenant_id == scope.tenant_id, Product.declared_at >= since, Product.declared_at <= now
    )
    begun = list(session.scalars(query.order_by(Product.id.desc()).limit(most)))
    wanted, edges = _with_ancestors(session, scope, begun)
    products = _products(session, scope, wanted)
    names = {number: f"{row.series}/{row.number}" for number, row in products.items()}
    orders = {row.order_id for row in products.values() if row.order_id} - set(names)
    names |= {n: f"{row.series}/{row.number}" for n, row in _products(session, scope, sorted(orders)).items()}
    events = [_declared(row, names.get(row.order_id or 0)) for row in products.values()]
    events += [_made_from(edge, products) for edge in edges if edge.from_id in products]
    events += _stays(session, scope, products)
    return sorted(events, key=lambda e: (e["at"], e["event"], e["series"], e["number"]))


def _with_ancestors(
    session: Session, scope: TenantScope, begun: Sequence[int]
) -> tuple[list[int], list[Origin]]:
    level = list(begun)
    met, edges = set(level), []
    for _ in range(_DEPTH):
        found: list[Origin] = []
        for part in chunks(sorted(level)):
            query = select(Origin).where(Origin.tenant_id == scope.tenant_id, Origin.product_id.in_(part))
            found += session.scalars(query)
        edges += found
        level = sorted({edge.from_id for edge in found} - met)
        met |= set(level)
        if not level:
            break
    return sorted(met), edges


def _products(session: Session, scope: TenantScope, numbers: Sequence[int]) -> dict[int, Product]:
    rows: list[Product] = []
    for part in chunks(list(numbers)):
        query = select(Product).where(Product.tenant_id == scope.tenant_id, Product.id.in_(part))
        rows += session.scalars(query)
    return {row.id: row for row in rows}


def _stays(session: Session, scope: TenantScope, products: Mapping[int, Product]) -> list[dict[str, Any]]:
    found = []
    for part in chunks(sorted(products)):
        query = (
            select(Stay, Asset.path)
            .join(Asset, Asset.id == Stay.asset_id)
            .where(
                Stay.tenant_id == scope.tenant_id,
                Asset.tenant_id == scope.tenant_id,
                Stay.product_id.in_(part),
            )
        )
        found += [
            {
                "event": "stay", "at": stay.starts_at, "ends_at": stay.ends_at, "path": path,
                **_which(products[stay.product_id]),
            }
            for stay, path in session.execute(query)
        ]  # fmt: skip
    return found


def _declared(row: Product, order: str | None) -> dict[str, Any]:
    return {
        "event": "declared", "at": row.declared_at, **_which(row), "material": row.material or None,
        "quantity": row.quantity, "unit": row.unit or None, "order": order,
    }  # fmt: skip


def _made_from(edge: Origin, products: Mapping[int, Product]) -> dict[str, Any]:
    made, source = products[edge.product_id], products[edge.from_id]
    return {
        "event": "made_from", "at": edge.starts_at or made.declared_at, "ends_at": edge.ends_at,
        **_which(made), "from_series": source.series, "from_number": source.number,
        "position": edge.position or None,
    }  # fmt: skip


def _which(row: Product) -> dict[str, Any]:
    return {"kind": row.kind, "series": row.series, "number": row.number}
