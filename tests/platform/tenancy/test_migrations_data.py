"""From every revision there was, with a row in each of its tables, to the newest: nothing is lost."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from tundish_platform.migrations import configuration, upgrade
from tundish_platform.migrations.rowsecurity import weak_spots
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.accounts import check_token
from tundish_platform.tenancy.metadata import Base, Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Fill = Callable[[sa.Connection, Iterable[sa.Table]], None]

TOKEN = "tnd_from-the-first-day"
# What a later revision cannot keep, by table, with the revision that lets it go and why.
LET_GO = {
    "segment": ("0002", "files had another form; who tried the first heat imports again"),
    "sealed_up_to": ("0002", "says how far those files went"),
}
# Columns under another name since: table, then what they were called and are.
RENAMED = {"subscription": {"fen_per_month": "fen"}}
VERSION = "alembic_version"


def revisions() -> list[str]:
    scripts = ScriptDirectory.from_config(configuration(None))  # type: ignore[arg-type] # only the scripts
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


def tables(connection: sa.Connection) -> list[sa.Table]:
    found = sa.MetaData()
    found.reflect(connection)
    # SQLite's index of words is made of the signals' own rows, in tables of its own.
    return [t for t in found.sorted_tables if t.name != VERSION and not t.name.startswith("signal_search")]


def rows(connection: sa.Connection) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        for table in tables(connection)
    }


def changed(before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Tables whose rows are not what they were, in the columns that they had."""
    found = []
    for name, held in before.items():
        now = {key: RENAMED.get(name, {}).get(key, key) for key in held[0]}
        kept = [{key: row[at] for key, at in now.items() if at in row} for row in after.get(name, [])]
        if held != kept:
            found.append(name)
    return found


def filled(metadata: Metadata, revision: str, fill: Fill) -> dict[str, list[dict[str, Any]]]:
    with metadata.engine.begin() as connection:
        command.upgrade(configuration(connection), revision)
    with metadata.engine.begin() as connection:
        fill(connection, tables(connection))
        connection.execute(
            sa.text("UPDATE api_token SET digest = :digest, expires_at = NULL, revoked_at = NULL"),
            {"digest": hashlib.sha256(TOKEN.encode()).hexdigest()},
        )
        connection.execute(sa.text("UPDATE token_grant SET role = 'viewer'"))
        connection.execute(sa.text("UPDATE token_role SET role = 'bureau_officer'"))
    with metadata.engine.connect() as connection:
        return rows(connection)


@pytest.mark.parametrize("revision", revisions())
def test_every_row_of_a_revision_is_there_and_means_the_same_in_the_newest(
    empty_url: str, revision: str, fill_tables: Fill
) -> None:
    metadata = Metadata(empty_url)
    before = filled(metadata, revision, fill_tables)
    assert before
    assert all(before.values())
    upgrade(metadata)
    with metadata.engine.connect() as connection:
        after = rows(connection)
        assert {spot for spot in weak_spots(connection) if "no protection" in spot} == set()
    gone = {name for name, (at, _) in LET_GO.items() if revision < at}
    assert set(changed(before, after)) == gone
    with metadata.above(Above.OPERATOR).session() as session:
        # The platform reads them by its own classes, and an old token still opens what it did.
        for mapper in Base.registry.mappers:
            table = mapper.local_table.name  # type: ignore[attr-defined] # mapped classes here all have a table
            read = session.scalars(sa.select(mapper.class_)).all()
            assert len(read) == len(after[table]), table
        principal = check_token(session, TOKEN)
        assert [principal.permissions(slug) for slug in principal.tenants] == [{Permission.READ}]
    metadata.close()


def test_signals_of_two_tenants_with_the_same_numbers_hang_each_in_its_own_tree(
    empty_url: str, fill_tables: Fill
) -> None:
    metadata, paths = Metadata(empty_url), ["Works/Melt/L1/M/A", "Hall/Test/B1/G/B"]
    with metadata.engine.begin() as connection:
        command.upgrade(configuration(connection), "0006")
        signal = next(table for table in tables(connection) if table.name == "signal")
        for path in paths:
            fill_tables(connection, [signal])
            last = sa.select(sa.func.max(signal.c.tenant_id)).scalar_subquery()
            connection.execute(signal.update().where(signal.c.tenant_id == last).values(id=7, path=path))
    upgrade(metadata)
    with metadata.engine.connect() as connection:
        found = rows(connection)
    metadata.close()
    for path, row in zip(paths, sorted(found["signal"], key=lambda one: one["tenant_id"]), strict=True):
        tree = {node["id"]: node["path"] for node in found["asset"] if node["tenant_id"] == row["tenant_id"]}
        parts = path.split("/")
        assert sorted(tree.values()) == ["/".join(parts[:depth]) for depth in range(len(parts))]
        assert (row["path"], tree[row["asset_id"]]) == (path, "/".join(parts[:-1]))
        assert path.lower() in row["search"].lower()


def test_a_row_or_a_value_that_a_migration_loses_is_noticed(empty_url: str, fill_tables: Fill) -> None:
    metadata = Metadata(empty_url)
    before = filled(metadata, "0005", fill_tables)
    with metadata.engine.begin() as connection:
        connection.execute(sa.text("UPDATE signal SET unit = ''"))
        connection.execute(sa.text("DELETE FROM alarm_event"))
    upgrade(metadata)
    with metadata.engine.connect() as connection:
        assert set(changed(before, rows(connection))) == {"signal", "alarm_event"}
    metadata.close()
