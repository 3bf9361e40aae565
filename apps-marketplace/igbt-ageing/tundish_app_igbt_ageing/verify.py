"""Computes the figures of the model card: ``python -m tundish_app_igbt_ageing.verify FOLDER [--remake]``.

FOLDER holds the recordings that the product ships. ``--remake`` writes the curve of remaining life anew, from
devices 9 and 11: device 12 is what the demonstration plays, so the shipped curve has never seen it.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tundish_analytics.condition.life import MIN_RECORDS, LifeModel, remaining
from tundish_analytics.tables import devices_from_table
from tundish_app_igbt_ageing.resistance import CURVE, curve
from tundish_app_igbt_ageing.voltage import drift_of, seconds_of
from tundish_platform.sdk import read_manifest
from tundish_platform.sdk.windows import signal, window_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

MANIFEST: Final = read_manifest(Path(__file__).parent / "app.toml")
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
LEARNT: Final = ("9", "11")
_DIGITS: Final = 6
_CHANNEL: Final = "S/A/PCT/PCT1/Channel1"
VOLTAGE: Final = signal(1, f"{_CHANNEL}/VCEon", "voltage.vce_on", unit="V", period_s=15.0)
CURRENT: Final = signal(2, f"{_CHANNEL}/Current", "current.load", unit="A", period_s=15.0)
TEMPERATURE: Final = signal(
    3, f"{_CHANNEL}/PackageTemperature", "temperature.package", unit="Cel", period_s=1.0
)


def devices(folder: Path) -> dict[str, Values]:
    """Change of on-resistance of each recorded MOSFET, Ohm, record by record."""
    return devices_from_table(pd.read_parquet(folder / "mosfet.parquet"))


def of_mosfets(folder: Path) -> dict[str, float]:
    """Each device by the curve of the others, record by record from the thousandth to +0.05 Ohm."""
    known = devices(folder)
    found: dict[str, float] = {}
    for name, delta in known.items():
        others = [other for key, other in known.items() if key != name]
        found |= _device(name, LifeModel.fit(others), delta)
    return found


def of_shipped(folder: Path) -> dict[str, float]:
    """Device 12 by the shipped curve, which has not seen it."""
    return _device("12, shipped curve", curve(), devices(folder)["12"])


def _device(name: str, model: LifeModel, delta: Values) -> dict[str, float]:
    truth, estimate = remaining(delta), model.estimate(delta)
    rows = slice(MIN_RECORDS, len(truth))
    left, low, high, true = estimate.records[rows], estimate.low[rows], estimate.high[rows], truth[rows]
    half = int(0.5 * len(truth))
    return {
        f"device {name}: P10-P90 coverage": float(((low <= true) & (true <= high)).mean()),
        f"device {name}: within 20 %": float((np.abs(left - true) <= 0.2 * true).mean()),
        f"device {name}: median relative error": float(np.median(np.abs(left - true) / true)),
        f"device {name}: end-of-life error at half life, %": float(
            100 * (estimate.records[half] - truth[half]) / len(truth)
        ),
    }


def of_igbt(folder: Path) -> dict[str, float]:
    """The recorded IGBT through the app: when its drift passes 2.5 and 5 % to stay, how steady it reads."""
    table = pd.read_parquet(folder / "igbt.parquet")
    seconds = np.arange(len(table), dtype=np.float64)
    on = np.isfinite(table["vce_on"].to_numpy())
    samples = {
        VOLTAGE: (seconds[on], table["vce_on"].to_numpy(np.float64)[on]),
        CURRENT: (seconds[on], table["current"].to_numpy(np.float64)[on]),
        TEMPERATURE: (seconds, table["temperature"].to_numpy(np.float64)),
    }
    inputs = window_inputs(MANIFEST, samples, START, START + timedelta(seconds=len(table)))
    near = {"current": CURRENT, "temperature": TEMPERATURE}
    drift = drift_of(seconds_of(inputs, VOLTAGE, near), None)
    at = drift.at - START.timestamp()
    percent = np.array([np.nan if a is None else a.percent for a in drift.read])
    widths = [a.high - a.low for a in drift.read if a is not None]
    return {
        "IGBT: windows read": float(np.isfinite(percent).mean()),
        "IGBT: drift at the end, %": float(percent[np.isfinite(percent)][-1]),
        "IGBT: beyond 2.5 % to stay, s": _stays(at, percent, 2.5),
        "IGBT: beyond 5 % to stay, s": _stays(at, percent, 5.0),
        "IGBT: median step between windows, %": float(np.nanmedian(np.abs(np.diff(percent)))),
        "IGBT: median width of the 80 % interval, %": float(np.median(widths)),
    }


def _stays(at: Values, percent: Values, limit: float) -> float:
    below = np.flatnonzero(~(np.abs(percent) >= limit))
    first = int(below[-1]) + 1 if below.size else 0
    return float(at[first]) if first < at.size else float("nan")


def remake(folder: Path) -> None:
    """Write the curve anew."""
    known = devices(folder)
    state = LifeModel.fit([known[name] for name in LEARNT]).state()
    listed = {
        "extrapolation": np.round(state["extrapolation"], _DIGITS).tolist(),
        "log_life": np.round(state["log_life"], _DIGITS).tolist(),
        "factors": [round(float(factor), _DIGITS) for factor in state["factors"]],
        "units": state["units"],
    }
    CURVE.write_text(json.dumps(listed) + "\n", encoding="utf-8")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if "--remake" in sys.argv:
        remake(place)
    measured = of_mosfets(place) | of_shipped(place) | of_igbt(place)
    sys.stdout.writelines(f"{name}: {value:.4g}\n" for name, value in measured.items())
