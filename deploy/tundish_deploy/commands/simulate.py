"""`tundish simulate`: made cities, for load and for trying rules; marked as simulated everywhere."""

from __future__ import annotations

import json as jsons
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tundish_deploy.commands.options import SettingsOption, errors, give_up, usable_settings

app = typer.Typer(no_args_is_help=True)

_NOTE = "模拟数据,不是真实企业。Simulated data of no real enterprise.\n"


@app.callback()
def simulate() -> None:
    """What never happened, and says so."""


@app.command()
def city(
    *,
    target: Annotated[
        Path, typer.Option("--out", help="New folder for register.parquet and a file a month.")
    ],
    enterprises: Annotated[int, typer.Option(help="How many there are at some time.", min=1)] = 30_000,
    months: Annotated[int, typer.Option(help="How many, from January 2021 on.", min=1, max=240)] = 36,
    seed: Annotated[int, typer.Option(help="The same seed gives the same city.")] = 1,
    load: Annotated[
        bool, typer.Option("--load", help="Fill the platform's empty database with the city, too.")
    ] = False,
    settings: SettingsOption = None,
) -> None:
    """Make a city whose enterprises join, climb, stall, cheat and leave."""
    import pyarrow.parquet as pq

    from tundish_deploy import city as made
    from tundish_deploy.city.rates import Rates

    if target.exists() and any(target.iterdir()):
        give_up(f"{target} is not empty; a made city gets a folder of its own.")
    if load:
        _load(settings, enterprises, months, seed)
    target.mkdir(parents=True, exist_ok=True)
    (target / "SIMULATED.txt").write_text(_NOTE, "utf-8")
    said = {"simulated": True, "enterprises": enterprises, "months": months, "seed": seed}
    (target / "model.json").write_text(jsons.dumps(said | {"rates": asdict(Rates())}, indent=2), "utf-8")
    pq.write_table(made.register(enterprises, months, seed), target / "register.parquet")
    rows = 0
    for name, table in made.monthly(enterprises, months, seed):
        pq.write_table(table, target / f"facts-{name}.parquet")
        rows += table.num_rows
    typer.echo(f"模拟 / simulated: {enterprises} enterprises, {months} months, {rows} rows in {target}")


def _load(settings_file: Path | None, enterprises: int, months: int, seed: int) -> None:
    from datetime import UTC, datetime

    from tundish_deploy import city as made
    from tundish_platform.migrations import upgrade
    from tundish_platform.programme.simulated import Mixed
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.reach import Above

    settings = usable_settings(settings_file)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    metadata = Metadata(settings.database)

    def tell(text: str) -> None:
        errors.print(text, style="dim")

    try:
        upgrade(metadata)
        above = metadata.above(Above.OPERATOR)
        made.load_city(above, enterprises, months, seed, datetime.now(UTC), tell)
    except Mixed as mixed:
        give_up(f"{mixed}. A simulated city gets a database of its own.")
    finally:
        metadata.close()
    typer.echo(f"已载入 / loaded: {enterprises} enterprises and {months} months, all simulated")
