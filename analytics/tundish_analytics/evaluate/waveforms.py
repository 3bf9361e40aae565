"""Bearings of the PRONOSTIA test bench, from its waveforms or from the indicators kept of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tundish_analytics.evaluate.files import Unfit, columns_of, named, note, numbers, read_file, tables_in
from tundish_analytics.life.bearing import BearingRun
from tundish_analytics.life.vibration import BearingGeometry, indicator_names, indicators

if TYPE_CHECKING:
    from collections.abc import Sequence
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
_SNAPSHOT: Final = re.compile(r"acc_(\d+)\.csv", re.IGNORECASE)
_DIRECTIONS: Final = ("h", "v")
COLUMNS: Final = tuple(f"{direction}_{name}" for direction in _DIRECTIONS for name in indicator_names())
WAVEFORM: Final = ("snapshot", "h_mg", "v_mg")


def read_bearings(path: Path) -> dict[str, BearingRun]:
    """Runs by bearing (``1_3``), from a file or all files of a folder.

    A waveform file has the columns ``snapshot, h_mg, v_mg`` and the bearing in its name; one of indicators
    has ``bearing``, ``snapshot`` and `COLUMNS`. A folder as published has a folder a bearing with a file
    ``acc_00001.csv`` a snapshot. A name with ``Test_set`` but not ``Full_Test_Set`` is a published part that
    ends before failure; where both are given, the whole run counts.

    Raises:
        Unfit: no bearing is found, or a bearing's name is not in a file's name.
    """
    runs: dict[str, BearingRun] = {}
    files = tables_in(path)
    published = {file.parent for file in files if _SNAPSHOT.fullmatch(file.name)}
    found = [_of_file(file) for file in files if file.parent not in published]
    for run in [*found, *(_of_folder(folder) for folder in sorted(published))]:
        runs |= {name: one for name, one in run.items() if name not in runs or one.left <= runs[name].left}
    if not runs:
        raise Unfit(
            f"{path.name} 中没有轴承波形(列 snapshot, h_mg, v_mg)",
            f"{path.name} holds no waveforms (columns snapshot, h_mg, v_mg) of a bearing",
        )
    return runs


def _of_file(file: Path) -> dict[str, BearingRun]:
    there = set(columns_of(file))
    if {"bearing", *COLUMNS} <= there:
        return {
            str(name): BearingRun(part.sort_values("snapshot")[list(COLUMNS)].to_numpy(np.float64))
            for name, part in read_file(file).groupby("bearing")
        }
    if not set(WAVEFORM) <= {name.lower() for name in there}:
        return {}
    table = numbers(named(read_file(file), WAVEFORM), WAVEFORM)
    return _run(file.stem, file.name, _by_snapshot(table))


def _by_snapshot(table: pd.DataFrame) -> NDArray[np.float64]:
    """Waveforms in milli-g, shape ``(snapshots, samples, 2)``; those with a sample missing are left out."""
    parts = [part.to_numpy(np.float64)[:, 1:] for _, part in table.groupby("snapshot", sort=True)]
    return _whole(parts)


def _whole(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    kept = [part[:SAMPLES] for part in parts if len(part) >= SAMPLES and np.isfinite(part[:SAMPLES]).all()]
    return np.array(kept).reshape(-1, SAMPLES, len(_DIRECTIONS))


def _of_folder(folder: Path) -> dict[str, BearingRun]:
    """A bearing as published: time of day in four columns, then both directions in g."""
    parts = []
    for file in sorted(folder.glob("acc_*.csv")):
        with note(file).open() as text:
            separator = ";" if ";" in text.readline() else ","
        rows = pd.read_csv(file, sep=separator, header=None)
        parts.append(rows.iloc[:, 4:6].to_numpy(np.float64) * 1000)
    return _run(f"{folder.parent.name}_{folder.name}", folder.name, _whole(parts))


def _run(name: str, file: str, waveforms: NDArray[np.float64]) -> dict[str, BearingRun]:
    found = _BEARING.search(name)
    if found is None:
        raise Unfit(
            f"{file} 的名称中没有轴承编号(…Bearing1_3…)",
            f"{file} does not say which bearing it is (…Bearing1_3…)",
        )
    if not len(waveforms):
        raise Unfit(f"{file} 没有完整的波形", f"{file} holds no whole snapshot of {SAMPLES} samples")
    bearing = f"{found[1]}_{found[2]}"
    left = CHALLENGE_LEFT_S.get(bearing, 0) / PERIOD_S if _CUT.search(name) else 0.0
    return {bearing: BearingRun(waveform_indicators(waveforms, int(found[1])), left)}


def waveform_indicators(waveforms: NDArray[np.float64], load: int) -> NDArray[np.float64]:
    """Indicators of both directions in g, a row a snapshot.

    Args:
        waveforms: in milli-g, shape ``(snapshots, samples, 2)``.
        load: number of the test's load, which sets the speed.
    """
    shaft_hz = _RPM.get(load, _RPM[1]) / 60
    directions = (waveforms[:, :, n] / 1000 for n in range(len(_DIRECTIONS)))
    parts = [indicators(values, RATE_HZ, shaft_hz, GEOMETRY) for values in directions]
    return np.concatenate(parts, axis=1)
