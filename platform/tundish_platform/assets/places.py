"""Sites, areas and lines as places of roles: which there are, and what who holds one may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, or_, select, true

from tundish_platform.assets.levels import Level
from tundish_platform.assets.models import Asset, Signal
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import InstrumentedAttribute, Session

    from tundish_platform.tenancy import TenantScope


MAX_PLACES: Final = 2_000
_HELD_AT: Final = (Level.SITE, Level.AREA, Level.LINE)


@dataclass(frozen=True, slots=True)
class Place:
    """A site, an area or a line of the equipment tree.

    Attributes:
        path: by which roles name it.
    """

    path: str
    level: Level
    name_zh: str
    name_en: str


def list_places(
    session: Session, scope: TenantScope, *, machines: bool = False, limit: int = MAX_PLACES
) -> list[Place]:
    """The tenant's places by path, with their machines if wanted, for whoever may see all of them.

    Raises:
        AccessDenied: the scope may not read, or some signals only.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    query = (
        select(Asset)
        .where(
            Asset.tenant_id == scope.tenant_id,
            Asset.level.in_((*_HELD_AT, Level.MACHINE) if machines else _HELD_AT),
            Asset.retired_at.is_(None),
        )
        .order_by(Asset.path)
        .limit(limit)
    )
    return [Place(row.path, Level(row.level), row.name_zh, row.name_en) for row in session.scalars(query)]


@dataclass(frozen=True, slots=True)
class Equipment(Place):
    """A site, an area, a line or a machine as overviews show it.

    Attributes:
        retired: taken out of the everyday tree.
    """

    retired: bool


def list_equipment(session: Session, scope: TenantScope, *, machines: bool = False) -> list[Equipment]:
    """Sites, areas and lines that lie where the scope may read or above that, by path, in one statement.

    Args:
        session: of the metadata database.
        scope: with the permission to read, be it at some places.
        machines: with the machines.

    Raises:
        AccessDenied: the scope may not read.
    """
    places = scope.places()
    there = lying_in(Asset.path, places)
    if places is not None:
        parts = [place.split("/") for place in places]
        above = {"/".join(one[:depth]) for one in parts for depth in range(1, len(one))}
        there = or_(there, Asset.path.in_(sorted(above)))
    levels = (*_HELD_AT, Level.MACHINE) if machines else _HELD_AT
    columns = (Asset.path, Asset.level, Asset.name_zh, Asset.name_en, Asset.retired_at)
    query = select(*columns).where(Asset.tenant_id == scope.tenant_id, Asset.level.in_(levels), there)
    return [
        Equipment(path, Level(level), zh, en, retired_at is not None)
        for path, level, zh, en, retired_at in session.execute(query.order_by(Asset.path))
    ]


def seen(session: Session, scope: TenantScope) -> TenantScope:
    """The same scope; one whose reading is limited to places gets the signals that lie there now."""
    if Permission.READ not in scope.limits:
        return scope
    lies_there = lying_in(Signal.path, scope.limits[Permission.READ])
    query = select(Signal.id).where(Signal.tenant_id == scope.tenant_id, lies_there)
    return scope.seeing(frozenset(session.scalars(query)))


def upwards(path: str) -> list[str]:
    """A place and all that it lies in, itself first."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts), 0, -1)]


def lying_in(path: InstrumentedAttribute[str], places: frozenset[str] | None) -> ColumnElement[bool]:
    """Condition on a column of paths, as `tundish_platform.tenancy.within`; all rows for ``None``."""
    if places is None:
        return true()
    # Neither LIKE, which on SQLite takes upper for lower case, nor ranges, whose order is the database's own.
    below = (func.substr(path, 1, len(place) + 1) == f"{place}/" for place in sorted(places))
    return or_(path.in_(sorted(places)), *below)
