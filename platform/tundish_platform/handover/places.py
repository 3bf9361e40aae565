"""Places that a hand-over can be about: sites, areas and lines, with their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.assets import Level, Place, lying_in
from tundish_platform.assets.models import Asset, Signal
from tundish_platform.assets.signals import info_of, told
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

_LEVELS = (Level.SITE, Level.AREA, Level.LINE)


def places_of(session: Session, scope: TenantScope) -> list[Place]:
    """Sites, areas and lines in use where the scope may read, by path.

    Raises:
        AccessDenied: the scope may not read.
    """
    rows = session.scalars(
        select(Asset)
        .where(
            Asset.tenant_id == scope.tenant_id, Asset.level.in_(_LEVELS), Asset.retired_at.is_(None),
            lying_in(Asset.path, scope.places()),
        )
        .order_by(Asset.path)
    )  # fmt: skip
    return [Place(row.path, Level(row.level), row.name_zh, row.name_en) for row in rows]


def lines_below(session: Session, scope: TenantScope, path: str) -> list[Place]:
    """The lines at or below a place, by path."""
    return [
        place
        for place in places_of(session, scope)
        if place.level is Level.LINE and (place.path == path or place.path.startswith(f"{path}/"))
    ]


def signals_below(session: Session, scope: TenantScope, path: str) -> list[SignalInfo]:
    """The signals of a line or a machine, by path.

    Raises:
        AccessDenied: the scope may not read there.
    """
    scope.require_at(Permission.READ, path)
    query = told(scope).where(lying_in(Signal.path, frozenset({path}))).order_by(Signal.path)
    return [info_of(row) for row in session.execute(query)]
