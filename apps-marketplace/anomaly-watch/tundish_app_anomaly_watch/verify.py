"""Computes the figures of the model card: ``python -m tundish_app_anomaly_watch.verify SET PATH``.

``hydraulic FOLDER`` reads the recordings that the product ships; ``skab FILE`` and ``tep FILE`` read sets
that may not be shipped. Each row goes through the app's own `watch`, as a subscriber's samples do.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tundish_analytics.evaluate import skab, tep
from tundish_analytics.tables import HydraulicData
from tundish_app_anomaly_watch.watched import watch
from tundish_platform.sdk import read_manifest
from tundish_platform.sdk.windows import signal, window_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_app_anomaly_watch.watched import Watched

    Values = NDArray[np.float64]
    Flags = NDArray[np.bool_]

MANIFEST: Final = read_manifest(Path(__file__).parent / "app.toml")
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_CYCLE_S: Final = 60
_GOOD: Final = 100
_ROW: Final = 3


def judge(rows: Values, judged: int, period_s: float, width_s: float) -> Watched:
    """The app over rows ``(samples, signals)``, of which the last windows are judged."""
    seconds = (np.arange(len(rows)) + 0.5) * period_s
    signals = {
        signal(n + 1, f"S/A/L/M/C/{n:02d}", "x", period_s=period_s): (seconds, rows[:, n])
        for n in range(rows.shape[1])
    }
    end = START + timedelta(seconds=len(rows) * period_s)
    inputs = window_inputs(MANIFEST, signals, START, end)
    return watch(inputs, tuple(signals), judged * width_s, width_s, 0.01)


def hydraulic(folder: Path) -> dict[str, float]:
    """Shares of load cycles called unusual on the hydraulic test bench: cooler, and valve with pump.

    Learnt from cycles of a good component under all conditions of the others, two of three condition blocks;
    the third block's good cycles are the false alarms.
    """
    return of_cooler(folder) | of_valve_and_pump(folder)


def of_cooler(folder: Path) -> dict[str, float]:
    """The cooler alone, as `hydraulic` says."""
    data = _recorded(folder)
    cooler = data.labels[:, 0]
    return _bench("cooler", data, cooler == _GOOD, {f"cooler {n} %": cooler == n for n in (20, 3)})


def of_valve_and_pump(folder: Path) -> dict[str, float]:
    """Valve and pump together, as `hydraulic` says."""
    data = _recorded(folder)
    valve, leak = data.labels[:, 1], data.labels[:, 2]
    worn = {f"valve {n} %": valve == n for n in (90, 80, 73)} | {f"leak {n}": leak == n for n in (1, 2)}
    return _bench("valve and pump", data, (valve == _GOOD) & (leak == 0), worn)


def _recorded(folder: Path) -> HydraulicData:
    profile = pd.read_parquet(folder / "hydraulic_profile.parquet")
    return HydraulicData.from_tables(pd.read_parquet(folder / "hydraulic.parquet"), profile)


def _bench(name: str, data: HydraulicData, good: Flags, faulty: dict[str, Flags]) -> dict[str, float]:
    # Cycles of one condition follow each other; a block is on one side only.
    held = data.blocks % 3 == 0
    bad = np.logical_or.reduce(list(faulty.values()))
    order = np.concatenate([np.flatnonzero(part) for part in (good & ~held, good & held, bad)])
    judged = int((good & held).sum() + bad.sum())
    rows = data.windows[order].reshape(len(order) * _CYCLE_S, -1)
    alarms = judge(rows, judged, 1.0, _CYCLE_S).alarms
    later = order[-judged:]
    shares = {f"{name}: false alarms": float(alarms[(good & held)[later]].mean())}
    return shares | {f"{name}: {kind} found": float(alarms[of[later]].mean()) for kind, of in faulty.items()}


def of_skab(path: Path) -> dict[str, float]:
    """F1, false-alarm and missing rate on SKAB: each experiment's first 400 s learnt, the rest judged."""
    table = skab.read_skab(path)
    counts = np.zeros(4, np.int64)
    for _, part in table.dropna(subset=["anomaly"]).groupby("file", sort=True):
        rows, truth = part[list(skab.SIGNALS)].to_numpy(np.float64), part["anomaly"].to_numpy() == 1
        if len(part) <= skab.HEALTHY:
            continue
        alarms = judge(rows, len(rows) - skab.HEALTHY, 1.0, 1.0).alarms
        truth = truth[skab.HEALTHY :]
        counts += [
            int(np.count_nonzero(case))
            for case in (alarms & truth, alarms & ~truth, ~alarms & truth, ~alarms & ~truth)
        ]
    right, false, missed, silent = counts.tolist()
    return {
        "F1": 2 * right / (2 * right + false + missed),
        "false alarms": false / (false + silent),
        "missed": missed / (missed + right),
    }


def of_tep(path: Path) -> dict[str, float]:
    """False alarms and delay of detection on the Tennessee Eastman process, faults 1 to 10.

    Learnt from the fault-free training run. Delay: samples from the fault's begin to the first of three
    unusual windows in a row.
    """
    runs = {
        str(name): part.sort_values("sample")[list(tep.SIGNALS)].to_numpy(np.float64)
        for name, part in pd.read_parquet(path).groupby("file")
    }
    false, found, delays = [], [], []
    for number in range(11):
        rows = runs[f"d{number:02d}_te.dat"]
        alarms = judge(np.vstack([runs["d00.dat"], rows]), len(rows), 180.0, 180.0).alarms
        before = len(rows) if number == 0 else tep.FAULT_BEGINS
        false.append(alarms[:before])
        if number:
            found.append(float(alarms[before:].mean()))
            begins = np.convolve(alarms[before:], np.ones(_ROW), "valid") == _ROW
            delays.append(int(begins.argmax()) if begins.any() else len(rows))
    return {
        "false alarms": float(np.concatenate(false).mean()),
        "found": float(np.mean(found)),
        "delay, median": float(np.median(delays)),
        "delay, longest": float(max(delays)),
    }


if __name__ == "__main__":
    measured = {"hydraulic": hydraulic, "skab": of_skab, "tep": of_tep}[sys.argv[1]](Path(sys.argv[2]))
    sys.stdout.writelines(f"{name}: {value:.3f}\n" for name, value in measured.items())
