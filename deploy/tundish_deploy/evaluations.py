"""Evaluations on the shipped recordings, in the one shape that every measuring command prints."""

from __future__ import annotations

import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from tundish_analytics import evaluate, tables
from tundish_analytics.evaluate import ai4i, energy, skab, tep, turbine
from tundish_analytics.evaluate.files import find_table, read_table
from tundish_analytics.evaluate.fleets import read_fleets
from tundish_analytics.evaluate.plates import plates_of
from tundish_analytics.evaluate.waveforms import read_bearings
from tundish_deploy.figures import Figure, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tundish_analytics.evaluate import Evaluation
    from tundish_platform.sdk.calls.alert_answers import Outcomes

_BETTER: dict[str, Literal["higher", "lower", "none"]] = {"more": "higher", "less": "lower", "none": "none"}


def _shipped() -> Path:
    return Path(str(files("tundish_connectors.replay") / "recordings"))


def _sets() -> Path:
    return Path(str(files("tundish_analytics.evaluate") / "sets"))


def _table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")


def hydraulic_report(test: Path | None) -> Report:
    """Hydraulic condition; `test` is a folder with tables of sensors and conditions, or one of its files."""
    started = time.perf_counter()
    shipped = tables.HydraulicData.from_tables(
        _table(_shipped(), "hydraulic"), _table(_shipped(), "hydraulic_profile")
    )
    return _report("evaluate hydraulic", [_hydraulic(shipped, test)], started)


def _hydraulic(shipped: tables.HydraulicData, test: Path | None) -> Evaluation:
    if test is None:
        return evaluate.evaluate_hydraulic(shipped)
    sensors = find_table(test, ("cycle", "second", *tables.HYDRAULIC_COLUMNS))
    cycles = set(sensors["cycle"])
    profile = find_table(test, ("cycle", *tables.LABEL_COLUMNS), lambda table: set(table["cycle"]) == cycles)
    given = tables.HydraulicData.from_tables(sensors, profile.drop_duplicates("cycle"))
    apart = shipped.without(given)
    # A file that repeats most of what is shipped leaves nothing to learn from: it is judged by itself.
    if 2 * len(apart.labels) < len(shipped.labels):
        return evaluate.evaluate_hydraulic(given)
    return evaluate.evaluate_hydraulic(apart, given)


def igbt_report(test: Path | None, data: Path | None = None) -> Report:
    """IGBT ageing and MOSFET life.

    Args:
        test: folder with ``mosfet.parquet`` of other devices.
        data: file, or folder with a file, of another IGBT run or of the shipped one's later part; then it is
            told alone.
    """
    started = time.perf_counter()
    seconds = tables.seconds_from_table(_table(_shipped(), "igbt"))
    if data is not None:
        given = tables.seconds_from_table(_igbt_table(data))
        return _report("evaluate igbt", [evaluate.evaluate_igbt(given, shipped=seconds)], started)
    found = [evaluate.evaluate_igbt(seconds), _mosfet(test)]
    return _report("evaluate igbt", found, started)


def _igbt_table(data: Path) -> pd.DataFrame:
    try:
        return find_table(data, tables.IGBT_SAMPLES)
    except ValueError:
        return find_table(data, tables.IGBT_SECONDS)


def mosfet_report(data: Path | None) -> Report:
    """Remaining life of MOSFETs; `data` holds other devices (``device, i, dR``)."""
    started = time.perf_counter()
    return _report("evaluate mosfet", [_mosfet(data)], started)


def _mosfet(data: Path | None) -> Evaluation:
    devices = tables.devices_from_table(_table(_shipped(), "mosfet"))
    if data is None:
        return evaluate.evaluate_mosfet(devices)
    others = tables.devices_from_table(find_table(data, ("device", "i", "dR")))
    return evaluate.evaluate_mosfet(devices, others)


def alerts_report(outcomes: Outcomes | None = None) -> Report:
    """The alert rules on the shipped recordings, or what people said of a plant's alerts."""
    started = time.perf_counter()
    if outcomes is not None:
        return _report("evaluate alerts", [evaluate.evaluate_field(outcomes)], started)
    cycles = tables.HydraulicData.from_tables(
        _table(_shipped(), "hydraulic"), _table(_shipped(), "hydraulic_profile")
    )
    seconds = tables.seconds_from_table(_table(_shipped(), "igbt"))
    devices = tables.devices_from_table(_table(_shipped(), "mosfet"))
    return _report("evaluate alerts", [evaluate.evaluate_alerts(cycles, seconds, devices)], started)


