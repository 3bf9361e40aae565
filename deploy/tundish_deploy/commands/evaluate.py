"""`tundish evaluate`: the models, by protocols that do not flatter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tundish_deploy.commands.options import JsonOption, give_up

app = typer.Typer(no_args_is_help=True)

TestData = Annotated[
    Path | None,
    typer.Option("--test", help="Folder with recordings of the same columns, held back from training."),
]
DataFile = Annotated[
    Path | None,
    typer.Option("--data", help="CSV or Parquet file with the columns of the published set.", exists=True),
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


@app.command("steel-plates")
def steel_plates(*, data: DataFile = None, json: JsonOption = False) -> None:
    """Steel Plates Faults: ten times stratified ten-fold, accuracy and macro-F1."""
    _published("steel-plates", data, json=json)


@app.command("steel-energy")
def steel_energy(*, data: DataFile = None, json: JsonOption = False) -> None:
    """Steel Industry Energy: the last fifth of the time, without the CO2 column."""
    _published("steel-energy", data, json=json)


@app.command()
def ai4i(*, data: DataFile = None, json: JsonOption = False) -> None:
    """AI4I 2020: stratified ten-fold, without the failure modes that make up the label."""
    _published("ai4i", data, json=json)


@app.command()
def skab(*, data: DataFile = None, json: JsonOption = False) -> None:
    """SKAB: outliers by the benchmark's own protocol."""
    _published("skab", data, json=json)


@app.command()
def tep(*, data: DataFile = None, json: JsonOption = False) -> None:
    """Tennessee Eastman: detection by fault beside PCA's T² and Q."""
    _published("tep", data, json=json)


def _published(name: str, data: Path | None, *, json: bool) -> None:
    from tundish_deploy.evaluations import published_report

    try:
        published_report(name, data).print(as_json=json)
    except ValueError as error:
        give_up(str(error))
