"""Replayed streams: a stretch that comes again, as it was or with noise laid over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.ghosts.shapes import fingerprints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.programme.ghosts.look import Stream

_LEAST_MARKS: Final = 100
_LEAST_SAMPLES: Final = 400
# A copied stretch is worth the trouble from some tens of samples on; shorter lags are the machine's own.
_SHORTEST_LAG: Final = 20
_OUTLIER: Final = 4.0
_CYCLE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Echo:
    """How a stream's surprises, what its cycle does not bring again each time, resemble its own past.

    Attributes:
        correlation: at each lag in samples; lags below ``shortest`` say nothing.
        shortest: first lag that says something.
    """

    correlation: NDArray[np.float64]
    shortest: int

    def loudest(self) -> tuple[float, int]:
        """The highest correlation and its lag."""
        lag = self.shortest + int(np.argmax(self.correlation[self.shortest :]))
        return float(self.correlation[lag]), lag

    def at(self, lag: int) -> float:
        """The correlation at a lag or next to it; 0 where the stream is too short for it."""
        near = self.correlation[max(self.shortest, lag - 1) : lag + 2]
        return float(near.max()) if len(near) else 0.0


def echo(stream: Stream) -> Echo | None:
    """The echo of one stream; None where it is too short or stands still."""
    if len(stream.values) < _LEAST_SAMPLES:
        return None
    steps = clipped_steps(stream.values)
    if not steps.any():
        return None
    shortest, found = _SHORTEST_LAG, cycle(steps)
    if found is not None and 4 * found < len(steps):
        # What the cycle brings again each time is the machine; only what differs from it can be a copy.
        steps, shortest = steps[found:] - steps[:-found], 2 * found + _SHORTEST_LAG
    correlation = autocorrelation(steps)[: 2 * len(steps) // 3]
    return Echo(correlation, shortest) if len(correlation) > shortest else None


def known_before(stream: Stream) -> float | None:
    """Share of the telling stretches that had come before, 0 to 1; None where too few stretches tell."""
    marks, telling = fingerprints(stream.values)
    marks = marks[telling]
    if len(marks) < _LEAST_MARKS:
        return None
    return 1.0 - len(np.unique(marks)) / len(marks)


def cycle(steps: NDArray[np.float64]) -> int | None:
    """Samples of the shortest cycle that the steps of a stream keep; None where there is none."""
    correlation = autocorrelation(steps)[: len(steps) // 4]
    peaks = np.flatnonzero(correlation[_SHORTEST_LAG:] > _CYCLE) + _SHORTEST_LAG
    if not len(peaks):
        return None
    first = peaks[0]
    return int(first + np.argmax(correlation[first : first + _SHORTEST_LAG]))


def clipped_steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences, centred, no larger than some typical ones: a single jump must not speak for a day."""
    steps = np.diff(values)
    steps = steps - np.median(steps)
    moving = np.abs(steps[steps != 0])
    if not len(moving):
        return np.zeros_like(steps)
    bound = _OUTLIER * float(np.median(moving))
    clipped: NDArray[np.float64] = np.clip(steps, -bound, bound)
    return clipped


def autocorrelation(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation with itself at each lag, corrected for the shorter overlap of long lags.

    Returns:
        Shape ``(n,)``; zeros for a constant series.
    """
    n = len(series)
    centred = series - series.mean()
    power = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    raw = np.fft.irfft(power)[:n]
    if raw[0] <= 0:
        return np.zeros(n)
    correlation: NDArray[np.float64] = raw / raw[0] * n / (n - np.arange(n))
    return correlation
