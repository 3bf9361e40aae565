"""The metadata database in a backup: always one SQLite file of one moment, from whichever database.

SQLite is copied by its own online backup. PostgreSQL is read in one repeatable-read transaction, so writers
go on, into a SQLite file of the same revision; pg_dump would need its own version, a role past row-level
security, and a server for every restore. Rows are counted and digested on both sides.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa
from alembic import command

from tundish_platform.migrations import configuration, revision_of
from tundish_platform.migrations.rowsecurity import MIGRATING
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above, Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_VERSION: Final = "alembic_version"
# SQLite's index of words is made of the signals' own rows by triggers.
_DERIVED: Final = "signal_search"
# Triggers count it up with the rows that come in; it is set when all are there.
_COUNTED: Final = "identity_version"
_AT_ONCE: Final = 2000
# Row-level security and the roles that it knows.
_GUARDED_SINCE: Final = "0010"


class NotTheSame(Exception):  # noqa: N818 - says how a copy is
    """A copy of the database differs from what was copied; the message names tables."""


class TableFacts(NamedTuple):
    """A table's rows in short.

    Attributes:
        rows: how many.
        digest: sum of the SHA-256 of each row, so that it does not hang on their order.
    """

    rows: int
    digest: str


def snapshot(url: str, target: Path) -> str:
    """Copy the database as it is at one moment into a new SQLite file; returns its revision.

    Raises:
        NotTheSame: the copy differs.
        sqlalchemy.exc.SQLAlchemyError, sqlite3.Error: the database cannot be read.
    """
    place = sa.make_url(url)
    if place.get_backend_name() == "sqlite":
        with (
            closing(sqlite3.connect(str(place.database))) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            # In one go: in parts it would begin anew with every change.
            source.backup(copy, pages=-1)
    else:
        _copied_from_server(url, target)
    single_file(target)
    with opened(target) as connection:
        return revision_of(connection) or ""


def single_file(path: Path) -> None:
    """Bring what lies beside a SQLite file into it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()


@contextmanager
def opened(path: Path, *, write: bool = False) -> Iterator[sa.Connection]:
    """A connection to a SQLite file of a backup; references between tables are not enforced."""
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        with engine.begin() if write else engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def tables_of(connection: sa.Connection) -> list[sa.Table]:
    """The platform's tables as the database has them, those that are referred to first."""
    found = sa.MetaData()
    found.reflect(connection)
    return [t for t in found.sorted_tables if t.name != _VERSION and not t.name.startswith(_DERIVED)]


def table_facts(connection: sa.Connection) -> dict[str, TableFacts]:
    """Rows and digest of every table; the same for the same rows in SQLite and PostgreSQL."""
    return {table.name: _facts(connection, table) for table in tables_of(connection)}


def differing(one: Mapping[str, TableFacts], other: Mapping[str, TableFacts]) -> list[str]:
    """Tables whose rows differ, in words."""
    found = []
    for name in sorted(one.keys() | other.keys()):
        mine, its = one.get(name), other.get(name)
        if mine is None or its is None:
            found.append(f"table {name} is missing")
        elif mine != its:
            rows = f"{mine.rows} rows, not {its.rows}" if mine.rows != its.rows else "other values"
            found.append(f"table {name} has {rows}")
    return found


def fill_server(source: sa.Connection, url: str, revision: str) -> None:
    """Make the tables of a revision in an empty database of a server and put all rows in; all or nothing.

    Raises:
        NotTheSame: what came to lie there differs.
        FileExistsError: there are tables already.
    """
    metadata = Metadata(url)
    try:
        with metadata.engine.begin() as connection:
            if sa.inspect(connection).get_table_names():
                raise FileExistsError("the database has tables already; name an empty one")
            connection.execute(sa.text("SELECT set_config(:name, 'on', true)"), {"name": MIGRATING})
            command.upgrade(configuration(connection), revision)
            copy_rows(source, connection)
            _check(source, connection)
    finally:
        metadata.close()


def make_empty(path: Path, revision: str) -> None:
    """A new SQLite file with the tables of a revision."""
    metadata = Metadata(f"sqlite:///{path}")
    try:
        with metadata.engine.begin() as connection:
            command.upgrade(configuration(connection), revision)
    finally:
        metadata.close()
    single_file(path)


