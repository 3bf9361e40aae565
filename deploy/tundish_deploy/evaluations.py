"""Evaluations on the shipped recordings, in the one shape that every measuring command prints."""

from __future__ import annotations

import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from tundish_analytics import evaluate, tables
from tundish_deploy.figures import Figure, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

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
