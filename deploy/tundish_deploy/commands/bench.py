"""`tundish bench`: our own path beside its peers."""

from __future__ import annotations

from typing import Annotated

import typer

from tundish_deploy.commands.options import JsonOption

app = typer.Typer(no_args_is_help=True)


@app.command()
def store(
    *,
    rows: Annotated[int, typer.Option(help="Rows to write with each engine.", min=100_000)] = 5_000_000,
    batch: Annotated[int, typer.Option(help="Rows a batch.", min=100)] = 50_000,
    json: JsonOption = False,
) -> None:
    """The store's write path and first queries beside DuckDB and SQLite."""
    from tundish_deploy.benchmarks.store import bench_store

    bench_store(rows, batch).print(as_json=json)


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
