"""What the metadata database refuses, and which of its errors pass."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, StatementError

from tundish_platform.tenancy import metadata as module
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.models import User

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def failed(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("made up by the test")
    error.sqlite_errorcode = code
    return error


def test_an_instant_without_a_time_zone_is_not_stored(metadata: Metadata) -> None:
    moment = datetime(2026, 3, 1, 8)
    with pytest.raises(StatementError, match="time zone"), metadata.session() as session:
        session.execute(sa.select(User.id).where(User.disabled_at < moment))
    shanghai = moment.replace(tzinfo=timezone(timedelta(hours=8)))
    with metadata.session() as session:
        assert session.execute(sa.select(User.id).where(User.disabled_at < shanghai)).all() == []
        stored = session.scalar(sa.select(sa.literal(shanghai, User.disabled_at.type)))
    assert stored == moment.replace(tzinfo=UTC) - timedelta(hours=8)


def test_who_read_before_another_wrote_may_write_too(tmp_path: Path) -> None:
    """A read holds no old state that SQLite would refuse to write on, however long the transaction is."""
    metadata = Metadata(f"sqlite:///{tmp_path / 'm.sqlite'}")
    with metadata.session() as session:
        session.execute(sa.text("CREATE TABLE counted (n INTEGER)"))
        session.execute(sa.text("INSERT INTO counted VALUES (0)"))
    add = sa.text("UPDATE counted SET n = n + 1")
    with metadata.session() as reader:
        assert reader.scalar(sa.text("SELECT n FROM counted")) == 0
        with metadata.session() as other:
            other.execute(add)
        reader.execute(add)
    with metadata.session() as session:
        assert session.scalar(sa.text("SELECT n FROM counted")) == 2
    metadata.close()


@contextmanager
def failing(metadata: Metadata, code: int) -> Iterator[None]:
    def fail(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "wal_checkpoint" in statement:
            raise OperationalError(statement, {}, failed(code))

    sa.event.listen(metadata.engine, "before_cursor_execute", fail)
    yield
    sa.event.remove(metadata.engine, "before_cursor_execute", fail)


def test_only_a_full_disk_leaves_what_can_be_read_durable(tmp_path: Path) -> None:
    metadata = Metadata(f"sqlite:///{tmp_path / 'm.sqlite'}")
    metadata.settle()
    with failing(metadata, sqlite3.SQLITE_FULL):
        metadata.settle()
    with failing(metadata, sqlite3.SQLITE_IOERR), pytest.raises(OperationalError):
        metadata.settle()
    metadata.close()


class Cursor:
    """Fails once with each of the codes, then does as it is told."""

    def __init__(self, *codes: int) -> None:
        self._codes = list(codes)
        self.asked = 0

    def execute(self, _statement: str) -> None:
        self.asked += 1
        if self._codes:
            raise failed(self._codes.pop(0))


def test_a_busy_file_is_waited_for_and_a_broken_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    busy: Any = Cursor(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY)
    module._write_ahead(busy)
    assert busy.asked == 3
    broken: Any = Cursor(sqlite3.SQLITE_CANTOPEN)
    with pytest.raises(sqlite3.OperationalError):
        module._write_ahead(broken)
    monkeypatch.setattr(module, "_BUSY_S", -1.0)
    late: Any = Cursor(sqlite3.SQLITE_BUSY)
    with pytest.raises(sqlite3.OperationalError):
        module._write_ahead(late)
    assert (broken.asked, late.asked) == (1, 1)