def cut_out(whole: Path, target: Path, revision: str, tenant_id: int) -> None:
    """Make a SQLite file of one tenant's rows, and of whom and what they refer to above tenants.

    People are there by their names only: their passwords and factors belong to no tenant.
    """
    make_empty(target, revision)
    with opened(whole) as source, opened(target, write=True) as copy:
        tables = tables_of(source)
        copy_rows(source, copy, lambda table: _of_tenant(table, tables, tenant_id))
        people = next(table for table in tables if table.name == "user_account")
        copy.execute(people.update().values(password_hash=""))


def owner_of(table: sa.Table) -> sa.Column[int] | None:
    """The column that says whose a row is; None for a table above tenants."""
    column = table.columns.get("tenant_id")
    refers = column is not None and any(key.column.table.name == "tenant" for key in column.foreign_keys)
    return column if refers else None


def _of_tenant(table: sa.Table, tables: Sequence[sa.Table], tenant_id: int) -> sa.ColumnElement[bool]:
    if table.name == "tenant":
        return table.c.id == tenant_id
    owner = owner_of(table)
    if owner is not None:
        return owner == tenant_id
    wanted = [
        table.c[key.column.name].in_(sa.select(key.parent).where(whose == tenant_id))
        for other in tables
        if (whose := owner_of(other)) is not None
        for key in other.foreign_keys
        if key.column.table.name == table.name
    ]
    return sa.or_(sa.false(), *wanted)


def copy_rows(
    source: sa.Connection,
    target: sa.Connection,
    chosen: Callable[[sa.Table], sa.ColumnElement[bool] | None] | None = None,
) -> None:
    """Put all rows of one database in the place of another's of the same revision.

    Args:
        source: where from.
        target: where to; in a transaction.
        chosen: says which rows of a table; without it all of them.
    """
    tables = tables_of(target)
    for table in reversed(tables):
        target.execute(table.delete())
    for table in tables:
        if table.name != _COUNTED:
            _copy_table(source, target, table, chosen(table) if chosen else None)
    if target.dialect.name == "postgresql":
        target.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE"))
    counted = next((table for table in tables if table.name == _COUNTED), None)
    if counted is not None:
        target.execute(counted.delete())
        _copy_table(source, target, counted, None)
    for table in tables:
        _copy_number(source, target, table)


def _copied_from_server(url: str, target: Path) -> None:
    metadata = Metadata(url)
    try:
        reading = metadata.engine.execution_options(isolation_level="REPEATABLE READ")
        with reading.begin() as source:
            source.execute(sa.text("SET TRANSACTION READ ONLY"))
            revision = revision_of(source) or ""
            if revision >= _GUARDED_SINCE:
                Reach(above=Above.OPERATOR).set(source)
            make_empty(target, revision)
            with opened(target, write=True) as copy:
                copy_rows(source, copy)
                _check(source, copy)
    finally:
        metadata.close()


def _check(source: sa.Connection, copy: sa.Connection) -> None:
    if found := differing(table_facts(copy), table_facts(source)):
        raise NotTheSame("; ".join(found))


def _copy_table(
    source: sa.Connection, target: sa.Connection, table: sa.Table, chosen: sa.ColumnElement[bool] | None
) -> None:
    query = sa.select(*(read_column(column) for column in table.columns))
    if chosen is not None:
        query = query.where(chosen)
    upwards = refers_upwards(table) if target.dialect.name == "postgresql" else []
    insert = table.insert().values({column.name: bound_column(column, target) for column in table.columns})
    found = source.execution_options(yield_per=_AT_ONCE).execute(query)
    later: list[dict[str, Any]] = []
    for part in found.partitions(_AT_ONCE):
        rows = [dict(zip(table.columns.keys(), row, strict=True)) for row in part]
        for column in upwards:
            # The row that it refers to may come later.
            later += [{"_id": row["id"], column: row[column]} for row in rows if row[column] is not None]
            for row in rows:
                row[column] = None
        target.execute(insert, rows)
    for column in upwards:
        update = table.update().where(table.c.id == sa.bindparam("_id"))
        rows = [row for row in later if column in row]
        if rows:
            target.execute(update.values({column: sa.bindparam(column)}), rows)


