"""Statements that are made once reach the rows of the scope they are carried out for, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from tundish_platform.assets import page_as_told, page_of_signals, upsert_signals
from tundish_platform.assets.models import Signal
from tundish_platform.samples import SampleKind, SignalRole, SignalSpec
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.kept import SCOPE, objects_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

PATHS = sa.select(Signal.path).where(Signal.tenant_id == SCOPE.tenant_id)
SIGNALS = sa.select(Signal).where(Signal.tenant_id == SCOPE.tenant_id)


@pytest.fixture
def metadata(new_sqlite: Callable[[], Metadata]) -> Metadata:
    database = new_sqlite()
    with database.session() as session:
        for slug in ("steel", "power"):
            create_tenant(session, slug, "厂", "Plant")
    for slug in ("steel", "power"):
        with database.session() as session:
            spec = SignalSpec(
                path=f"{slug}/A/L/M/C/State", name_zh="状态", name_en="State", semantic="state",
                kind=SampleKind.TEXT, role=SignalRole.STATE, unit="", low=-1.5, period_s=2, step=True,
            )  # fmt: skip
            upsert_signals(session, _scope(database, slug), "opc", [spec])
    return database


def _scope(metadata: Metadata, slug: str) -> TenantScope:
    with metadata.session() as session:
        return access_tenant(job_principal(session, "test", Role.ANALYST), slug, Permission.INGEST)


@pytest.mark.parametrize("slug", ["steel", "power"])
def test_each_scope_has_its_own_rows(metadata: Metadata, slug: str) -> None:
    scope = _scope(metadata, slug)
    with metadata.of(scope).session() as session:
        assert [path for (path,) in rows_of(session, scope, PATHS)] == [f"{slug}/A/L/M/C/State"]
        assert [one.path for one in objects_of(session, scope, SIGNALS)] == [f"{slug}/A/L/M/C/State"]
        # Whatever else a caller hands over, the tenant is the scope's.
        assert len(rows_of(session, scope, PATHS, tenant_of_scope=99).all()) == 1
        assert len(objects_of(session, scope, SIGNALS, tenant_of_scope=99).all()) == 1


def test_without_a_scope_such_a_statement_fails(metadata: Metadata) -> None:
    with metadata.session() as session, pytest.raises(StatementError, match="tenant_of_scope"):
        session.execute(PATHS)


def test_what_the_session_holds_back_is_seen(metadata: Metadata) -> None:
    scope = _scope(metadata, "steel")
    with metadata.of(scope).session() as session:
        signal = session.scalars(sa.select(Signal).where(Signal.tenant_id == scope.tenant_id)).one()
        signal.path = "steel/A/L/M/C/Moved"
        assert rows_of(session, scope, PATHS).scalar() == "steel/A/L/M/C/Moved"
        session.rollback()


def test_a_page_as_told_is_the_page_as_json(metadata: Metadata) -> None:
    scope = _scope(metadata, "steel")
    narrow = scope.narrowed(frozenset({1}), scope.permissions)
    with metadata.of(scope).session() as session:
        page = [one.model_dump(mode="json") for one in page_of_signals(session, scope, 0, 10)]
        assert len(page) == 1
        assert page_as_told(session, scope, 0, 10) == page_as_told(session, narrow, 0, 10) == page
        assert page_as_told(session, scope.narrowed(frozenset(), scope.permissions), 0, 10) == []
        assert page_as_told(session, scope, 1, 10) == page_as_told(session, scope, 0, 0) == []
