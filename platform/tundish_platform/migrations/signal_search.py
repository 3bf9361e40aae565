"""The index in which signals are searched; each database has another one.

SQLite: a full text table of trigrams without contents of its own, kept by triggers. A migration that makes
the table ``signal`` anew (Alembic's batch mode) drops them with it and has to call `make` again.
PostgreSQL: an index of pg_trgm where that extension may be had; otherwise a tenant's rows are looked through.
"""

from __future__ import annotations

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

_log = structlog.get_logger(__name__)

_ADD = "INSERT INTO signal_search (rowid, words) VALUES ((new.tenant_id << 32) + new.id, new.search);"
# A table without contents has to be told what it shall forget.
_FORGET = (
    "INSERT INTO signal_search (signal_search, rowid, words)"
    " VALUES ('delete', (old.tenant_id << 32) + old.id, old.search);"
)
_CHANGED = "AFTER UPDATE OF search ON signal WHEN old.search <> new.search"
_SQLITE = (
    "CREATE VIRTUAL TABLE signal_search USING fts5(words, content='', tokenize='trigram')",
    "INSERT INTO signal_search (rowid, words) SELECT (tenant_id << 32) + id, search FROM signal",
    f"CREATE TRIGGER signal_search_added AFTER INSERT ON signal BEGIN {_ADD} END",
    f"CREATE TRIGGER signal_search_gone AFTER DELETE ON signal BEGIN {_FORGET} END",
    f"CREATE TRIGGER signal_search_changed {_CHANGED} BEGIN {_FORGET} {_ADD} END",
)
_SQLITE_DROP = (
    "DROP TRIGGER signal_search_added",
    "DROP TRIGGER signal_search_gone",
    "DROP TRIGGER signal_search_changed",
    "DROP TABLE signal_search",
)


def make(connection: Connection) -> None:
    """Make the index of the signals there are."""
    if connection.dialect.name == "sqlite":
        for statement in _SQLITE:
            connection.exec_driver_sql(statement)
        return
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError as error:
        _log.warning("no_pg_trgm_so_signals_are_searched_without_an_index", error=str(error.orig)[:200])
        return
    connection.execute(text("CREATE INDEX signal_search ON signal USING gin (search gin_trgm_ops)"))


def drop(connection: Connection) -> None:
    """Remove the index."""
    if connection.dialect.name == "sqlite":
        for statement in _SQLITE_DROP:
            connection.exec_driver_sql(statement)
    else:
        connection.execute(text("DROP INDEX IF EXISTS signal_search"))
