"""The metadata database: SQLite where everything is on one machine, PostgreSQL for servers."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, ForeignKey, MetaData, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column, sessionmaker
from sqlalchemy.types import TypeDecorator

from tundish_platform.tenancy.quick import QuickValues
from tundish_platform.tenancy.reach import NOBODY, Above, Reach, bind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from sqlalchemy import Dialect, Select

    from tundish_platform.tenancy.scope import TenantScope


_BUSY_S = 30.0
_KEPT_OPEN = 40


class UtcDateTime(TypeDecorator[datetime]):
    """Instants with a time zone, also on SQLite, which forgets it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; store UTC."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("a stored instant needs a time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All metadata tables. A table that belongs to a tenant also inherits `TenantOwned`."""

    # Later migrations must be able to name what they change; SQLite gives constraints no names itself.
    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_index",
            "uq": "%(table_name)s_%(column_0_N_name)s_unique",
            "fk": "%(table_name)s_%(column_0_N_name)s_reference",
            "pk": "%(table_name)s_key",
        }
    )


class TenantOwned:
    """Mixin of every table whose rows belong to one tenant; a test over the schema insists on it."""

    @declared_attr
    def tenant_id(cls) -> Mapped[int]:  # noqa: N805 - SQLAlchemy calls it with the class
        """The owner; every query filters on it, and the value comes from a `TenantScope` only."""
        return mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"), index=True)


def insert_into(session: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that knows ``on_conflict_…``; both databases have it, each in its own dialect."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return insert(table)


class Metadata:
    """The engine and its sessions.

    As made, its sessions reach no tenant's rows; `of` and `above` give handles whose sessions do. On SQLite
    the three are alike.

    Args:
        url: SQLAlchemy URL, ``sqlite:///path`` or ``postgresql+psycopg://…``.
    """

    _reach: Reach = NOBODY

    def __init__(self, url: str) -> None:
        # A file is never away, so only a server is asked whether it is still there.
        options: dict[str, Any] = {"pool_pre_ping": not url.startswith("sqlite")}
        if url.startswith("sqlite"):
            options["connect_args"] = {"timeout": _BUSY_S, "check_same_thread": False}
            # As many as a server has threads: those beyond the pool would open the file for each request.
            options["pool_size"] = _KEPT_OPEN
            if make_url(url).database:
                # The one given back last has its pages in memory; in turns all of them would read anew.
                options["pool_use_lifo"] = True
        self.engine = create_engine(url, **options)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._reading = self.engine
        self._quick = QuickValues.of(self.engine, _BUSY_S)
        if self.engine.dialect.name == "postgresql":
            event.listen(self._sessions, "after_begin", bind)
            self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def of(self, scope: TenantScope) -> Self:
        """The same database for work in one tenant: sessions reach its rows and no other tenant's."""
        return self._reaching(Reach(tenant=scope.tenant_id))

    def above(self, work: Above) -> Self:
        """The same database for a named work above tenants: sessions reach every tenant's rows."""
        return self._reaching(Reach(above=work))

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on any error."""
        with self._sessions(info={"reach": self._reach}) as session, session.begin():
            yield session

    def value(self, query: Select[Any]) -> Any:  # noqa: ANN401 - of whatever column
        """One value of a table without an owner, as it is committed now; costs less than a session.

        Args:
            query: one that is made once and kept, for its text is.
        """
        if self._quick is not None:
            return self._quick.value(query)
        with self._reading.connect() as connection:
            return connection.scalar(query)

    def _reaching(self, reach: Reach) -> Self:
        # As `copy.copy` does it, without a look at how this class wants to be copied: a request makes two.
        handle = object.__new__(type(self))
        handle.__dict__.update(self.__dict__)
        handle._reach = reach
        return handle

    def settle(self) -> None:
        """Make durable what can be read.

        A process that died in a commit may have left it readable and not synced. Who then removed files that
        the manifest seems to need no more would lack them after a power cut, which takes that commit back.
        PostgreSQL shows nothing that is not durable.
        """
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect() as connection:
                try:
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(FULL)").all()
                except OperationalError as error:
                    # SQLite syncs its log before it copies out of it: a full disk stops the copy only, and
                    # what can be read is safe. A sync that failed has another code.
                    if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                        raise

    def close(self) -> None:
        """Give all connections back."""
        if self._quick is not None:
            self._quick.close()
        self.engine.dispose()


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    _write_ahead(cursor)
    # FULL, because NORMAL lost committed rows in every simulated power cut (docs/decisions).
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Set the mode. A new file must be had alone for that, and SQLite does not wait for it by itself."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
