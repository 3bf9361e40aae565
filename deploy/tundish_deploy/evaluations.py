"""Evaluations on the shipped recordings, in the one shape that every measuring command prints."""

from __future__ import annotations

import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from tundish_analytics import evaluate, tables
from tundish_analytics.evaluate import ai4i, energy, skab, tep
from tundish_analytics.evaluate.files import read_table
from tundish_analytics.evaluate.plates import plates_of
from tundish_deploy.figures import Figure, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tundish_analytics.evaluate import Evaluation

_BETTER: dict[str, Literal["higher", "lower", "none"]] = {"more": "higher", "less": "lower", "none": "none"}


def _shipped() -> Path:
    return Path(str(files("tundish_connectors.replay") / "recordings"))


def _table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / f"{name}.parquet")


def hydraulic_report(test: Path | None) -> Report:
    """Hydraulic condition; `test` holds ``hydraulic.parquet`` and ``hydraulic_profile.parquet``."""

    def data(folder: Path) -> tables.HydraulicData:
        return tables.HydraulicData.from_tables(
            _table(folder, "hydraulic"), _table(folder, "hydraulic_profile")
        )

    started = time.perf_counter()
    found = evaluate.evaluate_hydraulic(data(_shipped()), None if test is None else data(test))
    return _report("evaluate hydraulic", [found], started)


def igbt_report(test: Path | None) -> Report:
    """IGBT ageing and MOSFET life; `test` holds ``mosfet.parquet`` with other devices."""
    started = time.perf_counter()
    devices = tables.devices_from_table(_table(_shipped(), "mosfet"))
    others = None if test is None else tables.devices_from_table(_table(test, "mosfet"))
    found = [
        evaluate.evaluate_igbt(tables.seconds_from_table(_table(_shipped(), "igbt"))),
        evaluate.evaluate_mosfet(devices, others),
    ]
    return _report("evaluate igbt", found, started)


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
