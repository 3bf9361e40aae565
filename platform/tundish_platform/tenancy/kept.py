"""Statements that are made once and kept: to put one together takes SQLAlchemy longer than to carry it out.

What such a statement asks of a tenant's table it filters by ``SCOPE.tenant_id``, a place that only `rows_of`
and `objects_of` fill, and only with a scope's tenant. Carried out in any other way it fails.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, TypeVar, TypeVarTuple

from sqlalchemy import bindparam

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import CursorResult, ScalarResult, Select
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.scope import TenantScope

_PLACE: Final = "tenant_of_scope"
SCOPE: Final = SimpleNamespace(tenant_id=bindparam(_PLACE, required=True))

Columns = TypeVarTuple("Columns")
Row = TypeVar("Row")


def rows_of(
    session: Session, scope: TenantScope, query: Select[*Columns], **asked: object
) -> CursorResult[*Columns]:
    """Columns as the database gives them, past what a session does to make objects of rows.

    Args:
        session: whose transaction it is; what it holds back is written first, as for any query.
        scope: whose rows.
        query: of columns only.
        asked: values of its other places.
    """
    session.flush()
    return session.connection().execute(query, _filled(asked, scope.tenant_id))


def objects_of(
    session: Session, scope: TenantScope, query: Select[Row], **asked: object
) -> ScalarResult[Row]:
    """Objects of one table, as `Session.scalars` gives them.

    Args:
        session: whose transaction it is.
        scope: whose rows.
        query: of one class.
        asked: values of its other places.
    """
    return session.scalars(query, _filled(asked, scope.tenant_id))


def _filled(asked: Mapping[str, object], tenant: int) -> dict[str, object]:
    # Last, so that no other place's value can stand for the tenant.
    return {**asked, _PLACE: tenant}
