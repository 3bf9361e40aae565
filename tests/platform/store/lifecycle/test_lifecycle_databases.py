"""What policies and removals ask of the database holds on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tundish_platform.migrations import upgrade
from tundish_platform.store.lifecycle import traces
from tundish_platform.store.lifecycle.policy import (
    PolicyChange,
    PolicyDefaults,
    PolicyRefused,
    change_policy,
    is_held,
    operator_scope,
    place_hold,
    release_hold,
)
from tundish_platform.store.lifecycle.removal import (
    RemovalRefused,
    Removals,
    begin_removal,
    open_removals,
    removing,
)
from tundish_platform.store.lifecycle.tables import RetentionRecord
from tundish_platform.tenancy import Principal, Role
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))


class EmptyPlace:
    """A store without a file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def close_tenant(self, tenant_id: int) -> None: ...
    def clear_log(self, tenant_id: int) -> None: ...
    def clear_first_level(self, tenant_id: int) -> None: ...
    def clear_folder(self, tenant_id: int, slug: str) -> Mapping[str, int]:
        del tenant_id, slug
        return {"files": 0}

    def leftovers(self, tenant_id: int, slug: str) -> list[str]:
        del tenant_id, slug
        return []


@pytest.fixture
def database(empty_url: str) -> Iterator[Metadata]:
    found = Metadata(empty_url).above(Above.STORE)
    upgrade(found)
    with found.session() as session:
        create_tenant(session, "first", "第一", "First")
        create_tenant(session, "steel", "钢", "Steel of the canary")
        create_tenant(session, "power", "电", "Power")
    yield found
    found.close()


def scope(database: Metadata) -> TenantScope:
    with database.session() as session:
        return operator_scope(session, OPERATOR, "steel")


def test_policies_records_and_removals(database: Metadata, tmp_path: Path) -> None:
    steel = scope(database)
    with database.session() as session:
        change_policy(session, steel, PolicyChange(max_bytes=2**40, raw_days=5), PolicyDefaults())
        place_hold(session, steel, "case 7")
        session.add(
            RetentionRecord(
                tenant_id=steel.tenant_id, kind="numeric", day=date(2026, 1, 1), level="raw", rows=2**40,
                bytes=2**41, days=5, removed_at=datetime.now(UTC), pending=["numeric/a"], unfinished=True,
            )
        )  # fmt: skip
    with database.session() as session:
        assert is_held(session, steel.tenant_id)
        release_hold(session, steel)
        number = begin_removal(session, steel, "contract ended")
        assert removing(session) == {steel.tenant_id}
        assert "store_policy" in traces.rows_of(session, steel.tenant_id)
    receipt = Removals(database, EmptyPlace(tmp_path)).run(number)
    assert receipt["metadata_rows"] == 3
    assert open_removals(database) == []
    with database.session() as session:
        assert traces.rows_of(session, steel.tenant_id) == {}
        assert session.scalar(text("SELECT count(*) FROM tenant")) == 2


def hold(session: Session, steel: TenantScope) -> None:
    place_hold(session, steel, "case 7")


def remove(session: Session, steel: TenantScope) -> None:
    begin_removal(session, steel, "contract ended")


@pytest.mark.parametrize(("first", "second"), [(hold, remove), (remove, hold)])
def test_of_a_hold_and_a_removal_only_one_goes_through(
    database: Metadata,
    first: Callable[[Session, TenantScope], None],
    second: Callable[[Session, TenantScope], None],
) -> None:
    steel = scope(database)
    refused: list[Exception] = []

    def other() -> None:
        try:
            with database.session() as session:
                second(session, steel)
        except (PolicyRefused, RemovalRefused) as error:
            refused.append(error)

    thread = threading.Thread(target=other)
    with database.session() as session:
        first(session, steel)
        thread.start()
        # Time enough for one that does not wait; one that does goes on with the commit.
        thread.join(0.5)
    thread.join()
    assert len(refused) == 1
    with database.session() as session:
        assert is_held(session, steel.tenant_id) is (first is hold)
    assert len(open_removals(database)) == (first is remove)
