"""Walks through the genealogy: what a product was made from and what was made of it; no circles."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from tundish_platform.assets.nodes import chunks
from tundish_platform.products.models import Origin

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_DEPTH: Final = 50
MAX_TRACED: Final = 50_000


class TraceTooLong(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """More than `MAX_TRACED` products are met on the way."""


class MadeOfItself(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A product would be among its own ancestors; ``ids`` is the circle."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__(f"a circle through {ids[:20]}")
        self.ids = ids


def ancestors(session: Session, scope: TenantScope, product: int, depth: int = MAX_DEPTH) -> dict[int, int]:
    """Steps to everything that went into a product, by number; on the shortest way.

    Raises:
        TraceTooLong: there are too many.
    """
    return _walk(session, scope, product, depth, upwards=True)


def descendants(session: Session, scope: TenantScope, product: int, depth: int = MAX_DEPTH) -> dict[int, int]:
    """Steps to everything that a product went into, by number; on the shortest way.

    Raises:
        TraceTooLong: there are too many.
    """
    return _walk(session, scope, product, depth, upwards=False)


def check_no_circle(session: Session, scope: TenantScope, changed: Collection[int]) -> None:
    """Refuse a genealogy in which something was made of itself.

    A new circle runs through a product that just got a new origin, and all of it lies among that product's
    descendants; those are few, since most are declared before anything is made of them.

    Args:
        session: in which the new origins are flushed, and which holds the tree.
        scope: of the tenant.
        changed: products with new origins.

    Raises:
        MadeOfItself: there is a circle.
        TraceTooLong: too much was made of them to tell.
    """
    edges: dict[int, set[int]] = {}
    level = sorted(changed)
    met = set(level)
    while level:
        following: set[int] = set()
        for part in chunks(level):
            query = select(Origin.from_id, Origin.product_id).where(
                Origin.tenant_id == scope.tenant_id, Origin.from_id.in_(part)
            )
            for source, made in session.execute(query):
                edges.setdefault(made, set()).add(source)
                following.add(made)
        level = sorted(following - met)
        met |= following
        if len(met) > MAX_TRACED + len(changed):
            raise TraceTooLong
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        raise MadeOfItself(list(error.args[1])) from error


def _walk(session: Session, scope: TenantScope, product: int, depth: int, *, upwards: bool) -> dict[int, int]:
    here, there = (Origin.product_id, Origin.from_id) if upwards else (Origin.from_id, Origin.product_id)
    found = {product: 0}
    level = [product]
    for steps in range(1, depth + 1):
        met: set[int] = set()
        for part in chunks(level):
            met |= set(
                session.scalars(select(there).where(Origin.tenant_id == scope.tenant_id, here.in_(part)))
            )
        level = sorted(met - found.keys())
        found |= dict.fromkeys(level, steps)
        if len(found) > MAX_TRACED:
            raise TraceTooLong
        if not level:
            break
    del found[product]
    return found
