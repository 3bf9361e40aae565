"""Points far enough apart for limits of raw values to hold: one sample of each equal stretch of time.

Stretches count from 1970, not from the window, so that the points stay the same while a window moves on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.spc.charts import lag1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Times = NDArray[np.int64]

# Fewer points give no limits worth showing (ISO 7870-2 asks for about 25 subgroups).
LEAST_POINTS: Final = 20
STEPS: Final = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120)


@dataclass(frozen=True, slots=True)
class Thinned:
    """One point for each stretch.

    Attributes:
        times: begin of each stretch, µs since 1970, shape ``(n,)``, without holes.
        points: first good value of each; NaN where there is none.
    """

    times: Times
    points: Points


def every(times: Times, values: Points, width_us: int) -> Thinned:
    """The first good value of each stretch of that width, from the first sample's to the last's.

    Args:
        times: µs since 1970, rising, shape ``(n,)``.
        values: NaN where a sample is bad.
        width_us: of a stretch.
    """
    if times.size == 0:
        return Thinned(times, values)
    stretch = times // width_us
    whole = np.arange(stretch[0], stretch[-1] + 1)
    points = np.full(whole.size, np.nan)
    good = np.flatnonzero(np.isfinite(values))
    places, first = np.unique(stretch[good] - stretch[0], return_index=True)
    points[places] = values[good[first]]
    return Thinned(whole * width_us, points)


def independent_step(
    times: Times, values: Points, period_us: int, steps: Sequence[int] = STEPS, least: int = LEAST_POINTS
) -> int | None:
    """How many periods apart points must lie so that their lag-1 autocorrelation is within 2/√N.

    Returns:
        None where no step leaves enough points that do not depend on each other.
    """
    for step in steps:
        points = every(times, values, step * period_us).points
        if np.isfinite(points).sum() < least:
            return None
        correlation, bound = lag1(points)
        if abs(correlation) <= bound:
            return step
    return None
