"""`tundish bench`: our own path beside its peers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tundish_deploy.commands.options import JsonOption, errors, give_up

app = typer.Typer(no_args_is_help=True)

_ROWS_A_TENANT = 1000
_MOST_TENANTS = 30_000
_FULL_MINUTES = 3.0
_SHORT_MINUTES = 0.2


@app.command()
def store(
    *,
    rows: Annotated[
        int, typer.Option(help="Rows of thirty days; bars are judged from 100 million on.", min=100_000)
    ] = 100_000_000,
    peers: Annotated[
        str, typer.Option(help="Which peers, with commas; none for none.")
    ] = "victoriametrics,influxdb,postgres,duckdb",
    tenants: Annotated[
        int | None,
        typer.Option(help="Tenants with a batch a minute; a thousandth of the rows by default.", min=1),
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="How long they run.", min=0.01)] = None,
    folder: Annotated[
        Path | None, typer.Option(help="On which disk; the system's temporary one by default.")
    ] = None,
    profile: Annotated[Path | None, typer.Option(help="Write where the writer's time goes (JSON).")] = None,
    json: JsonOption = False,
) -> None:
    """The store's ingest, size and queries beside VictoriaMetrics, InfluxDB, PostgreSQL and DuckDB."""
    from tundish_deploy.benchmarks.store.engine import WrongRows
    from tundish_deploy.benchmarks.store.peers import chosen
    from tundish_deploy.benchmarks.store.processes import PeerFailed, PeerMissing
    from tundish_deploy.benchmarks.store.run import Plan, bench_store
    from tundish_deploy.benchmarks.store.workload import BLOCK_ROWS
    from tundish_deploy.logs import configure_logs

    configure_logs("ERROR")
    fleet = min(_MOST_TENANTS, rows // _ROWS_A_TENANT) if tenants is None else tenants
    long = _FULL_MINUTES if fleet >= _MOST_TENANTS else _SHORT_MINUTES
    try:
        plan = Plan(
            rows // BLOCK_ROWS * BLOCK_ROWS, tuple(chosen(peers)), fleet, minutes or long, folder, profile
        )
        bench_store(plan, lambda text: errors.print(text, style="dim")).print(as_json=json)
    except (PeerMissing, PeerFailed, WrongRows, ValueError) as error:
        give_up(str(error))


@app.command()
def opcua(
    *,
    seconds: Annotated[float, typer.Option(help="Seconds each client is measured.", min=0.2)] = 2.5,
    items: Annotated[int, typer.Option(help="Monitored items of the small streams.", min=10)] = 1000,
    many: Annotated[int, typer.Option(help="Monitored items of the large streams.", min=10)] = 10_000,
    peers: Annotated[
        str, typer.Option(help="Which peers, with commas; none for none.")
    ] = "asyncua,asyncua_callback,python-opcua,node-opcua,o6",
    json: JsonOption = False,
) -> None:
    """The OPC UA client beside asyncua, python-opcua, node-opcua and o6, on the same fast server."""
    from tundish_deploy.benchmarks.opcua.processes import ClientError
    from tundish_deploy.benchmarks.opcua.run import PEERS, Options, bench_opcua
    from tundish_deploy.logs import configure_logs

    configure_logs("ERROR")
    chosen = () if peers == "none" else tuple(peers.split(","))
    unknown = sorted(set(chosen) - set(PEERS))
    if unknown or items % 10:
        give_up(f"unknown peers: {', '.join(unknown)}" if unknown else "items must be a multiple of ten")
    options = Options(seconds=seconds, items=items, many=many, peers=chosen)
    try:
        bench_opcua(options, lambda text: errors.print(text, style="dim")).print(as_json=json)
    except ClientError as error:
        give_up(str(error))


@app.command()
def api(
    *,
    tenants: Annotated[int, typer.Option(help="Tenants in the metadata.", min=2)] = 4_172,
    signals: Annotated[int, typer.Option(help="Signals of all of them.", min=1_000)] = 500_000,
    rate: Annotated[float, typer.Option(help="Everyday calls a second.", min=1)] = 300.0,
    seconds: Annotated[float, typer.Option(help="How long they come.", min=1)] = 20.0,
    rows: Annotated[int, typer.Option(help="Rows of the bulk ingest.", min=2_500_000)] = 20_000_000,
    json: JsonOption = False,
) -> None:
    """Everyday calls, searches and bulk ingest of one server process, over HTTP."""
    from tundish_deploy.benchmarks.api.load import LoadError
    from tundish_deploy.benchmarks.api.run import Options, bench_api
    from tundish_deploy.logs import configure_logs

    configure_logs("ERROR")
    options = Options(tenants=tenants, signals=signals, rate=rate, seconds=seconds, rows=rows)
    try:
        bench_api(options, lambda text: errors.print(text, style="dim")).print(as_json=json)
    except LoadError as error:
        give_up(str(error))


@app.command()
def dashboards(
    *,
    rows: Annotated[int, typer.Option(help="Rows of history.", min=100_000)] = 100_000_000,
    visits: Annotated[int, typer.Option(help="Of each page, each with an empty cache.", min=1)] = 5,
    viewers: Annotated[int, typer.Option(help="Of the live page.", min=1)] = 50,
    seconds: Annotated[float, typer.Option(help="How long changes are watched.", min=5)] = 30.0,
    json: JsonOption = False,
) -> None:
    """The pages in Chromium: first paint, server time, zoom, and from a change to its pixels."""
    from tundish_deploy.benchmarks.api.load import LoadError
    from tundish_deploy.benchmarks.dashboards.run import BrowserMissing, Options, bench_dashboards
    from tundish_deploy.logs import configure_logs

    configure_logs("ERROR")
    options = Options(rows=rows, visits=visits, viewers=viewers, seconds=seconds)
    try:
        bench_dashboards(options, lambda text: errors.print(text, style="dim")).print(as_json=json)
    except (LoadError, BrowserMissing) as error:
        give_up(str(error))


@app.command()
def pipeline(
    *,
    values: Annotated[
        int, typer.Option(help="Values sent as fast as they are taken.", min=1000)
    ] = 20_000_000,
    items: Annotated[int, typer.Option(help="Monitored items.", min=10)] = 1000,
    seconds: Annotated[float, typer.Option(help="Seconds on which freshness is measured.", min=1)] = 15.0,
    json: JsonOption = False,
) -> None:
    """From an OPC UA server through gateway and spool into the store, until it can be queried."""
    from tundish_deploy.benchmarks.opcua.pipeline import PipelineError, PipelineOptions, bench_pipeline
    from tundish_deploy.benchmarks.opcua.processes import ClientError
    from tundish_deploy.logs import configure_logs

    configure_logs("ERROR")
    options = PipelineOptions(values=values // items * items, items=items, paced_s=seconds)
    try:
        bench_pipeline(options, lambda text: errors.print(text, style="dim")).print(as_json=json)
    except (PipelineError, ClientError) as error:
        give_up(str(error))


@app.command()
def marketplace(
    *,
    rows: Annotated[int, typer.Option(help="Rows handed to the app.", min=1)] = 100_000,
    runs: Annotated[int, typer.Option(help="Runs of the sandbox, each way.", min=1)] = 20,
    subscriptions: Annotated[int, typer.Option(help="All due at once, a tenant each.", min=1)] = 500,
    json: JsonOption = False,
) -> None:
    """What a sandbox adds to an app's own work, and how many subscriptions are kept up with."""
    from tundish_deploy.benchmarks.api.load import LoadError
    from tundish_deploy.benchmarks.marketplace.run import Options, bench_marketplace
    from tundish_deploy.logs import configure_logs

    configure_logs("ERROR")
    try:
        options = Options(rows, runs, subscriptions)
        bench_marketplace(options, lambda text: errors.print(text, style="dim")).print(as_json=json)
    except (LoadError, RuntimeError) as error:
        give_up(str(error))


@app.command()
def programme(
    *,
    ghosts: Annotated[int, typer.Option(help="Ghosts of each of the five kinds.", min=2)] = 100,
    enterprises: Annotated[
        int, typer.Option(help="Of the made city; judged from 30,000 on.", min=100)
    ] = 30_000,
    months: Annotated[int, typer.Option(help="Frozen months of the city; judged at 36.", min=8, max=36)] = 36,
    seed: Annotated[int, typer.Option(help="Of plants, ghosts and the city.", min=0)] = 1,
    json: JsonOption = False,
) -> None:
    """Ghosts among plants cut from real recordings; figures of a made city, and the bureau's first page."""
    from tundish_deploy.benchmarks.programme.months import bench_months
    from tundish_deploy.benchmarks.programme.run import bench_ghosts

    def tell(text: str) -> None:
        errors.print(text, style="dim")

    found = bench_ghosts(ghosts, seed, tell)
    figures, conditions = bench_months(enterprises, months, seed, tell)
    both = replace(found, figures=[*found.figures, *figures], conditions=found.conditions | conditions)
    both.print(as_json=json)


@app.command()
def analytics(
    *,
    signals: Annotated[
        int, typer.Option(help="Signals whose day of features is computed; judged from 1,000 on.", min=1)
    ] = 1_000,
    every: Annotated[
        int, typer.Option(help="Learn from and score every so-many-th recorded cycle; judged at 1.", min=1)
    ] = 1,
    points: Annotated[
        int, typer.Option(help="Points that run rules go over; judged from 10 million on.", min=3_000)
    ] = 10_000_000,
    models: Annotated[
        int, typer.Option(help="Machines that get a model in one job; judged from 1,000 on.", min=0)
    ] = 1_000,
    workers: Annotated[
        int | None, typer.Option(help="Training processes; by default one a core.", min=1)
    ] = None,
    json: JsonOption = False,
) -> None:
    """A day's features, live scoring, control chart rules, and a thousand models in one job."""
    from tundish_analytics.city.cluster import JobStalled
    from tundish_deploy.benchmarks.analytics.run import Options, bench_analytics
    from tundish_deploy.logs import configure_logs

    configure_logs("ERROR")
    options = Options(signals, every, points, models)
    if workers is not None:
        options = replace(options, workers=workers)
    try:
        bench_analytics(options, lambda text: errors.print(text, style="dim")).print(as_json=json)
    except (JobStalled, OSError) as error:
        give_up(str(error))
