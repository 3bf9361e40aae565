"""Bringing the metadata database to the shape this version needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tundish_platform.migrations.rowsecurity import MIGRATING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tundish_platform.tenancy.metadata import Metadata

# Any number will do, as long as every version of the platform takes the same one.
_LOCK = 7_358_301


class NewerDatabase(Exception):  # noqa: N818 - says what the database is
    """A later version of the platform migrated the database; this one must not touch it."""


def upgrade(metadata: Metadata) -> None:
    """Bring the database up to date; does nothing to one that is. All of it happens, or nothing.

    Args:
        metadata: an empty database, or one of this or an earlier version.

    Raises:
        NewerDatabase: it is of a later one.
    """
    with metadata.engine.begin() as connection:
        _take_alone(connection)
        waiting(connection)
        command.upgrade(configuration(connection), "head")


def revision_of(connection: Connection) -> str | None:
    """The database's revision; None for one without tables."""
    return MigrationContext.configure(connection).get_current_revision()


def waiting(connection: Connection) -> list[tuple[str, str]]:
    """Revisions that the database lacks, the oldest first, each with what it does in words.

    Raises:
        NewerDatabase: the database's revision is none that this version knows.
    """
    scripts = ScriptDirectory.from_config(configuration(connection))
    known = list(scripts.walk_revisions())
    at = revision_of(connection)
    numbers = [script.revision for script in known]
    if at is not None and at not in numbers:
        raise NewerDatabase(
            f"数据库由更新版本的平台写入 (版本 {at}), 本程序只到 {numbers[0]}。请启动更新的版本, "
            "或恢复升级前的备份。\n"
            f"The database was written by a later version of the platform (revision {at}); this one knows "
            f"revisions up to {numbers[0]}. Start the later version, or restore the backup from before the "
            "upgrade."
        )
    behind = known if at is None else known[: numbers.index(at)]
    return [(script.revision, script.doc.splitlines()[0]) for script in reversed(behind)]


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for one connection; no ini file is needed."""
    config = Config()
    config.set_main_option("script_location", "tundish_platform:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _take_alone(connection: Connection) -> None:
    """Let servers that start together migrate one after the other, and a failed migration leave no trace."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        connection.execute(text("SELECT set_config(:name, 'on', true)"), {"name": MIGRATING})
    else:
        # Python's sqlite3 would let every CREATE TABLE commit on its own.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
