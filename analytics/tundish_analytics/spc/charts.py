"""The individuals chart with its moving range, and when limits of raw values mean nothing."""

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
