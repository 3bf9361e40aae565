"""Computes the figures of the model card: ``python -m tundish_app_bearing_health.verify SET FOLDER``.

``bench FOLDER`` reads the recordings that the product ships; ``rms FILE`` the RMS that it ships of three
bearings run to failure (IEEE PHM 2012 challenge); ``waveforms FOLDER`` those bearings' waveforms, which are
not shipped. Each is judged by the app's own `judge`, snapshot by snapshot, from the snapshots so far.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tundish_analytics.condition.bearing import health_indicators
from tundish_app_bearing_health.blocks import Blocks
from tundish_app_bearing_health.health import judge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_RATE_HZ: Final = 25_600.0
_SAMPLES: Final = 2_560
_PERIOD_H: Final = 10 / 3600
_EACH: Final = 5
_FIRST: Final = 70
# The limit of the figures: four times the healthy RMS.
_LIMIT: Final = 4.0


def follow(rows: Values, period_h: float, times: float | None = None, each: int = _EACH) -> pd.DataFrame:
    """Stage, course and time to the limit as told at every so-manieth block, from the blocks up to it.

    Args:
        rows: logarithms of the indicators, shape ``(n, indicators)``.
        period_h: hours between blocks.
        times: the limit, in times the median RMS of the first 60 blocks.
        each: how often it is asked.
    """
    hours, told = (np.arange(len(rows)) * period_h).astype(np.float64), []
    limit = None if times is None else times * float(np.exp(np.median(rows[:60, 0])))
    for count in range(_FIRST, len(rows) + 1, each):
        names = (("", ""),) * rows.shape[1]
        health = judge(Blocks(hours[:count], rows[:count], names, 1.0, 0), None, limit)
        if health is not None:
            passed = health.passage
            ends = (np.nan,) * 3 if passed is None else (passed.median, passed.low, passed.high)
            told.append((count, health.change.value, health.course[-1], health.stage, *ends))
    return pd.DataFrame(told, columns=["count", "change", "course", "stage", "median", "low", "high"])


def of_rms(file: Path) -> dict[str, float]:
    """Each bearing by the RMS of its snapshots; horizontal direction."""
    found: dict[str, float] = {}
    for name, part in pd.read_parquet(file).groupby("bearing"):
        rows = np.log(part.sort_values("snapshot")["h_rms"].to_numpy(np.float64))[:, None]
        found |= _bearing(f"{name} rms", follow(rows, _PERIOD_H, _LIMIT), len(rows))
    return found


def of_waveforms(folder: Path) -> dict[str, float]:
    """Each bearing by its waveforms; horizontal direction."""
    found: dict[str, float] = {}
    for file in sorted(folder.glob("*__acc.parquet")):
        name = file.stem.split("__")[1].removeprefix("Bearing")
        waves = pd.read_parquet(file)["h_mg"].to_numpy(np.float64).reshape(-1, _SAMPLES) / 1000
        rows = np.concatenate([health_indicators(part, _RATE_HZ) for part in np.array_split(waves, 20)])
        found |= _bearing(f"{name} waveform", follow(rows, _PERIOD_H, _LIMIT), len(rows))
    return found


def _bearing(name: str, told: pd.DataFrame, life: int) -> dict[str, float]:
    changed = (told["stage"] != "steady").to_numpy()
    count = told["count"].to_numpy()
    share = count / life
    steady = np.flatnonzero(~changed)
    stays = int(steady[-1]) + 1 if steady.size else 0
    first = share <= 0.5  # noqa: PLR2004 - half of the life
    return {
        f"{name}: changed, to stay, from % of life": 100 * float(share[stays])
        if stays < share.size
        else np.nan,
        f"{name}: called changed in the first half of life": float(changed[first].mean()),
        f"{name}: change at the end, dB": float(told["change"].iloc[-1]),
        **{f"{name}: {key}": value for key, value in _times(told, changed).items()},
    }


def _times(told: pd.DataFrame, changed: NDArray[np.bool_]) -> dict[str, float]:
    """How often a time to the limit was told before it was passed, and how often the truth lay inside."""
    passed = np.flatnonzero(told["course"].to_numpy() >= 20 * np.log10(_LIMIT))
    if not passed.size:
        return {"limit passed": 0.0, "times told": float(np.isfinite(told["median"]).sum())}
    before = told.iloc[: passed[0]]
    left = (told["count"].iloc[passed[0]] - before["count"]) * _PERIOD_H
    said = np.isfinite(before["median"])
    inside = ((before["low"] <= left) & (left <= before["high"]))[said]
    return {
        "limit passed": 1.0,
        "times told": float(said.sum()),
        "asked while changed": float(changed[: passed[0]].sum()),
        "true time within P10-P90": float(inside.mean()) if said.any() else np.nan,
    }


def of_bench(folder: Path) -> dict[str, float]:
    """The hydraulic bench's pump: no bearing fails there, so each change that is told is a false one."""
    rms = pd.read_parquet(folder / "hydraulic.parquet", columns=["VS1"])["VS1"].to_numpy(np.float64)
    minutes = np.log(np.median(rms.reshape(-1, 60), axis=1))[:, None]
    told = follow(minutes, 1 / 60)
    return {
        "bench: called changed": float((told["stage"] != "steady").mean()),
        "bench: largest change, dB": float(told["change"].max()),
    }


if __name__ == "__main__":
    measured = {"bench": of_bench, "rms": of_rms, "waveforms": of_waveforms}[sys.argv[1]](Path(sys.argv[2]))
    sys.stdout.writelines(f"{name}: {value:.3g}\n" for name, value in measured.items())
