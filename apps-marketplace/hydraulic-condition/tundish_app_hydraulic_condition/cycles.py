"""From samples to load cycles: 60 seconds of 17 signals from each count on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.cycles import CYCLE_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.sdk import AppInputs, SignalInfo

    Values = NDArray[np.float64]

_SECOND: Final = 1_000_000
# Input keys with the number of signals each must have, in the order of the training table.
WANTED: Final = (
    ("cooler_efficiency", 1), ("cooling", 1), ("flow", 2), ("power", 1), ("pressure", 6), ("efficiency", 1),
    ("temperature", 4), ("vibration", 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cycles:
    """Whole load cycles in time order.

    Attributes:
        ends: ``datetime64[us]``, shape ``(n,)``.
        windows: ``(n, 60, 17)``, NaN where nothing good was sent.
    """

    ends: NDArray[np.datetime64]
    windows: Values

    @property
    def share(self) -> Values:
        """Of each signal's seconds that are there, shape ``(n, 17)``."""
        there: Values = np.isfinite(self.windows).mean(axis=1)
        return there


def bound(inputs: AppInputs, machine: str) -> tuple[SignalInfo, ...] | str:
    """The machine's 17 signals in the order of the training table, or the key of which there are others."""
    found: list[SignalInfo] = []
    for key, number in WANTED:
        here = [s for s in inputs.found(key) if s.machine == machine]
        if len(here) != number:
            return key
        found += here
    return tuple(found)


def cycles_of(inputs: AppInputs, counter: SignalInfo, signals: Sequence[SignalInfo]) -> Cycles:
    """The window's whole cycles; each begins where the counter rises."""
    times, values = inputs.good(counter)
    micros = times.astype(np.int64)
    rises = np.diff(values, prepend=-np.inf) > 0
    starts = micros[rises]
    last = int(inputs.end.timestamp() * _SECOND)
    starts = starts[starts + (CYCLE_S - 1) * _SECOND < last]
    windows = np.stack([_seconds(inputs, signal, starts) for signal in signals], axis=-1)
    return Cycles((starts + CYCLE_S * _SECOND).astype("datetime64[us]"), windows)


def _seconds(inputs: AppInputs, signal: SignalInfo, starts: NDArray[np.int64]) -> Values:
    """Values of one signal by cycle and second, shape ``(cycles, 60)``."""
    found = np.full((starts.size, CYCLE_S), np.nan)
    times, values = inputs.good(signal)
    micros = times.astype(np.int64)
    cycle = np.searchsorted(starts, micros, side="right") - 1
    second = (
        np.where(cycle >= 0, (micros - starts[np.maximum(cycle, 0)]) // _SECOND, -1) if starts.size else cycle
    )
    inside = (cycle >= 0) & (second >= 0) & (second < CYCLE_S)
    found[cycle[inside], second[inside]] = values[inside]
    return found
