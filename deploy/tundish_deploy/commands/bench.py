"""`tundish bench`: our own path beside its peers."""

from __future__ import annotations

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
    seconds: Annotated[float, typer.Option(help="Seconds each client is measured.", min=2)] = 20.0,
    items: Annotated[int, typer.Option(help="Monitored items.", min=1)] = 1000,
    json: JsonOption = False,
) -> None:
    """The collector's cost for each value beside asyncua's own handler and python-opcua."""
    from tundish_deploy.benchmarks.opcua import bench_opcua

    bench_opcua(seconds, items).print(as_json=json)
