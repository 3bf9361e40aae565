"""`tundish evaluate`: the models, by protocols that do not flatter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tundish_deploy.commands.options import JsonOption, SettingsOption, give_up, usable_settings

app = typer.Typer(no_args_is_help=True)

Data = Annotated[
    Path | None,
    typer.Option("--data", help="File or folder with the set's columns, never seen before.", exists=True),
]


@app.command("all")
def all_(
    *,
    out: Annotated[Path, typer.Option(help="Folder for one JSON file an evaluation.", file_okay=False)],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="NAME=PATH, or a folder with a file or folder called as the evaluation."),
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only these evaluations.")] = None,
) -> None:
    """Every evaluation anew, each into NAME.json; what is not shipped runs where its data is given."""
    from tundish_deploy.evaluations import given_paths, run_all

    try:
        bad = run_all(out, given_paths(data or []), only or None, typer.echo)
    except ValueError as error:
        give_up(str(error))
    raise typer.Exit(1 if bad else 0)


@app.command()
def hydraulic(*, data: Data = None, json: JsonOption = False) -> None:
    """Condition of cooler, valve, pump and accumulator: whole condition blocks and regimes held out."""
    _told("hydraulic", data, json=json)


@app.command()
def igbt(*, data: Data = None, json: JsonOption = False) -> None:
    """Ageing index of an IGBT and the end that its own drift foresees."""
    _told("igbt", data, json=json)


@app.command()
def mosfet(*, data: Data = None, json: JsonOption = False) -> None:
    """Remaining life of MOSFETs: alpha-lambda and end-of-life error, one device left out."""
    _told("mosfet", data, json=json)


@app.command()
def alerts(
    *,
    tenant: Annotated[
        str, typer.Option("--tenant", help="Judge a plant's own alerts by what people found there.")
    ] = "",
    settings: SettingsOption = None,
    json: JsonOption = False,
) -> None:
    """Alerts of the models: how many were true, and how early, on the recordings or in a plant."""
    from tundish_deploy.evaluations import field_report
    from tundish_deploy.jobs import field_outcomes
    from tundish_platform.sdk.client import ApiError

    if not tenant:
        _told("alerts", None, json=json)
        return
    try:
        outcomes = field_outcomes(usable_settings(settings), tenant)
    except (ApiError, ValueError) as error:
        give_up(str(error))
    field_report(outcomes).print(as_json=json)


@app.command()
def cmapss(*, data: Data = None, json: JsonOption = False) -> None:
    """Remaining life of turbofan engines by the official test, with 90 % intervals."""
    _told("cmapss", data, json=json)


@app.command()
def bearings(*, data: Data = None, json: JsonOption = False) -> None:
    """Remaining life of PRONOSTIA bearings by the score of the PHM 2012 challenge."""
    _told("bearings", data, json=json)


@app.command("gas-turbine")
def gas_turbine(*, data: Data = None, json: JsonOption = False) -> None:
    """CO and NOx of a gas turbine from its process values: a soft sensor, judged on a later year."""
    _told("gas-turbine", data, json=json)


@app.command()
def steel(*, data: Data = None, json: JsonOption = False) -> None:
    """Fault class of steel plates with an answer of "unsure"; other plates with --data."""
    _told("steel", data, json=json)


@app.command("steel-plates")
def steel_plates(*, data: Data = None, json: JsonOption = False) -> None:
    """Steel Plates Faults: ten times stratified ten-fold, accuracy and macro-F1."""
    _told("steel-plates", data, json=json)


@app.command("steel-energy")
def steel_energy(*, data: Data = None, json: JsonOption = False) -> None:
    """Steel Industry Energy: the last fifth of the time, without the CO2 column."""
    _told("steel-energy", data, json=json)


@app.command()
def ai4i(*, data: Data = None, json: JsonOption = False) -> None:
    """AI4I 2020: stratified ten-fold, without the failure modes that make up the label; needs --data."""
    _told("ai4i", data, json=json)


@app.command()
def skab(*, data: Data = None, json: JsonOption = False) -> None:
    """SKAB: outliers by the benchmark's own protocol; needs --data."""
    _told("skab", data, json=json)


@app.command()
def tep(*, data: Data = None, json: JsonOption = False) -> None:
    """Tennessee Eastman: detection by fault beside PCA's T² and Q; needs --data."""
    _told("tep", data, json=json)


@app.command("watch-hydraulic")
def watch_hydraulic(*, data: Data = None, json: JsonOption = False) -> None:
    """Hydraulic bench: the watch without labels beside single statistics, at equal false alarms."""
    _told("watch-hydraulic", data, json=json)


@app.command("watch-skab")
def watch_skab(*, data: Data = None, json: JsonOption = False) -> None:
    """SKAB: the watch without labels beside single statistics; needs --data."""
    _told("watch-skab", data, json=json)


@app.command("watch-tep")
def watch_tep(*, data: Data = None, json: JsonOption = False) -> None:
    """Tennessee Eastman: the watch without labels beside single statistics; needs --data."""
    _told("watch-tep", data, json=json)


def _told(name: str, data: Path | None, *, json: bool) -> None:
    from tundish_deploy.evaluations import report

    try:
        report(name, data).print(as_json=json)
    except ValueError as error:
        give_up(str(error))