def refers_upwards(table: sa.Table) -> list[str]:
    """Columns that refer to rows of the same table."""
    return [c.name for c in table.columns for key in c.foreign_keys if key.column.table is table]


def read_column(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column to select, for `bound_column`."""
    # As text, because a JSON null and no value at all would both come as None.
    return sa.cast(column, sa.Text) if isinstance(column.type, sa.JSON) else column


def bound_column(column: sa.Column[Any], target: sa.Connection) -> sa.ColumnElement[Any]:
    """The parameter that puts what `read_column` gave into a database of either kind."""
    if isinstance(column.type, sa.JSON):
        text = sa.bindparam(column.name, type_=sa.Text())
        return sa.cast(text, sa.JSON) if target.dialect.name == "postgresql" else text
    if isinstance(column.type, sa.DateTime):
        return sa.bindparam(column.name, type_=_Instant(timezone=True))
    return sa.bindparam(column.name, type_=column.type)


class _Instant(sa.types.TypeDecorator[datetime]):
    """An instant on its way between the two databases, of which one forgets the zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc


def _copy_number(source: sa.Connection, target: sa.Connection, table: sa.Table) -> None:
    """Let numbers that were given once never be given again."""
    keys = list(table.primary_key.columns)
    if len(keys) != 1 or not isinstance(keys[0].type, sa.Integer):
        return
    last = max(_last_number(source, table), target.scalar(sa.select(sa.func.max(keys[0]))) or 0)
    if not last:
        return
    if target.dialect.name == "postgresql":
        sequence = target.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, keys[0].name)))
        if sequence:
            target.execute(sa.select(sa.func.setval(sequence, last)))
    elif _counts(target, table.name):
        numbers = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        target.execute(sa.delete(numbers).where(numbers.c.name == table.name))
        target.execute(sa.insert(numbers).values(name=table.name, seq=last))


def _last_number(connection: sa.Connection, table: sa.Table) -> int:
    if connection.dialect.name == "sqlite":
        if not _counts(connection, table.name):
            return 0
        numbers = sa.table("sqlite_sequence", sa.column("name"), sa.column("seq"))
        return int(connection.scalar(sa.select(numbers.c.seq).where(numbers.c.name == table.name)) or 0)
    key = next(iter(table.primary_key.columns)).name
    name = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, key)))
    if not name:
        return 0
    query = sa.text(
        "SELECT last_value FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) = :name"
    )
    return int(connection.scalar(query, {"name": name}) or 0)


def _counts(connection: sa.Connection, table: str) -> bool:
    """Whether SQLite remembers the highest number that the table ever had."""
    master = sa.table("sqlite_master", sa.column("name"), sa.column("sql"))
    made = connection.scalar(sa.select(master.c.sql).where(master.c.name == table)) or ""
    return "AUTOINCREMENT" in made.upper()


def _facts(connection: sa.Connection, table: sa.Table) -> TableFacts:
    columns = sorted(table.columns, key=lambda column: column.name)
    json_at = {at for at, column in enumerate(columns) if isinstance(column.type, sa.JSON)}
    query = sa.select(*(read_column(column) for column in columns))
    count = total = 0
    for row in connection.execution_options(yield_per=_AT_ONCE).execute(query):
        line = json.dumps(_plain(row, json_at), ensure_ascii=False, separators=(",", ":"))
        total += int.from_bytes(hashlib.sha256(line.encode()).digest(), "big")
        count += 1
    return TableFacts(count, f"{total % 2**256:064x}")


def _plain(row: Sequence[Any], json_at: set[int]) -> list[Any]:
    return [
        json.dumps(json.loads(value), sort_keys=True)
        if at in json_at and value is not None
        else _plain_value(value)
        for at, value in enumerate(row)
    ]


def _plain_value(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    if isinstance(value, datetime):
        utc = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        return utc.isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    if isinstance(value, float):
        return repr(value)
    return value
