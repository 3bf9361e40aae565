"""Computes the figures of the model card: ``python -m tundish_app_peak_shaving.verify FOLDER``.

FOLDER holds the recordings that the product ships. Each day of the last fifth of the recorded year is
forecast at its midnight by the app itself, from the 31 days before. No other column than the energy is read.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from tundish_app_peak_shaving.ahead import forecast, week_before
from tundish_app_peak_shaving.history import history_of
from tundish_platform.sdk import read_manifest
from tundish_platform.sdk.windows import signal, window_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

MANIFEST: Final = read_manifest(Path(__file__).parent / "app.toml")
ZONE: Final = ZoneInfo("Asia/Shanghai")
METER: Final = signal(1, "S/A/L/EM1/Meter/Usage", "energy.active.interval", unit="kW.h", period_s=900.0)
# The recorded year begins on a Monday.
BEGIN: Final = datetime(2018, 1, 1, tzinfo=ZONE)
FIRST_TESTED: Final = 292
_STEPS: Final = 96
_WINDOW_DAYS: Final = 31


def measure(folder: Path, days: Iterable[int] | None = None) -> dict[str, float]:
    """Figures over some days of the recorded year; over its last fifth where none are named.

    Energies are kWh a quarter of an hour. An alert is "possible" where P90 passes a limit that nine tenths of
    the days before the tested part kept.
    """
    usage = pd.read_parquet(folder / "steel_energy.parquet")["usage"].to_numpy(np.float64)
    tested = list(days or range(FIRST_TESTED, usage.size // _STEPS))
    limit = np.quantile(4 * usage[: FIRST_TESTED * _STEPS].reshape(-1, _STEPS).max(axis=1), 0.9)
    found, naive, truth = [], [], []
    for day in tested:
        demand, first = _before(usage, day)
        load = forecast(demand, first)
        found.append((load.value, load.low, load.high))
        naive.append(week_before(demand))
        truth.append(4 * usage[day * _STEPS : (day + 1) * _STEPS])
    value, low, high = (np.array(part) for part in zip(*found, strict=True))
    return _figures(value, low, high, np.array(naive), np.array(truth), float(limit))


def _before(usage: Values, day: int) -> tuple[Values, int]:
    """What the app makes of the 31 days before a midnight."""
    end = BEGIN + timedelta(days=day, microseconds=1)
    start = end - timedelta(days=_WINDOW_DAYS)
    past = usage[(day - _WINDOW_DAYS) * _STEPS : day * _STEPS]
    # A sample stamps the end of its quarter; the first lies a microsecond before the window.
    seconds = (np.arange(past.size) + 1) * 900.0 - 1e-6
    inputs = window_inputs(MANIFEST, {METER: (seconds, past)}, start, end)
    history = history_of(inputs, "interval", METER, ZONE)
    return history.demand, history.first_step


def _figures(
    value: Values, low: Values, high: Values, naive: Values, truth: Values, limit: float
) -> dict[str, float]:
    over, warned = truth.max(axis=1) > limit, high.max(axis=1) > limit
    return {
        "days": float(len(truth)),
        "rmse, kWh": _rmse(value, truth) / 4,
        "rmse, a week before": _rmse(naive, truth) / 4,
        "mae, kWh": float(np.abs(value - truth).mean()) / 4,
        "mae, a week before": float(np.abs(naive - truth).mean()) / 4,
        "P10-P90 coverage": float(((low <= truth) & (truth <= high)).mean()),
        "P10-P90 mean width, kWh": float((high - low).mean()) / 4,
        "peak, mean absolute error, kW": float(np.abs(value.max(axis=1) - truth.max(axis=1)).mean()),
        "peak a week before, kW": float(np.abs(naive.max(axis=1) - truth.max(axis=1)).mean()),
        "days over the limit": float(over.sum()),
        "of them alerted": float((over & warned).sum()),
        "alerts on other days": float((~over & warned).sum()),
    }


def _rmse(found: Values, truth: Values) -> float:
    return float(np.sqrt(np.mean((found - truth) ** 2)))


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}: {value:.4g}\n" for name, value in measure(Path(sys.argv[1])).items())
