"""`tundish metadata`: the database of tenants, people and signals; making its tables, checking its guard."""

from __future__ import annotations

import json as texts

import typer

from tundish_deploy.commands.options import JsonOption, SettingsOption, give_up, usable_settings

app = typer.Typer(no_args_is_help=True)

_SETUP = """\
-- Once, as a superuser of PostgreSQL. Put passwords in place of the dots.
CREATE ROLE tundish_owner LOGIN PASSWORD '...';
CREATE ROLE tundish_server LOGIN PASSWORD '...';
CREATE ROLE tundish_tenant NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE tundish_above NOLOGIN NOSUPERUSER NOBYPASSRLS;
GRANT tundish_tenant, tundish_above TO tundish_owner, tundish_server;
CREATE DATABASE tundish OWNER tundish_owner;
-- Then: metadata_owner_url with tundish_owner, metadata_url with tundish_server; tundish metadata upgrade."""


@app.command()
def roles() -> None:
    """Print the SQL that makes the log-ins and roles on PostgreSQL."""
    typer.echo(_SETUP)


@app.command()
def upgrade(settings: SettingsOption = None) -> None:
    """Make the tables, or bring them to this version, with the log-in of metadata_owner_url."""
    from tundish_deploy.stores import prepare

    prepare(usable_settings(settings))
    typer.echo("The metadata database is up to date. 元数据库已是最新版本。")


@app.command()
def check(*, settings: SettingsOption = None, json: JsonOption = False) -> None:
    """Name where row-level security is missing or could be passed by; ends with code 1 if anywhere."""
    from tundish_platform.migrations.rowsecurity import weak_spots
    from tundish_platform.tenancy.metadata import Metadata

    metadata = Metadata(usable_settings(settings).database)
    try:
        with metadata.engine.connect() as connection:
            kind, found = connection.dialect.name, weak_spots(connection)
    finally:
        metadata.close()
    if json:
        typer.echo(texts.dumps({"database": kind, "weak_spots": found}, ensure_ascii=False))
    elif kind == "sqlite":
        typer.echo("SQLite has no row-level security; the filters of the queries are the guard.")
    elif not found:
        typer.echo("Row-level security guards every table of tenants. 所有租户数据表均受行级安全保护。")
    if found:
        give_up("\n".join(found))
