"""A control chart: its statistic, its limits, and the baseline they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tundish_analytics.spc.rules import DEFAULT_RULES, signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_analytics.spc.rules import RunRule

    Points = NDArray[np.float64]

WIDTH = 3.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """What phase I estimated and phase II judges by.

    Attributes:
        centre: of one value, of a share, or of counts per unit.
        sigma: of one value within subgroups; NaN where the centre alone decides (counts).
        points: values, groups or counts it was estimated from; 0 for a given standard.
        freedom: degrees of freedom that sigma is worth; NaN where there are none to speak of.
    """

    centre: float
    sigma: float
    points: int = 0
    freedom: float = float("nan")


@dataclass(frozen=True, slots=True)
class ControlChart:
    """One statistic over time; every array has the shape ``(n,)`` and the statistic's unit.

    Attributes:
        statistic: NaN where it could not be formed.
        sigma: of the statistic itself.
        baseline: where the limits came from; give it back to judge later points by the same limits.
    """

    statistic: Points
    centre: Points
    sigma: Points
    lower: Points
    upper: Points
    baseline: Baseline

    def standardised(self) -> Points:
        """``(statistic − centre) / sigma``; NaN where sigma is 0, because such a chart can judge nothing."""
        usable = self.sigma > 0
        return np.divide(
            self.statistic - self.centre, self.sigma, out=np.full_like(self.statistic, np.nan), where=usable
        )

    def outside(self) -> NDArray[np.bool_]:
        """Points strictly outside their limits."""
        return (self.statistic > self.upper) | (self.statistic < self.lower)

    def signals(self, rules: Sequence[RunRule] = DEFAULT_RULES) -> dict[str, NDArray[np.int64]]:
        """Last points of the rules' patterns, per rule's key."""
        return signals(self.standardised(), rules)


def chart_of(
    statistic: Points,
    centre: Points | float,
    sigma: Points | float,
    baseline: Baseline,
    *,
    floor: float = -np.inf,
) -> ControlChart:
    """A chart with limits at three sigmas of the statistic, none below ``floor``."""
    middle = np.broadcast_to(np.asarray(centre, np.float64), statistic.shape)
    spread = np.broadcast_to(np.asarray(sigma, np.float64), statistic.shape)
    lower = np.maximum(middle - WIDTH * spread, floor)
    return ControlChart(statistic, middle, spread, lower, middle + WIDTH * spread, baseline)
