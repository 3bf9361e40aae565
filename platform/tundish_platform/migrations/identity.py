"""The count of changes that decide who may do what; triggers keep it, so that no way of changing forgets it.

A migration that makes one of these tables anew on SQLite (Alembic's batch mode) drops its triggers with it
and has to call `make` again; the tests of every watched change fail if one forgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_ANY: Final = ("INSERT", "DELETE", "UPDATE")
WATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    "api_token": ("DELETE", "UPDATE OF digest, name, expires_at, revoked_at"),
    "token_grant": _ANY,
    "token_role": _ANY,
    # Sessions that are opened or seen again change nothing that anybody remembers.
    "person_session": ("DELETE", "UPDATE OF digest, user_id, expires_at, ended_at"),
    "user_account": ("DELETE", "UPDATE OF name, disabled_at"),
    "user_role": _ANY,
    "membership": _ANY,
    # Each new signal counts the tenant's numbers up, which is nobody's right.
    "tenant": ("DELETE", "UPDATE OF slug"),
}
"""By table, the changes after which a principal may be another one."""

_COUNT: Final = "UPDATE identity_version SET version = version + 1 WHERE id = 1;"
_FUNCTION: Final = (
    f"CREATE OR REPLACE FUNCTION identity_changed() RETURNS trigger LANGUAGE plpgsql AS $$"
    f" BEGIN {_COUNT} RETURN NULL; END $$"
)


def make(connection: Connection) -> None:
    """Let the watched tables count their changes; they and ``identity_version`` must be there."""
    for statement in _statements(connection):
        connection.exec_driver_sql(statement)


def drop(connection: Connection) -> None:
    """Let them be."""
    for table in WATCHED:
        for name, _ in _triggers(connection, table):
            place = "" if connection.dialect.name == "sqlite" else f" ON {table}"
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}{place}"))
    if connection.dialect.name != "sqlite":
        connection.execute(text("DROP FUNCTION IF EXISTS identity_changed()"))


def _statements(connection: Connection) -> list[str]:
    if connection.dialect.name == "sqlite":
        return [
            f"CREATE TRIGGER {name} AFTER {change} ON {table} BEGIN {_COUNT} END"
            for table in WATCHED
            for name, change in _triggers(connection, table)
        ]
    # Deferred: the one row is held from the end of a transaction only, so that nobody waits in a ring for it.
    return [
        _FUNCTION,
        *(
            f"CREATE CONSTRAINT TRIGGER {name} AFTER {change} ON {table} DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW EXECUTE FUNCTION identity_changed()"
            for table in WATCHED
            for name, change in _triggers(connection, table)
        ),
    ]


def _triggers(connection: Connection, table: str) -> list[tuple[str, str]]:
    """Name and change of each of a table's triggers; SQLite takes one change at a time."""
    if connection.dialect.name == "sqlite":
        return [(f"identity_{table}_{change.split()[0].lower()}", change) for change in WATCHED[table]]
    return [(f"identity_{table}", " OR ".join(WATCHED[table]))]
