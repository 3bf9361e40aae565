"""Drift of the on-state voltage, read where temperature and current are as they were at the beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.vce import WINDOW_PULSES, Ageing, AgeingModel, Pulses, find_pulses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.sdk import AppInputs, SignalInfo

    Values = NDArray[np.float64]

WINDOW_S: Final = 300.0
_BASELINE_S: Final = 7_200.0
_TOGETHER_S: Final = 0.5
_MOST_WINDOWS: Final = 144


@dataclass(frozen=True, slots=True)
class Drift:
    """The voltage's course.

    Attributes:
        at: ends of windows of five minutes, seconds since 1970, shape ``(n,)``.
        read: drift in each; None where fewer than eight pulses match.
        baseline_v, match_c: what it is measured against.
        own: whether the baseline is the window's own beginning.
    """

    at: Values
    read: tuple[Ageing | None, ...]
    baseline_v: float
    match_c: float
    own: bool

    @property
    def newest(self) -> Ageing | None:
        """The last window's."""
        return self.read[-1] if self.read else None


def seconds_of(inputs: AppInputs, voltage: SignalInfo, near: dict[str, SignalInfo]) -> Values:
    """On-state samples ``(n, 4)``: seconds since 1970, V, A, degrees Celsius; none that lacks one."""
    times, values = inputs.good(voltage)
    at = times.astype(np.int64) / 1e6
    columns = [at, values, *(_beside(inputs, near[key], at) for key in ("current", "temperature"))]
    rows = np.column_stack(columns)
    kept: Values = rows[np.isfinite(rows).all(axis=1)]
    return kept


def drift_of(rows: Values, baseline: tuple[float, float] | None) -> Drift:
    """Drift by windows of five minutes up to the last sample.

    Args:
        rows: as `seconds_of` gives them.
        baseline: voltage and temperature at which it was read; without it the first settled pulses.

    Raises:
        ValueError: too few pulses for a baseline.
    """
    if len(rows) == 0:
        raise ValueError(f"needs {WINDOW_PULSES} pulses after thermal settling, got 0")
    model = (
        AgeingModel.fit(rows[rows[:, 0] < rows[0, 0] + _BASELINE_S])
        if baseline is None
        else _given(rows, baseline)
    )
    last = rows[-1, 0]
    count = min(max(int((last - rows[0, 0]) // WINDOW_S), 1), _MOST_WINDOWS)
    ends = last - WINDOW_S * np.arange(count - 1, -1, -1)
    read = tuple(
        model.measure(rows[(rows[:, 0] > end - WINDOW_S) & (rows[:, 0] <= end)]) for end in ends.tolist()
    )
    return Drift(ends, read, model.baseline_v, model.match_c, baseline is None)


def _given(rows: Values, baseline: tuple[float, float]) -> AgeingModel:
    voltage, celsius = baseline
    offered = find_pulses(rows, celsius)
    if not len(offered):
        raise ValueError(f"no pulse passes the baseline's {celsius:g} degrees Celsius")
    current = float(np.median(offered.current))
    one = (np.array([number]) for number in (rows[0, 0], voltage, celsius, current))
    return AgeingModel(celsius, Pulses(*one))


def _beside(inputs: AppInputs, signal: SignalInfo, at: Values) -> Values:
    """The signal's value at each moment, NaN where none is within half a second."""
    times, values = inputs.good(signal)
    seconds = times.astype(np.int64) / 1e6
    if seconds.size == 0:
        return np.full(at.size, np.nan)
    later = (
        np.clip(np.searchsorted(seconds, at), 1, max(seconds.size - 1, 1))
        if seconds.size > 1
        else np.ones(at.size, int)
    )
    place = np.where(
        np.abs(seconds[np.minimum(later, seconds.size - 1)] - at) < np.abs(seconds[later - 1] - at),
        np.minimum(later, seconds.size - 1),
        later - 1,
    )
    found: Values = np.where(np.abs(seconds[place] - at) <= _TOGETHER_S, values[place], np.nan)
    return found
