"""`tundish billing`: issue the statements of months that are over, and reconcile them with the runs."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import SettingsOption, give_up, usable_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_deploy.settings import Settings
    from tundish_platform.marketplace.catalogue import Catalogue
    from tundish_platform.tenancy import Principal
    from tundish_platform.tenancy.metadata import Metadata

app = typer.Typer(no_args_is_help=True)

TenantOption = Annotated[str | None, typer.Option("--tenant", help="Short name; all tenants without.")]


@app.command()
def issue(
    month: Annotated[str, typer.Argument(help="The last month to issue, such as 2026-01.")],
    tenant: TenantOption = None,
    settings: SettingsOption = None,
) -> None:
    """Issue every statement that is due up to a month, each once; where the month goes on, none."""
    from tundish_platform.marketplace.billing.statements import NotOver, issue_due
    from tundish_platform.store.lifecycle.policy import operator_scope

    upto, made = _month(month), 0
    with _platform(settings, tenant) as (metadata, found, who, slugs):
        catalogue = _catalogue(found, metadata)
        for slug in slugs:
            try:
                with metadata.session() as session:
                    scope = operator_scope(session, who, slug)
                    views = issue_due(session, scope, catalogue, upto, datetime.now(UTC))
            except NotOver as error:
                typer.echo(f"{error}; it is left out", err=True)
                continue
            for one in views:
                typer.echo(f"{slug} {one.content.month} no. {one.number}: {one.total_fen / 100:.2f} CNY")
            made += len(views)
    typer.echo(f"{made} statements")


@app.command()
def reconcile(tenant: TenantOption = None, settings: SettingsOption = None) -> None:
    """Count all runs anew and compare them with what was billed; ends with 1 if anything differs."""
    from tundish_platform.marketplace.billing.reconcile import differences
    from tundish_platform.store.lifecycle.policy import operator_scope

    statements, wrong = 0, 0
    with _platform(settings, tenant) as (metadata, _, who, slugs):
        for slug in slugs:
            with metadata.session() as session:
                scope = operator_scope(session, who, slug)
                compared, found = differences(session, scope, datetime.now(UTC))
            for one in found:
                typer.echo(one.words, err=True)
            statements, wrong = statements + compared, wrong + len(found)
    typer.echo(f"{statements} statements compared, {wrong} differences")
    raise typer.Exit(1 if wrong else 0)


def _month(given: str) -> date:
    try:
        return datetime.strptime(given, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        give_up(f"{given} is no month; write it like 2026-01.")


def _catalogue(settings: Settings, metadata: Metadata) -> Catalogue:
    from tundish_platform.marketplace.catalogue import Catalogue
    from tundish_platform.marketplace.publishing import ApprovedPackages, PackageFolder

    packages = PackageFolder(settings.data_dir / "apps")
    return Catalogue.find(packages=ApprovedPackages(metadata, packages))


@contextmanager
def _platform(
    file: Path | None, tenant: str | None
) -> Iterator[tuple[Metadata, Settings, Principal, list[str]]]:
    from sqlalchemy import inspect, select

    from tundish_platform.marketplace.billing.models import Statement
    from tundish_platform.tenancy import Principal, Role
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.models import Tenant
    from tundish_platform.tenancy.reach import Above

    found = usable_settings(file)
    there = bool(found.metadata_url) or (found.data_dir / "metadata.sqlite").exists()
    metadata = Metadata(found.database) if there else None
    if metadata is None or not inspect(metadata.engine).has_table(Statement.__tablename__):
        give_up(f"There is no platform of this version in {found.data_dir}. Start `tundish up` once.")
    try:
        above = metadata.above(Above.BILLING)
        with above.session() as session:
            slugs = list(session.scalars(select(Tenant.slug).order_by(Tenant.slug)))
        who = Principal(0, f"cli:{getpass.getuser()}", {}, frozenset({Role.PLATFORM_OPERATOR}))
        if tenant is not None and tenant not in slugs:
            give_up(f"There is no tenant {tenant}.")
        yield above, found, who, slugs if tenant is None else [tenant]
    finally:
        metadata.close()
