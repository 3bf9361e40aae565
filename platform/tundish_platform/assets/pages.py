"""Signals a page at a time, by number: none is ever given twice, so pages neither repeat nor skip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select

from tundish_platform.assets.models import Signal
from tundish_platform.assets.signals import FIELDS, find_signals, info_of
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.kept import SCOPE, rows_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

_PAGE: Final = (
    select(*(getattr(Signal, name) for name in FIELDS))
    .where(Signal.tenant_id == SCOPE.tenant_id, Signal.id > bindparam("after"))
    .order_by(Signal.id)
    .limit(bindparam("most"))
)


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
    return [info_of(row) for row in rows_of(session, scope, _PAGE, after=after, most=limit)]


def page_as_told(session: Session, scope: TenantScope, after: int, limit: int) -> list[dict[str, Any]]:
    """`page_of_signals` as JSON tells signals: they were checked when declared, and columns are its members.

    Args:
        session: of the metadata database.
        scope: with the permission to read.
        after: number of the last signal of the page before; 0 for the first page.
        limit: at most so many.
    """
    if scope.signals is not None:
        return [one.model_dump(mode="json") for one in page_of_signals(session, scope, after, limit)]
    scope.require(Permission.READ)
    rows = rows_of(session, scope, _PAGE, after=after, most=limit)
    return [dict(zip(FIELDS, row, strict=True)) for row in rows]
