"""Whether a baseline may vouch for a capability: no more points outside than chance lets expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy

if TYPE_CHECKING:
    from tundish_analytics.spc.chart import ControlChart

# Probability outside both three-sigma limits of a normal statistic, and of calling a stable process unstable.
_OUTSIDE: Final = 0.0027
_ERROR: Final = 0.01


@dataclass(frozen=True, slots=True)
class Stability:
    """Points outside the limits.

    Attributes:
        points: judged; ``outside``: of them; ``allowed``: as many a stable process has by chance at most, in
            99 of 100 baselines.
    """

    points: int
    outside: int
    allowed: int

    @property
    def stable(self) -> bool:
        """Whether there are no more outside than chance explains."""
        return self.points > 0 and self.outside <= self.allowed


def stability(chart: ControlChart) -> Stability:
    """Count a chart's points outside its limits against the binomial law.

    A rule that refuses any point outside would refuse half of all stable baselines of 260 points.
    """
    points = int(np.isfinite(chart.statistic).sum())
    allowed = int(scipy.stats.binom.ppf(1 - _ERROR, points, _OUTSIDE)) if points else 0
    return Stability(points, int(chart.outside().sum()), allowed)
