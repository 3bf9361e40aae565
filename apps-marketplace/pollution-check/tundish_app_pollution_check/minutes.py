"""From samples to minutes: the mean of each minute, NaN where nothing good was measured; nothing bridged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.sdk import AppInputs, SignalInfo

    Values = NDArray[np.float64]

_MINUTE: Final = np.timedelta64(1, "m")


@dataclass(frozen=True, slots=True)
class Minutes:
    """Both powers on one grid.

    Attributes:
        times: start of each minute, UTC, ``datetime64[m]``, shape ``(n,)``.
        production, treatment: kW, sums over the signals, NaN where one of them is missing; shape ``(n,)``.
    """

    times: NDArray[np.datetime64]
    production: Values
    treatment: Values


def minutes_of(inputs: AppInputs) -> Minutes:
    """The window in whole minutes."""
    first = np.datetime64(inputs.start.replace(tzinfo=None), "m")
    count = int((np.datetime64(inputs.end.replace(tzinfo=None), "m") - first) / _MINUTE) + 1
    times = first + np.arange(count) * _MINUTE
    both = (_sum(inputs, key, first, count) for key in ("production", "treatment"))
    return Minutes(times, *both)


def _sum(inputs: AppInputs, key: str, first: np.datetime64, count: int) -> Values:
    parts = [_mean(inputs, signal, first, count) for signal in inputs.found(key)]
    return np.sum(parts, axis=0) if parts else np.full(count, np.nan)


def _mean(inputs: AppInputs, signal: SignalInfo, first: np.datetime64, count: int) -> Values:
    times, values = inputs.good(signal)
    place = ((times.astype("datetime64[m]") - first) / _MINUTE).astype(np.int64)
    inside = (place >= 0) & (place < count)
    sums = np.bincount(place[inside], values[inside], count)
    counts = np.bincount(place[inside], minlength=count)
    means = np.divide(sums, counts, out=np.full(count, np.nan), where=counts > 0)
    return _held(means, max(1, round((signal.period_s or 60.0) / 60.0)))


def _held(means: Values, minutes: int) -> Values:
    """A slow signal's value stands for its own period, and no longer."""
    held = means.copy()
    for step in range(1, minutes):
        empty = np.isnan(held[step:])
        held[step:][empty] = means[:-step][empty]
    return held
