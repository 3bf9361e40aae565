"""Nodes for signals: what a source declares stands in the equipment tree from that moment on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import select, update

from tundish_platform.assets.levels import above_path, level_at
from tundish_platform.assets.models import Asset
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

NAME_LENGTH: Final = 200
# Databases allow only so many parameters in one statement.
_CHUNK: Final = 500

Item = TypeVar("Item")


def hold_tree(session: Session, scope: TenantScope) -> None:
    """Have the tenant's tree alone until the transaction ends: two moves at once could close a circle.

    Raises:
        LookupError: the tenant is gone.
    """
    held = session.scalar(
        update(Tenant)
        .where(Tenant.id == scope.tenant_id)
        .values(next_signal=Tenant.next_signal)
        .returning(Tenant.id)
    )
    if held is None:
        raise LookupError(f"tenant {scope.slug} is gone")


def nodes_at(session: Session, scope: TenantScope, paths: Iterable[str]) -> dict[str, int]:
    """Number of the node by path; missing ones are made with all that stand above them.

    The caller holds the tree (`hold_tree`). A new node is called as its part of the path, until somebody
    names it.
    """
    wanted = sorted({above for path in paths for above in _and_above(path)}, key=lambda path: path.count("/"))
    known: dict[str, int] = {}
    for part in chunks(wanted):
        found = select(Asset.path, Asset.id).where(Asset.tenant_id == scope.tenant_id, Asset.path.in_(part))
        known |= dict(session.execute(found).all())
    missing = [path for path in wanted if path not in known]
    by_depth: dict[int, list[str]] = {}
    for path in missing:
        by_depth.setdefault(path.count("/") + 1 if path else 0, []).append(path)
    # One level after the other, so that a whole level goes to the database in one statement.
    for _, level in sorted(by_depth.items()):
        rows = [_node(session, scope, path, known) for path in level]
        session.add_all(rows)
        session.flush()
        known |= {row.path: row.id for row in rows}
    return known


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Parts small enough for one statement."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _and_above(path: str) -> list[str]:
    found = [path]
    while path:
        path = above_path(path)
        found.append(path)
    return found


def _node(session: Session, scope: TenantScope, path: str, known: dict[str, int]) -> Asset:
    name = path.rpartition("/")[2][:NAME_LENGTH]
    names = (name, name)
    if not path:
        tenant = session.get_one(Tenant, scope.tenant_id)
        names = (tenant.name_zh, tenant.name_en)
    return Asset(
        tenant_id=scope.tenant_id, parent_id=known[above_path(path)] if path else None, path=path,
        level=level_at(path).value, name_zh=names[0], name_en=names[1],
    )  # fmt: skip
