"""Signals a page at a time, by number: none is ever given twice, so pages neither repeat nor skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.assets.models import Signal
from tundish_platform.assets.signals import find_signals, info_of, told
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope


def page_of_signals(session: Session, scope: TenantScope, after: int, limit: int) -> list[SignalInfo]:
    """The next signals the scope may see.

    Args:
        session: of the metadata database.
        scope: with the permission to read.
        after: number of the last signal of the page before; 0 for the first page.
        limit: at most so many.
    """
    scope.require(Permission.READ)
    if scope.signals is not None:
        return find_signals(session, scope, sorted(n for n in scope.signals if n > after)[:limit])
    query = told(scope).where(Signal.tenant_id == scope.tenant_id, Signal.id > after)
    return [info_of(row) for row in session.execute(query.order_by(Signal.id).limit(limit))]
