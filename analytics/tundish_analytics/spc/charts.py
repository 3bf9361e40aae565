"""Control charts: individuals with moving range, EWMA, CUSUM, counts; and when their limits mean nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tundish_analytics.spc.constants import d2, range_factors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

_LEAST = 2


@dataclass(frozen=True, slots=True)
class IndividualsChart:
    """An I-MR chart (ISO 7870-2): sigma from the mean moving range of neighbours, limits at 3 sigma.

    Attributes:
        points: values, shape ``(n,)``, NaN where one is missing.
        centre, sigma: mean and MR̄ / d2(2), in the values' unit; sigma may be 0.
        range_centre, range_upper: of the moving range.
    """

    points: Points
    centre: float
    sigma: float
    range_centre: float
    range_upper: float

    @property
    def lower(self) -> float:
        """Lower control limit."""
        return self.centre - 3 * self.sigma

    @property
    def upper(self) -> float:
        """Upper control limit."""
        return self.centre + 3 * self.sigma

    def standardised(self) -> Points:
        """``(value − centre) / sigma``; all NaN where sigma is 0, because such a chart can judge nothing."""
        if self.sigma == 0:
            return np.full_like(self.points, np.nan)
        return (self.points - self.centre) / self.sigma


def individuals(points: Points) -> IndividualsChart:
    """An I-MR chart whose limits come from the points themselves (phase I).

    Args:
        points: in time order, shape ``(n,)``, NaN where one is missing; ranges never span a missing one.

    Raises:
        ValueError: there are no two neighbouring values.
    """
    ranges = np.abs(np.diff(points))
    ranges = ranges[np.isfinite(ranges)]
    if ranges.size == 0:
        raise ValueError("an individuals chart needs two neighbouring values at least")
    mean_range = float(ranges.mean())
    _, _, upper = range_factors(_LEAST)
    return IndividualsChart(
        points, float(np.nanmean(points)), mean_range / d2(_LEAST), mean_range, upper * mean_range
    )


def lag1(points: Points) -> tuple[float, float]:
    """Lag-1 autocorrelation of the values and the bound 2/√N beyond which limits of raw values are invalid.

    Pairs with a missing value are left out; 0 where the values do not vary.
    """
    known = points[np.isfinite(points)]
    if known.size < _LEAST:
        return 0.0, math.inf
    centred = points - known.mean()
    products = centred[1:] * centred[:-1]
    square = float(np.nansum(centred**2))
    correlation = float(np.nansum(products)) / square if square > 0 else 0.0
    return correlation, 2 / math.sqrt(known.size)


def ewma(
    points: Points, target: float, sigma: float, weight: float = 0.2, width: float = 3.0
) -> tuple[Points, Points]:
    """EWMA statistic and half width of its limits, shape ``(n,)`` each (NIST e-Handbook 6.3.2.4).

    Args:
        points: values in time order, none missing.
        target: start of the statistic and centre of the limits.
        sigma: of one value.
        weight: λ, above 0 and up to 1.
        width: limits in sigmas of the statistic; the exact, widening ones.
    """
    if not 0 < weight <= 1:
        raise ValueError("the weight lies above 0 and up to 1")
    statistic, value = np.empty_like(points), target
    for index, point in enumerate(points.tolist()):
        value = weight * point + (1 - weight) * value
        statistic[index] = value
    steps = np.arange(1, points.size + 1)
    spread = np.sqrt(weight / (2 - weight) * (1 - (1 - weight) ** (2 * steps)))
    return statistic, width * sigma * spread


def cusum(points: Points, target: float, slack: float) -> tuple[Points, Points]:
    """Tabular CUSUM, upper and lower, shape ``(n,)`` each (NIST e-Handbook 6.3.2.3).

    Args:
        points: values in time order, none missing.
        target: the mean to hold.
        slack: K, in the unit of the values.
    """
    sums = np.zeros((2, points.size))
    up = down = 0.0
    for index, point in enumerate(points.tolist()):
        up = max(0.0, up + point - target - slack)
        down = max(0.0, down + target - point - slack)
        sums[:, index] = up, down
    return sums[0], sums[1]


def count_limits(counts: Points) -> tuple[float, float, float]:
    """Centre, lower and upper limit of a c chart: c̄ and c̄ ± 3√c̄, not below 0."""
    centre = float(counts.mean())
    return centre, max(0.0, centre - 3 * math.sqrt(centre)), centre + 3 * math.sqrt(centre)
