"""`tundish evaluate`: the models, by protocols that do not flatter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tundish_deploy.commands.options import JsonOption, SettingsOption, give_up, usable_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_deploy.figures import Report

app = typer.Typer(no_args_is_help=True)

TestData = Annotated[
    Path | None,
    typer.Option("--test", help="Folder with recordings of the same columns, held back from training."),
]
DataFile = Annotated[
    Path | None,
    typer.Option("--data", help="CSV or Parquet file with the columns of the published set.", exists=True),
]
AnyData = Annotated[
    Path | None,
    typer.Option("--data", help="File or folder with the set's columns, never seen before.", exists=True),
]


@app.command()
def hydraulic(*, test: TestData = None, data: AnyData = None, json: JsonOption = False) -> None:
    """Condition of cooler, valve, pump and accumulator: grouped by whole condition blocks."""
    from tundish_deploy.evaluations import hydraulic_report

    _told(lambda: hydraulic_report(data or test), json=json)


@app.command()
def igbt(*, test: TestData = None, data: AnyData = None, json: JsonOption = False) -> None:
    """Ageing index of the IGBT and remaining life of the MOSFETs, a device at a time."""
    from tundish_deploy.evaluations import igbt_report

    _told(lambda: igbt_report(test, data), json=json)


@app.command()
def mosfet(*, data: AnyData = None, json: JsonOption = False) -> None:
    """Remaining life of MOSFETs: alpha-lambda and end-of-life error, one device left out."""
    from tundish_deploy.evaluations import mosfet_report

    _told(lambda: mosfet_report(data), json=json)


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
    from tundish_deploy.evaluations import alerts_report
    from tundish_deploy.jobs import field_outcomes
    from tundish_platform.sdk.client import ApiError

    try:
        outcomes = field_outcomes(usable_settings(settings), tenant) if tenant else None
    except (ApiError, ValueError) as error:
        give_up(str(error))
    alerts_report(outcomes).print(as_json=json)


@app.command()
def cmapss(*, data: AnyData = None, json: JsonOption = False) -> None:
    """Remaining life of turbofan engines by the official test, with 90 % intervals."""
    from tundish_deploy.evaluations import cmapss_report

    _told(lambda: cmapss_report(data), json=json)


@app.command()
def bearings(*, data: AnyData = None, json: JsonOption = False) -> None:
    """Remaining life of PRONOSTIA bearings by the score of the PHM 2012 challenge."""
    from tundish_deploy.evaluations import bearings_report

    _told(lambda: bearings_report(data), json=json)


@app.command("gas-turbine")
def gas_turbine(*, data: AnyData = None, json: JsonOption = False) -> None:
    """CO and NOx of a gas turbine from its process values, judged on a later year."""
    from tundish_deploy.evaluations import turbine_report

    _told(lambda: turbine_report(data), json=json)


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


@app.command("watch-skab")
def watch_skab(*, data: DataFile = None, json: JsonOption = False) -> None:
    """SKAB: the watch without labels beside single statistics, at equal false alarms."""
    _published("watch-skab", data, json=json)


@app.command("watch-tep")
def watch_tep(*, data: DataFile = None, json: JsonOption = False) -> None:
    """Tennessee Eastman: the watch without labels beside single statistics, at equal false alarms."""
    _published("watch-tep", data, json=json)


def _published(name: str, data: Path | None, *, json: bool) -> None:
    from tundish_deploy.evaluations import published_report

    _told(lambda: published_report(name, data), json=json)


def _told(measure: Callable[[], Report], *, json: bool) -> None:
    try:
        measure().print(as_json=json)
    except ValueError as error:
        give_up(str(error))
