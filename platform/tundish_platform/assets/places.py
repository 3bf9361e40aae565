"""Sites, areas and lines as places that roles are held at: what a scope limited to them may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select, true

from tundish_platform.assets.models import Signal
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute, Session

    from tundish_platform.tenancy import TenantScope


def seen(session: Session, scope: TenantScope) -> TenantScope:
    """The same scope; one whose reading is limited to places gets the signals that lie there now."""
    if Permission.READ not in scope.limits:
        return scope
    lies_there = lying_in(Signal.path, scope.limits[Permission.READ])
    query = select(Signal.id).where(Signal.tenant_id == scope.tenant_id, lies_there)
    return scope.seeing(frozenset(session.scalars(query)))


def lying_in(path: InstrumentedAttribute[str], places: frozenset[str] | None) -> ColumnElement[bool]:
    """Condition on a column of paths, as `tundish_platform.tenancy.within`; all rows for ``None``."""
    if places is None:
        return true()
    # Neither LIKE, which on SQLite takes upper for lower case, nor ranges, whose order is the database's own.
    below = (func.substr(path, 1, len(place) + 1) == f"{place}/" for place in sorted(places))
    return or_(path.in_(sorted(places)), *below)
