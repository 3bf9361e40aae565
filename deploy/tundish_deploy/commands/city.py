"""`tundish city`: the operator's jobs over several tenants, on a Dask cluster."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import JsonOption, SettingsOption, errors, give_up, usable_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_analytics.city.access import CityAccess
    from tundish_analytics.city.tables import TenantTables
    from tundish_deploy.settings import Settings

app = typer.Typer(no_args_is_help=True)

_TELLS = 20

Scheduler = Annotated[
    str, typer.Option(help="Address of the Dask scheduler; tls://, or tcp:// on this machine.")
]
Slugs = Annotated[list[str], typer.Option("--tenant", help="A tenant to read; once for each.")]
First = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
Last = Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, itself inside.")]


@app.command()
def daily(  # noqa: PLR0913 - one option each
    *,
    scheduler: Scheduler,
    tenant: Slugs,
    first: First,
    last: Last,
    target: Annotated[Path, typer.Option("--out", help="Folder for city.csv and <tenant>/daily.csv.")],
    zone: Annotated[str, typer.Option(help="IANA time zone of the days.")] = "Asia/Shanghai",
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Good samples, time-weighted mean and completeness by day and kind of signal, of all and of each."""
    from zoneinfo import ZoneInfo

    from tundish_analytics.city.cluster import JobStalled, connect
    from tundish_analytics.city.daily import city_daily

    access, tables = _tenants(usable_settings(settings), tenant)
    days = [(first + timedelta(days=number)).date() for number in range((last - first).days + 1)]
    try:
        with connect(scheduler) as client:
            found = city_daily(client, access, tables, days, ZoneInfo(zone), tell=_tell)
    except (JobStalled, OSError, ValueError) as error:
        give_up(str(error))
    target.mkdir(parents=True, exist_ok=True)
    found.city().to_csv(target / "city.csv", index=False)
    for slug in tenant:
        (target / slug).mkdir(exist_ok=True)
        found.of(slug).to_csv(target / slug / "daily.csv", index=False)
    _show(len(tenant) - len(found.failed), found.failed, json=json)


@app.command()
def train(  # noqa: PLR0913 - one option each
    *,
    scheduler: Scheduler,
    tenant: Slugs,
    first: First,
    last: Last,
    semantic: Annotated[str, typer.Option(help="Kind of the signal to be expected from the others.")],
    minutes: Annotated[int, typer.Option(help="Samples are averaged over so many minutes.", min=1)] = 5,
    json: JsonOption = False,
    settings: SettingsOption = None,
) -> None:
    """Train a model for each machine, into the registry's folder of its tenant."""
    from tundish_analytics.city.cluster import JobStalled, connect
    from tundish_analytics.city.training import city_models
    from tundish_analytics.models.registry import Registry

    installed = usable_settings(settings)
    access, tables = _tenants(installed, tenant)
    window = (first.replace(tzinfo=UTC), last.replace(tzinfo=UTC) + timedelta(days=1))
    try:
        with connect(scheduler) as client:
            step = timedelta(minutes=minutes)
            found = city_models(client, access, tables, semantic, window, step, tell=_tell)
    except (JobStalled, OSError, ValueError) as error:
        give_up(str(error))
    found.store(Registry(installed.data_dir / "models", installed.model_key))
    failed = {f"{slug} {machine}": reason for (slug, machine), reason in found.failed.items()}
    _show(len(found.models), failed, json=json)


def _tenants(installed: Settings, slugs: list[str]) -> tuple[CityAccess, list[TenantTables]]:
    """Whoever may run commands with the platform's files operates it; the job's name says who that was."""
    from tundish_analytics.city.access import access_city
    from tundish_analytics.city.tables import TenantTables
    from tundish_platform.assets.signals import list_signals
    from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant
    from tundish_platform.tenancy.accounts import job_principal
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.reach import Above

    who = f"tundish-city:{getpass.getuser()}"
    operator = Principal(0, who, roles=frozenset({Role.PLATFORM_OPERATOR}))
    places = (installed.data_dir / "store" / "tenants").resolve()
    metadata = Metadata(installed.database)
    found = []
    try:
        with metadata.above(Above.OPERATOR).session() as session:
            reader = job_principal(session, who)
            for slug in slugs:
                scope = access_tenant(reader, slug, Permission.READ)
                signals = tuple(list_signals(session, scope))
                found.append(TenantTables(slug, str(places / slug), signals))
    except AccessDenied:
        give_up(f"There is no tenant {slug}.")
    finally:
        metadata.close()
    return access_city(operator, slugs), found


def _tell(ended: int, of: int) -> None:
    """How far the job is, a score of times at most, beside its result."""
    if ended % max(1, of // _TELLS) == 0 or ended == of:
        errors.print(f"{ended} of {of} tasks ended", style="dim")


def _show(done: int, failed: Mapping[str, str], *, json: bool) -> None:
    if json:
        import json as text

        typer.echo(text.dumps({"done": done, "failed": dict(failed)}, ensure_ascii=False))
    else:
        typer.echo(f"{done} done, {len(failed)} failed")
        for name, reason in failed.items():
            typer.echo(f"{name}: {reason}", err=True)
    if failed:
        raise typer.Exit(1)
