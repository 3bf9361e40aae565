"""Signals by path, for samples that name them so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.assets.models import Signal
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

_CHUNK = 500


def numbers_by_path(session: Session, scope: TenantScope, paths: Sequence[str]) -> dict[str, int]:
    """Number by path, of those paths that exist.

    Raises:
        AccessDenied: the scope may not ingest.
    """
    scope.require(Permission.INGEST)
    scope.require_all_signals()
    found: dict[str, int] = {}
    for start in range(0, len(paths), _CHUNK):
        query = select(Signal.path, Signal.id).where(
            Signal.tenant_id == scope.tenant_id, Signal.path.in_(paths[start : start + _CHUNK])
        )
        found |= {row[0]: row[1] for row in session.execute(query)}
    return found
