"""The on-resistance of one device, and the records left by a curve learnt from devices run to failure.

The curve is numbers in `life.json`, made by ``python -m tundish_app_igbt_ageing.verify FOLDER --remake``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.life import MIN_RECORDS, LifeModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.sdk import AppInputs, SignalInfo

    Values = NDArray[np.float64]

CURVE: Final = Path(__file__).parent / "life.json"
_SMOOTH: Final = 201


@dataclass(frozen=True, slots=True)
class Resistance:
    """A device's course.

    Attributes:
        device: its identity; empty where none is told.
        times: of the records, ``datetime64[us]``; ``delta``: Ohm; shape ``(n,)`` each.
        smooth: median of the last 201 records, in Ohm.
        left, low, high: records left, P10 and P90; None below 1,000 records or without a time to tell.
    """

    device: str
    times: NDArray[np.datetime64]
    delta: Values
    smooth: float
    left: float | None
    low: float | None
    high: float | None


def resistance_of(inputs: AppInputs, signal: SignalInfo, identity: SignalInfo | None) -> Resistance | None:
    """The newest device's course; None without a good record."""
    times, delta = inputs.good(signal)
    device, since = _newest(inputs, identity)
    if since is not None:
        kept = times >= since
        times, delta = times[kept], delta[kept]
    if delta.size == 0:
        return None
    smooth = float(np.median(delta[-_SMOOTH:]))
    if delta.size <= MIN_RECORDS:
        return Resistance(device, times, delta, smooth, None, None, None)
    estimate = curve().estimate(delta)
    left, low, high = (float(part[-1]) for part in (estimate.records, estimate.low, estimate.high))
    return Resistance(device, times, delta, smooth, left, low, high)


def _newest(inputs: AppInputs, identity: SignalInfo | None) -> tuple[str, np.datetime64 | None]:
    """Name of the newest device, and when it was first seen."""
    if identity is None:
        return "", None
    table = inputs.samples(identity)
    good = np.right_shift(table.column("status").to_numpy(), 30) == 0
    names = np.array(table.column("value").to_pylist(), object)[good]
    times = table.column("ts").cast("timestamp[us]").to_numpy()[good]
    if names.size == 0:
        return "", None
    new = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
    return str(names[-1]), times[new[-1]]


@cache
def curve() -> LifeModel:
    """The shipped curve."""
    state = json.loads(CURVE.read_text("utf-8"))
    arrays = {key: np.array(state[key], np.float64) for key in ("extrapolation", "log_life")}
    return LifeModel.from_state({**state, **arrays})
