"""Whether a baseline may vouch for a capability: no more points outside than chance lets expect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy

if TYPE_CHECKING:
    from tundish_analytics.spc.chart import ControlChart

# Probability outside both three-sigma limits of a normal statistic; of a moving range, whose law is skew.
LEVEL_CHANCE: Final = 0.0027
SPREAD_CHANCE: Final = 0.0092
# Of calling a stable process unstable, by each of the two tests.
_ERROR: Final = 0.01


@dataclass(frozen=True, slots=True)
class Stability:
    """Points outside the limits.

    Attributes:
        points: judged; ``outside``: of them; ``allowed``: as many as chance explains.
    """

    points: int
    outside: int
    allowed: int

    @property
    def stable(self) -> bool:
        """Whether there are no more outside than chance explains."""
        return self.points > 0 and self.outside <= self.allowed


def stability(chart: ControlChart, chance: float = LEVEL_CHANCE) -> Stability:
    """Count a chart's points outside its limits against the binomial law.

    A rule that refuses any point outside would refuse half of all stable baselines of 260 points. Points so
    far out that none is expected among so many (Bonferroni) are never chance; that is asked of levels only.

    Args:
        chart: of the baseline.
        chance: that a point of a stable process lies outside; `SPREAD_CHANCE` for spreads.
    """
    points = int(np.isfinite(chart.statistic).sum())
    if not points:
        return Stability(0, 0, 0)
    outside = int(chart.outside().sum())
    allowed = int(scipy.stats.binom.ppf(1 - _ERROR, points, chance))
    if chance == LEVEL_CHANCE:
        reach = float(scipy.stats.norm.isf(_ERROR / (2 * points)))
        far = int(np.sum(np.abs(chart.standardised()) > max(reach, 3.0)))
        allowed = min(allowed, outside - far) if far else allowed
    return Stability(points, outside, allowed)
