"""Bringing the metadata database to the shape this version needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from tundish_platform.migrations.rowsecurity import MIGRATING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tundish_platform.tenancy.metadata import Metadata

# Any number will do, as long as every version of the platform takes the same one.
_LOCK = 7_358_301


def upgrade(metadata: Metadata) -> None:
    """Bring the database up to date; does nothing to one that is. All of it happens, or nothing.

    Args:
        metadata: an empty database, or one of this or an earlier version.
    """
    with metadata.engine.begin() as connection:
        _take_alone(connection)
        command.upgrade(configuration(connection), "head")


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
