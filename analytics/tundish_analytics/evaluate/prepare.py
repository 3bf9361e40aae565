"""Makes the shipped sets in `sets/` out of the published ones: ``prepare.py <folder of sets> <target>``.

Needed only when a set is made anew; nothing at run time reads the originals.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from tundish_analytics.evaluate.energy import DAY, LOAD, SAME_INTERVAL
from tundish_analytics.evaluate.fleets import COLUMNS as FLEET_COLUMNS
from tundish_analytics.evaluate.turbine import PROCESS, TARGETS, YEAR
from tundish_analytics.evaluate.waveforms import COLUMNS, read_bearings


def _write(table: pd.DataFrame, target: Path) -> None:
    narrow = {name: np.float32 for name in table.columns if table[name].dtype == np.float64}
    table.astype(narrow).to_parquet(target, index=False, compression="zstd", compression_level=19)


def cmapss(source: Path, target: Path) -> None:
    """FD001: engines run to failure, engines cut off, and what these had left."""
    folder = source / "cmapss" / "compact"
    for part in ("train", "test"):
        _write(
            pd.read_parquet(folder / f"{part}_FD001.parquet")[list(FLEET_COLUMNS)],
            target / f"{part}_FD001.parquet",
        )
    _write(pd.read_parquet(folder / "RUL_FD001.parquet"), target / "RUL_FD001.parquet")


def bearings(source: Path, target: Path) -> None:
    """Indicators of each snapshot; the waveforms themselves are too large to ship."""
    runs = read_bearings(source / "bearings_pronostia" / "compact")
    parts = []
    for name, run in runs.items():
        table = pd.DataFrame(run.indicators, columns=list(COLUMNS))
        parts.append(table.assign(bearing=name, snapshot=np.arange(1, len(table) + 1)))
    _write(pd.concat(parts), target / "bearings.parquet")


def gas_turbine(source: Path, target: Path) -> None:
    """Three years of hours."""
    table = pd.read_parquet(source / "gas_turbine_co_nox" / "compact" / "gas_turbine__dev.parquet")
    _write(table[[YEAR, *PROCESS, *TARGETS]], target / "gas_turbine.parquet")


def steel_energy(source: Path, target: Path) -> None:
    """A year of quarters of an hour, without the column that leaks the load."""
    table = pd.read_parquet(source / "steel_industry_energy" / "compact" / "steel_industry_energy.parquet")
    _write(table[["date", LOAD, *SAME_INTERVAL, DAY]], target / "steel_industry_energy.parquet")


def main() -> None:
    """Read both folders from the command line and write every set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    for step in (cmapss, bearings, gas_turbine, steel_energy):
        step(arguments.source, arguments.target)


if __name__ == "__main__":
    main()
