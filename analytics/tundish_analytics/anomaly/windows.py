"""Windows of a line's samples as rows of variables: mean and spread of each signal, in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.cycles import Feature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

# A spread of fewer samples than this says little.
LEAST_FOR_SPREAD: Final = 10
# Below this share of its expected samples a signal is missing from a window.
LEAST_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class WindowRows:
    """Windows side by side.

    Attributes:
        rows: shape ``(windows, 2 × signals)``: means, then standard deviations; NaN where
            missing.
        share: of the expected samples that were there, shape ``(windows, signals)``, 0 to 1.
        halves: means of the first and the second half, shape ``(2, windows, signals)``.
    """

    rows: Values
    share: Values
    halves: Values


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """Windows of equal width, one after the other.

    Attributes:
        width_us: of a window.
        periods_us: expected time between samples of each signal.
    """

    width_us: int
    periods_us: tuple[int, ...]

    def rows(
        self, parts: Sequence[tuple[NDArray[np.int64], Values]], start_us: int, count: int
    ) -> WindowRows:
        """Read so many windows from a time on.

        Args:
            parts: times and values of each signal's good samples, within the windows.
            start_us: begin of the first window.
            count: windows.
        """
        columns = [self._signal(ts, values, start_us, count) for ts, values in parts]
        number, mean, spread, halves = (np.stack(part, axis=-1) for part in zip(*columns, strict=True))
        share = np.minimum(number * np.array(self.periods_us) / self.width_us, 1.0)
        there = share >= LEAST_SHARE
        expected = self.width_us / np.array(self.periods_us)
        told = np.where(there & (expected >= LEAST_FOR_SPREAD), spread, np.nan)
        return WindowRows(np.hstack([np.where(there, mean, np.nan), told]), share, halves)

    def _signal(
        self, ts: NDArray[np.int64], values: Values, start_us: int, count: int
    ) -> tuple[Values, Values, Values, Values]:
        """Number of samples, mean, standard deviation, means of the halves."""
        half = (ts - start_us) // (self.width_us // 2)
        # Squares of values far from 0 would swallow the small spread about them.
        level = float(values.mean()) if len(values) else 0.0
        near = values - level
        n = np.bincount(half, minlength=2 * count)[: 2 * count].reshape(count, 2).astype(np.float64)
        total = np.bincount(half, near, 2 * count)[: 2 * count].reshape(count, 2)
        squares = np.bincount(half, near**2, 2 * count)[: 2 * count].reshape(count, 2).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = total / n + level
            number = n.sum(axis=1)
            offset = total.sum(axis=1) / number
            deviation = np.sqrt(np.maximum(squares / number - offset**2, 0.0))
        return number, offset + level, deviation, means.T


def window_variables(signals: int) -> list[Feature]:
    """What the columns of `WindowRows.rows` mean, in their order."""
    means = [Feature(column, "窗口均值", "mean of the window") for column in range(signals)]
    spreads = [Feature(c, "窗口内标准差", "standard deviation in the window") for c in range(signals)]
    return means + spreads
