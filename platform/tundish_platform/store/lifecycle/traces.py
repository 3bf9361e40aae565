"""What is left of a tenant in a database and in files: finding it, and scrubbing what deleting leaves."""

from __future__ import annotations

import mmap
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import String, func, select, text

from tundish_platform.tenancy.metadata import Base

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Engine, Table
    from sqlalchemy.orm import Session

_MARKS: Final = 32
_BUSY_MS: Final = 5000
_SHORTEST: Final = 8
"""Shorter words are found by chance."""


class StillInUse(RuntimeError):  # noqa: N818 - says how it stands
    """Somebody reads the database's old pages at this moment; try again."""


def tenant_tables() -> Iterator[Table]:
    """Tables whose rows belong to a tenant."""
    for table in Base.metadata.sorted_tables:
        column = table.c.get("tenant_id")
        if column is not None and any(key.target_fullname == "tenant.id" for key in column.foreign_keys):
            yield table


def rows_of(session: Session, tenant_id: int) -> dict[str, int]:
    """How many rows of a tenant there are, by table; the tenant's own row included."""
    tenant = Base.metadata.tables["tenant"]
    places = [(tenant, tenant.c.id), *((table, table.c.tenant_id) for table in tenant_tables())]
    counted = {
        table.name: session.scalar(select(func.count()).select_from(table).where(column == tenant_id)) or 0
        for table, column in places
    }
    return {name: rows for name, rows in counted.items() if rows}


def marks(session: Session, tenant_id: int) -> list[bytes]:
    """Words that only this tenant's rows hold, by which what is left of it can be known; at most `_MARKS`."""
    found: set[str] = set()
    for table in tenant_tables():
        for column in table.columns:
            if isinstance(column.type, String) and not column.foreign_keys:
                mine = select(column).distinct().where(table.c.tenant_id == tenant_id)
                others = select(column).where(table.c.tenant_id != tenant_id, column.is_not(None))
                words = session.scalars(mine.where(column.not_in(others)).limit(_MARKS))
                found.update(word for word in words if word and len(word.encode()) >= _SHORTEST)
    return [word.encode() for word in sorted(found, key=len, reverse=True)[:_MARKS]]


def scrub(engine: Engine) -> None:
    """Take away what deleted rows leave in the database's files.

    SQLite: the file is written anew without free pages, and its log emptied. PostgreSQL: the tables are
    written anew; its log lets old pages go by itself, after the next checkpoints.

    Raises:
        StillInUse: SQLite's log cannot be emptied, because somebody reads.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name != "sqlite":
            quote = engine.dialect.identifier_preparer.quote
            for table in Base.metadata.sorted_tables:
                connection.execute(text(f"VACUUM (FULL) {quote(table.name)}"))
            return
        connection.exec_driver_sql("VACUUM")
        # Not given back to the pool: others shall wait as long as they always do.
        connection.detach()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={_BUSY_MS}")
        if connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar():
            raise StillInUse("the metadata database is being read, so its log still holds old pages")


def store_files(root: Path, engine: Engine) -> list[Path]:
    """All files below the store's folder but the database's."""
    database = set(database_files(engine))
    return sorted(path for path in root.rglob("*") if path.is_file() and path.resolve() not in database)


def database_files(engine: Engine) -> list[Path]:
    """SQLite's file with its log; of another database none that could be seen from here."""
    if engine.dialect.name != "sqlite" or not engine.url.database:
        return []
    base = Path(engine.url.database).resolve()
    return sorted(path for path in base.parent.glob(f"{base.name}*") if path.is_file())


def search(files: Iterable[Path], words: Sequence[bytes]) -> list[str]:
    """Which files hold any of the words, in words."""
    found = []
    for path in files:
        try:
            if words and path.stat().st_size and _holds(path, words):
                found.append(f"{path} still holds a word of the tenant")
        except FileNotFoundError:
            # A merge took it meanwhile; what it was merged into is looked at by structure.
            continue
    return found


def _holds(path: Path, words: Sequence[bytes]) -> bool:
    with path.open("rb") as file, closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data:
        return any(data.find(word) >= 0 for word in words)
