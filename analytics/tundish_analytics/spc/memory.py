"""Charts with a memory: EWMA and tabular CUSUM, over the whole or over a stream with the same numbers.

Sources: NIST/SEMATECH e-Handbook 6.3.2.3 and 6.3.2.4; Lucas and Saccucci, Technometrics 32 (1990); fast
initial response after Lucas and Crosier, Technometrics 24 (1982). A missing point (NaN) leaves the memory
as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from tundish_analytics.spc.chart import Baseline, ControlChart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]


class Ewma:
    """Exponentially weighted moving average against its target.

    Args:
        baseline: centre is the target, sigma that of one point (of a mean: sigma over the root of its size).
        weight: λ, above 0 and up to 1.
        width: limits in sigmas of the statistic.
        exact: limits that widen from the start as the variance does; else those of the long run.

    Raises:
        ValueError: the weight is out of its range.
    """

    def __init__(
        self, baseline: Baseline, *, weight: float = 0.2, width: float = 3.0, exact: bool = True
    ) -> None:
        if not 0 < weight <= 1:
            raise ValueError("the weight lies above 0 and up to 1")
        self._baseline, self._weight, self._width, self._exact = baseline, weight, width, exact
        self._state = np.array([(1 - weight) * baseline.centre])
        self._steps = 0

    def update(self, points: Points) -> ControlChart:
        """The chart of the next points, shape ``(n,)``."""
        known = np.isfinite(points)
        statistic = np.full(points.size, np.nan)
        if known.any():
            statistic[known], self._state = scipy.signal.lfilter(
                [self._weight], [1.0, self._weight - 1], points[known], zi=self._state
            )
        steps = self._steps + np.cumsum(known)
        self._steps += int(known.sum())
        return self._chart(statistic, steps)

    def _chart(self, statistic: Points, steps: NDArray[np.int64]) -> ControlChart:
        weight, base = self._weight, self._baseline
        growth = 1 - (1 - weight) ** (2.0 * steps) if self._exact else np.ones(statistic.size)
        sigma = base.sigma * np.sqrt(weight / (2 - weight) * growth)
        centre = np.full(statistic.size, base.centre)
        return ControlChart(
            statistic, centre, sigma, centre - self._width * sigma, centre + self._width * sigma, base
        )


@dataclass(frozen=True, slots=True)
class CusumPath:
    """Both sums, shape ``(n,)`` each, in the values' unit, NaN where a point is missing.

    Attributes:
        up_run, down_run: points since that sum was last 0 (N⁺ and N⁻).
    """

    up: Points
    down: Points
    up_run: NDArray[np.int64]
    down_run: NDArray[np.int64]

    def outside(self, limit: float) -> NDArray[np.bool_]:
        """Where either sum lies above the decision limit H."""
        return (self.up > limit) | (self.down > limit)


class Cusum:
    """Tabular CUSUM, upper and lower.

    Args:
        target: the mean to hold.
        slack: K, half the shift to find, in the values' unit.
        head_start: where both sums begin; half the decision limit for a fast initial response.
    """

    def __init__(self, target: float, slack: float, *, head_start: float = 0.0) -> None:
        self._target, self._slack = target, slack
        self._sums, self._runs = (head_start, head_start), (0, 0)

    def update(self, points: Points) -> CusumPath:
        """The sums after each of the next points, shape ``(n,)``."""
        sums, runs = np.full((2, points.size), np.nan), np.zeros((2, points.size), np.int64)
        (up, down), (up_run, down_run) = self._sums, self._runs
        high, low = self._target + self._slack, self._target - self._slack
        # A running sum that stops at 0 has no form without a loop that gives the same bits in any blocks.
        for index, point in enumerate(points.tolist()):
            if point == point:  # noqa: PLR0124 - only NaN differs from itself, and this is the fastest test
                up = max(0.0, up + (point - high))
                down = max(0.0, down + (low - point))
                up_run = up_run + 1 if up > 0 else 0
                down_run = down_run + 1 if down > 0 else 0
                sums[0, index], sums[1, index] = up, down
            runs[0, index], runs[1, index] = up_run, down_run
        self._sums, self._runs = (up, down), (up_run, down_run)
        return CusumPath(sums[0], sums[1], runs[0], runs[1])

    def shifted_mean(self, path: CusumPath, index: int) -> float:
        """Estimated process mean at a signal: target ± (K + C/N) of the larger sum (Montgomery, 9.1.2)."""
        up, down = path.up[index], path.down[index]
        if up >= down:
            return float(self._target + self._slack + up / path.up_run[index])
        return float(self._target - self._slack - down / path.down_run[index])


def ewma(
    points: Points, baseline: Baseline, *, weight: float = 0.2, width: float = 3.0, exact: bool = True
) -> ControlChart:
    """EWMA chart of a whole series; arguments as with `Ewma`."""
    return Ewma(baseline, weight=weight, width=width, exact=exact).update(points)


def cusum(points: Points, target: float, slack: float, *, head_start: float = 0.0) -> CusumPath:
    """Tabular CUSUM of a whole series; arguments as with `Cusum`."""
    return Cusum(target, slack, head_start=head_start).update(points)
