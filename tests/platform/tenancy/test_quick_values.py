"""One value at a time out of SQLite: always the newest, of the column's type, and nothing left behind."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tundish_platform.tenancy import quick
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLUG = sa.select(Tenant.slug).order_by(Tenant.id.desc()).limit(1)


def test_what_another_connection_committed_is_read_at_once(new_sqlite: Callable[[], Metadata]) -> None:
    metadata = new_sqlite()
    other = Metadata(metadata.engine.url.render_as_string())
    assert metadata.value(SLUG) is None
    for slug in ("steel", "power"):
        with other.session() as session:
            create_tenant(session, slug, "厂", "Plant")
            assert metadata.value(SLUG) != slug
        assert metadata.value(SLUG) == slug
    other.close()


def test_a_value_has_its_columns_type(new_sqlite: Callable[[], Metadata]) -> None:
    metadata = new_sqlite()
    before = datetime.now(UTC)
    with metadata.session() as session:
        create_tenant(session, "steel", "厂", "Plant")
    assert before <= metadata.value(sa.select(Tenant.created_at)) <= datetime.now(UTC)


def test_no_view_of_the_file_is_held(new_sqlite: Callable[[], Metadata]) -> None:
    metadata = new_sqlite()
    with metadata.session() as session:
        for slug in ("steel", "power"):
            create_tenant(session, slug, "厂", "Plant")
    # Two rows, of which one is wanted: the log can be emptied only if nobody stands between them.
    assert metadata.value(sa.select(Tenant.slug)) in {"steel", "power"}
    with metadata.engine.connect() as connection:
        busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    assert busy == 0


def test_threads_share_a_few_connections(
    new_sqlite: Callable[[], Metadata], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, connect = [], sqlite3.connect

    def counted(*args: object, **more: object) -> object:
        opened.append(connect(*args, **more))  # type: ignore[call-overload] # handed through
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", counted)
    metadata = new_sqlite()
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: metadata.value(SLUG), range(400))) == {None}
    mine = [one for one in opened if one.isolation_level is None]
    assert 1 <= len(mine) <= 4
    metadata.close()
    for connection in mine:
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")


def test_what_goes_wrong_is_told_as_the_engine_tells_it(tmp_path: Path) -> None:
    empty = Metadata(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    with pytest.raises(OperationalError, match="no such table"):
        empty.value(SLUG)
    empty.close()
    nowhere = Metadata(f"sqlite:///{tmp_path / 'no' / 'such.sqlite'}")
    with pytest.raises(OperationalError, match="unable to open"):
        nowhere.value(SLUG)
    nowhere.close()


def test_a_database_in_memory_is_asked_by_its_engine() -> None:
    metadata = Metadata("sqlite://")
    with pytest.raises(OperationalError, match="no such table"):
        metadata.value(SLUG)
    assert quick.QuickValues.of(metadata.engine, 1.0) is None
    metadata.close()
