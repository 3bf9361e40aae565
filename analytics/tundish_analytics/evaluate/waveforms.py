"""Bearings of the PRONOSTIA test bench, from its waveforms or from the indicators kept of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tundish_analytics.life.bearing import BearingRun
from tundish_analytics.life.vibration import BearingGeometry, indicator_names, indicators

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RATE_HZ: Final = 25_600.0
SAMPLES: Final = 2_560
PERIOD_S: Final = 10
# Turns a minute of the three loads of the test (Nectoux et al. 2012), and the bearing's geometry.
_RPM: Final = {1: 1800, 2: 1650, 3: 1500}
GEOMETRY: Final = BearingGeometry(elements=13, element_mm=3.5, pitch_mm=25.6)
# Seconds that the challenge's eleven test bearings had left where their published part ends.
CHALLENGE_LEFT_S: Final = {
    "1_3": 5730, "1_4": 2890, "1_5": 1610, "1_6": 1460, "1_7": 7570, "2_3": 7530,
    "2_4": 1390, "2_5": 3090, "2_6": 1290, "2_7": 580, "3_3": 820,
}  # fmt: skip
_BEARING: Final = re.compile(r"bearing[ _]?(\d)_(\d+)", re.IGNORECASE)
_CUT: Final = re.compile(r"(?<!full_)test_set", re.IGNORECASE)
_DIRECTIONS: Final = ("h", "v")
COLUMNS: Final = tuple(f"{direction}_{name}" for direction in _DIRECTIONS for name in indicator_names())


def read_bearings(path: Path) -> dict[str, BearingRun]:
    """Runs by bearing (``1_3``), from a file or all files of a folder.

    A waveform file has the columns ``snapshot, h_mg, v_mg`` and the bearing in its name; one of indicators
    has ``bearing``, ``snapshot`` and `COLUMNS`. A name with ``Test_set`` but not ``Full_Test_Set`` is a
    published part that ends before failure.

    Raises:
        ValueError: no bearing is found, or a bearing's name is not in a file's name.
    """
    files = sorted(path.glob("*.parquet")) + sorted(path.glob("*.csv")) if path.is_dir() else [path]
    runs: dict[str, BearingRun] = {}
    for file in files:
        runs |= _of_file(file)
    if not runs:
        raise ValueError(f"{path.name} holds no waveforms (columns snapshot, h_mg, v_mg) of a bearing")
    return runs


def _of_file(file: Path) -> dict[str, BearingRun]:
    table = pd.read_csv(file) if file.suffix.lower() == ".csv" else pd.read_parquet(file)
    if {"bearing", *COLUMNS} <= set(table.columns):
        return {
            str(name): BearingRun(part.sort_values("snapshot")[list(COLUMNS)].to_numpy(np.float64))
            for name, part in table.groupby("bearing")
        }
    if not {"snapshot", "h_mg", "v_mg"} <= set(table.columns):
        return {}
    found = _BEARING.search(file.stem)
    if found is None:
        raise ValueError(f"{file.name} does not say which bearing it is (…Bearing1_3…)")
    name = f"{found[1]}_{found[2]}"
    left = CHALLENGE_LEFT_S.get(name, 0) / PERIOD_S if _CUT.search(file.stem) else 0.0
    return {name: BearingRun(waveform_indicators(table, int(found[1])), left)}


def waveform_indicators(table: pd.DataFrame, load: int) -> NDArray[np.float64]:
    """Indicators of both directions in g, a row a snapshot, of waveforms in milli-g."""
    shaft_hz = _RPM.get(load, _RPM[1]) / 60
    blocks = len(table) // SAMPLES
    parts = []
    for direction in _DIRECTIONS:
        values = table[f"{direction}_mg"].to_numpy()[: blocks * SAMPLES].astype(np.float64) / 1000
        parts.append(indicators(values.reshape(blocks, SAMPLES), RATE_HZ, shaft_hz, GEOMETRY))
    return np.concatenate(parts, axis=1)