def cmapss_report(data: Path | None) -> Report:
    """Remaining life of turbofan engines; `data` is a folder of sets or a file of one."""
    started = time.perf_counter()
    shipped = read_fleets(_sets() / "train_FD001.parquet")
    found = evaluate.evaluate_cmapss(shipped if data is None else read_fleets(data), shipped[0])
    return _report("evaluate cmapss", [found], started)


def bearings_report(data: Path | None) -> Report:
    """Remaining life of bearings; `data` is a file of waveforms or a folder of them."""
    started = time.perf_counter()
    shipped = read_bearings(_sets() / "bearings.parquet")
    found = evaluate.evaluate_bearings(shipped, None if data is None else read_bearings(data))
    return _report("evaluate bearings", [found], started)


def turbine_report(data: Path | None) -> Report:
    """CO and NOx of a gas turbine; `data` holds other hours of the same columns."""
    started = time.perf_counter()
    columns = (*turbine.PROCESS, *turbine.TARGETS)
    shipped = find_table(_sets() / "gas_turbine.parquet", columns)
    found = evaluate.evaluate_turbine(shipped, None if data is None else find_table(data, columns))
    return _report("evaluate gas-turbine", [found], started)


def steel_report(test: Path | None) -> Report:
    """Plate faults; `test` holds ``steel_plates.parquet`` with other plates."""
    started = time.perf_counter()
    features, labels = tables.plates_from_table(_table(_shipped(), "steel_plates"))
    others = None if test is None else tables.plates_from_table(_table(test, "steel_plates"))
    return _report("evaluate steel", [evaluate.evaluate_steel(features, labels, others)], started)


def published_report(name: str, data: Path | None) -> Report:
    """One of the published sets; `data` is a CSV or Parquet file of its columns, never seen before.

    Raises:
        ValueError: the set is not shipped and no file is given, or a column is missing.
    """
    started = time.perf_counter()
    if data is None and name != "steel-plates":
        raise ValueError(f"the {name} set is not shipped: give its file with --data")
    columns, measure = _PUBLISHED[name]
    path = _shipped() / "steel_plates.parquet" if data is None else data
    return _report(f"evaluate {name}", [measure(read_table(path, columns))], started)


def _plates(table: pd.DataFrame) -> Evaluation:
    return evaluate.evaluate_plates(*plates_of(table))


_PUBLISHED: dict[str, tuple[Sequence[str], Callable[[pd.DataFrame], Evaluation]]] = {
    "steel-plates": ((), _plates),
    "steel-energy": ((energy.LOAD, *energy.SAME_INTERVAL, "Day_of_week"), evaluate.evaluate_energy),
    "ai4i": ((*ai4i.MEASURED, ai4i.LABEL), evaluate.evaluate_ai4i),
    "skab": ((*skab.SIGNALS, "file", "anomaly"), evaluate.evaluate_skab),
    "tep": ((*tep.SIGNALS, "file", "sample"), evaluate.evaluate_tep),
    "watch-skab": ((*skab.SIGNALS, "file", "anomaly"), evaluate.evaluate_watch_skab),
    "watch-tep": ((*tep.SIGNALS, "file", "sample"), evaluate.evaluate_watch_tep),
}


def _report(name: str, evaluations: Sequence[Evaluation], started: float) -> Report:
    conditions: dict[str, Any] = {"seconds": round(time.perf_counter() - started, 1)}
    figures = []
    for found in evaluations:
        conditions[found.model] = {"protocol": found.protocol, **found.facts}
        conditions |= found.software
        figures += [
            Figure(
                name=f"{found.model}: {figure.name}",
                value=figure.value,
                unit=figure.unit,
                better=_BETTER[figure.better],
                bar=figure.bar,
                holds=figure.holds,
            )
            for figure in found.figures
        ]
        conditions[found.model]["reported by others"] = {f.name: f.peers for f in found.figures if f.peers}
    return Report(name, conditions, figures)
