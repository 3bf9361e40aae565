"""From samples to the points of a chart: bad samples and silences are missing points, never bridged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.spc import lag1

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.sdk import AppInputs, SignalInfo

    Points = NDArray[np.float64]
    Times = NDArray[np.datetime64]

# Fewer give no limits worth showing (ISO 7870-2 asks for about 25 subgroups; the card says so).
LEAST_POINTS: Final = 20
MOST_POINTS: Final = 300
_STEPS: Final = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120)
_SILENCE: Final = 2.5


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one signal's chart.

    Attributes:
        signal: which signal.
        times, points: shape ``(n,)`` each; NaN where a point is missing.
        step: every so-manieth sample was taken, to get points that do not depend on their neighbours.
        correlation, bound: lag-1 autocorrelation of the points and the bound beyond which limits are invalid.
    """

    signal: SignalInfo
    times: Times
    points: Points
    step: int
    correlation: float
    bound: float

    @property
    def count(self) -> int:
        """Points that are not missing."""
        return int(np.isfinite(self.points).sum())

    @property
    def independent(self) -> bool:
        """Whether limits of raw points mean what they say."""
        return abs(self.correlation) <= self.bound


def series_of(inputs: AppInputs, signal: SignalInfo) -> Series | None:
    """The chart points of a signal, thinned as little as makes them independent; None if they are too few.

    Where no thinning helps, the points stay as they are and `Series.independent` is False.
    """
    times, points = _all_points(inputs, signal)
    whole = _thinned(signal, times, points, 1)
    if whole.count < LEAST_POINTS or np.nanmin(points) == np.nanmax(points):
        return None
    tried = (_thinned(signal, times, points, step) for step in _STEPS)
    return next((s for s in tried if s.count >= LEAST_POINTS and s.independent), whole)


def _all_points(inputs: AppInputs, signal: SignalInfo) -> tuple[Times, Points]:
    table = inputs.samples(signal)
    times = table.column("ts").cast("timestamp[us]").to_numpy()
    good_times, good = inputs.good(signal)
    points = np.full(times.size, np.nan)
    points[np.isin(times, good_times)] = good
    steps = np.diff(times).astype(np.int64)
    silences = np.flatnonzero(steps > _SILENCE * (np.median(steps) if steps.size else 0)) + 1
    return np.insert(times, silences, times[silences]), np.insert(points, silences, np.nan)


def _thinned(signal: SignalInfo, times: Times, points: Points, step: int) -> Series:
    # From the newest point backwards, so that the newest is always on the chart.
    places = np.arange(points.size - 1, -1, -step)[::-1][-MOST_POINTS:]
    missing = np.cumsum(np.isnan(points))
    # A hole between two chosen points must stay one, or the line would bridge it.
    holes = np.flatnonzero(missing[places[1:] - 1] > missing[places[:-1]]) + 1
    shown_times = np.insert(times[places], holes, times[places[holes]])
    shown = np.insert(points[places], holes, np.nan)
    correlation, bound = lag1(shown)
    return Series(signal, shown_times, shown, step, correlation, bound)
