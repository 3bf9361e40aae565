"""`tundish evaluate`: the models, by protocols that do not flatter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tundish_deploy.commands.options import JsonOption

app = typer.Typer(no_args_is_help=True)

TestData = Annotated[
    Path | None,
    typer.Option("--test", help="Folder with recordings of the same columns, held back from training."),
]


@app.command()
def hydraulic(*, test: TestData = None, json: JsonOption = False) -> None:
    """Condition of cooler, valve, pump and accumulator: grouped by whole condition blocks."""
    from tundish_deploy.evaluations import hydraulic_report

    hydraulic_report(test).print(as_json=json)


@app.command()
def igbt(*, test: TestData = None, json: JsonOption = False) -> None:
    """Ageing index of the IGBT and remaining life of the MOSFETs, a device at a time."""
    from tundish_deploy.evaluations import igbt_report

    igbt_report(test).print(as_json=json)


@app.command()
def steel(*, test: TestData = None, json: JsonOption = False) -> None:
    """Fault class of steel plates: repeated stratified folds, with an answer of "unsure"."""
    from tundish_deploy.evaluations import steel_report

    steel_report(test).print(as_json=json)
