"""The `tundish` command."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from tundish_deploy.commands import app as apps
from tundish_deploy.commands import (
    audit,
    backup,
    bench,
    billing,
    campaign,
    city,
    connect,
    evaluate,
    init,
    jobs,
    lines,
    metadata,
    models,
    opcua,
    parts,
    passport,
    people,
    programme,
    release,
    simulate,
    sources,
    store,
    support,
    tenants,
    upgrade,
)
from tundish_deploy.commands.options import SettingsOption, errors, give_up, refuse_unsafe, usable_settings
from tundish_deploy.logs import configure_logs

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Tundish: machine data in, honest numbers out. 工业互联网平台。",
)
app.add_typer(apps.app, name="app", help="Make, test, run, pack, sign and publish an app.")
app.add_typer(backup.app, name="backup", help="Backups: make, list, verify, drill, let go of old ones.")
app.add_typer(bench.app, name="bench", help="Measure a path beside its peers, in one run.")
app.add_typer(evaluate.app, name="evaluate", help="Evaluate models on the shipped recordings or on your own.")
app.add_typer(tenants.app, name="tenant", help="Tenants of this installation.")
app.add_typer(
    people.app, name="person", help="People: invitations, lost second factors, the key that encrypts these."
)
app.add_typer(
    store.app, name="store", help="Policies, legal holds, retention, removal and export of a tenant."
)
app.add_typer(
    campaign.app,
    name="campaign",
    help="Try to break the store's promises; each run has a control that must fail.",
)
app.add_typer(
    metadata.app, name="metadata", help="The metadata database: bring it up to date, check its guard."
)
app.add_typer(models.app, name="models", help="Stored models: which are ours, sign one that is known.")
app.add_typer(
    billing.app, name="billing", help="Statements: issue those of past months, reconcile with runs."
)
app.add_typer(audit.app, name="audit", help="The audit trail: verify, export, anchor, let go of what is old.")
app.add_typer(
    passport.app, name="passport", help="Verify a product passport or another sealed document, offline."
)
app.add_typer(programme.app, name="programme", help="Verify published figures of a programme, offline.")
app.add_typer(simulate.app, name="simulate", help="Made cities, for load and for trying rules.")
app.add_typer(release.app, name="release", help="What is shipped: parts list, licences, known flaws.")
app.add_typer(city.app, name="city", help="Jobs over several tenants, on a Dask cluster.")
app.add_typer(jobs.app, name="jobs", help="One tenant's jobs for workers: list, ask, cancel.")
app.add_typer(
    opcua.app,
    name="opcua",
    help="One OPC UA server: neighbours, signals in bulk, certificates, methods, writing, alarms.",
)
app.add_typer(parts.app, name="part", hidden=True)
app.command()(init.init)
app.command()(backup.restore)
app.command()(upgrade.upgrade)
app.command("support-bundle")(support.support_bundle)
app.command()(lines.replay)
app.command()(connect.connect)
app.command()(lines.doctor)
app.command()(sources.connectors)


@app.command()
def version() -> None:
    """Print the installed version."""
    typer.echo(installed_version("tundish"))


@app.command()
def up(settings: SettingsOption = None) -> None:
    """Run the platform that the settings describe, until Ctrl-C."""
    from tundish_deploy.up import StartError, first_start, run_until_stopped

    configure_logs("WARNING")
    found = usable_settings(settings)
    refuse_unsafe(found, settings)
    try:
        first_start(found, errors.print)
        run_until_stopped(found, settings, errors.print)
    except StartError as error:
        give_up(str(error))


@app.command()
def demo(
    *,
    check: Annotated[bool, typer.Option(help="Assert what came through, print figures, stop.")] = False,
    folder: Annotated[
        Path | None, typer.Option(help="State of the demonstration; by default below .tundish/.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the pages.", min=1, max=65535)] = 8050,
    speed: Annotated[float, typer.Option(help="Seconds of recording a second.", min=1, max=600)] = 60.0,
) -> None:
    """Play three lines from real recordings through the whole platform."""
    from tundish_deploy.demo.check import run_check
    from tundish_deploy.demo.show import run_demo
    from tundish_deploy.up import StartError

    configure_logs("WARNING")
    try:
        if check:
            passed = run_check(folder or Path(".tundish/demo-check"), port, speed)
            raise typer.Exit(0 if passed else 1)
        run_demo(folder or Path(".tundish/demo"), port, speed)
    except StartError as error:
        give_up(str(error))
