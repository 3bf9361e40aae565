"""Walks through the equipment tree: up to the enterprise, down to the parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.assets.models import Asset, Signal
from tundish_platform.assets.nodes import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


def chain_of(session: Session, scope: TenantScope, row: Asset) -> list[int]:
    """Numbers of a node and of those above it, the enterprise last."""
    found = [row.id]
    above = row.parent_id
    while above is not None:
        if above in found:
            raise RuntimeError(f"node {above} of tenant {scope.slug} stands above itself")
        found.append(above)
        above = session.scalar(
            select(Asset.parent_id).where(Asset.tenant_id == scope.tenant_id, Asset.id == above)
        )
    return found


def levels_below(session: Session, scope: TenantScope, asset: int) -> list[list[int]]:
    """Numbers of a node and of all below it: the node, its children, and so on."""
    levels = [[asset]]
    while True:
        children: list[int] = []
        for part in chunks(levels[-1]):
            query = select(Asset.id).where(Asset.tenant_id == scope.tenant_id, Asset.parent_id.in_(part))
            children += session.scalars(query)
        if not children:
            return levels
        levels.append(children)


def visible_to(session: Session, scope: TenantScope, signals: Iterable[int]) -> set[int]:
    """Numbers of the nodes on which these signals hang, and of all above them."""
    found: set[int] = set()
    numbers: set[int] = set()
    for part in chunks(sorted(signals)):
        query = select(Signal.asset_id).where(Signal.tenant_id == scope.tenant_id, Signal.id.in_(part))
        numbers |= {number for number in session.scalars(query) if number is not None}
    while numbers := numbers - found:
        found |= numbers
        above: set[int] = set()
        for part in chunks(sorted(numbers)):
            query = select(Asset.parent_id).where(Asset.tenant_id == scope.tenant_id, Asset.id.in_(part))
            above |= {number for number in session.scalars(query) if number is not None}
        numbers = above
    return found
