"""Charts of measured values: individuals and moving range, mean and range, mean and standard deviation.

Groups are ``(groups, n)`` with NaN where a value is missing, so sizes may vary. Sources: ISO 7870-2, ASTM
E2587; for varying sizes the least-variance weights of Burr, Journal of Quality Technology 1 (1969), which
for equal sizes are the plain means R̄ / d2 and s̄ / c4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tundish_analytics.spc.chart import Baseline, ControlChart, chart_of
from tundish_analytics.spc.charts import individuals
from tundish_analytics.spc.constants import c4, d2, d3

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

_LEAST = 2


def individual_chart(points: Points, baseline: Baseline | None = None) -> ControlChart:
    """Single values, shape ``(n,)``, NaN where one is missing.

    Raises:
        ValueError: no baseline is given and there are no two neighbouring values.
    """
    base = baseline or _of_individuals(points)
    return chart_of(points, base.centre, base.sigma, base)


def moving_range_chart(
    points: Points, baseline: Baseline | None = None, previous: float = float("nan")
) -> ControlChart:
    """Ranges of neighbours; the first is NaN unless the point before it is given as ``previous``."""
    base = baseline or _of_individuals(points)
    ranges = np.abs(np.diff(points, prepend=previous))
    return chart_of(ranges, d2(_LEAST) * base.sigma, d3(_LEAST) * base.sigma, base, floor=0.0)


def from_ranges(groups: Points) -> Baseline:
    """Centre of all values and sigma from the groups' ranges.

    Raises:
        ValueError: no group has two values.
    """
    return _estimate(groups, _ranges(groups), d2, d3)


def from_deviations(groups: Points) -> Baseline:
    """Centre of all values and sigma from the groups' standard deviations.

    Raises:
        ValueError: no group has two values.
    """
    return _estimate(groups, _deviations(groups), c4, _c5)


def mean_chart(groups: Points, baseline: Baseline) -> ControlChart:
    """Means of groups; limits are wider where a group is smaller."""
    sizes = _sizes(groups)
    total = np.nansum(groups, axis=1)
    means = np.divide(total, sizes, out=np.full(len(groups), np.nan), where=sizes > 0)
    return chart_of(means, baseline.centre, baseline.sigma / np.sqrt(np.maximum(sizes, 1)), baseline)


def range_chart(groups: Points, baseline: Baseline) -> ControlChart:
    """Ranges of groups; NaN below two values."""
    return _spread_chart(groups, _ranges(groups), baseline, d2, d3)


def deviation_chart(groups: Points, baseline: Baseline) -> ControlChart:
    """Standard deviations of groups; NaN below two values."""
    return _spread_chart(groups, _deviations(groups), baseline, c4, _c5)


def xbar_r(groups: Points, baseline: Baseline | None = None) -> tuple[ControlChart, ControlChart]:
    """X̄ and R chart; phase I without a baseline, phase II with one."""
    base = baseline or from_ranges(groups)
    return mean_chart(groups, base), range_chart(groups, base)


def xbar_s(groups: Points, baseline: Baseline | None = None) -> tuple[ControlChart, ControlChart]:
    """X̄ and S chart; phase I without a baseline, phase II with one."""
    base = baseline or from_deviations(groups)
    return mean_chart(groups, base), deviation_chart(groups, base)


def _of_individuals(points: Points) -> Baseline:
    chart = individuals(points)
    steps = int(np.isfinite(np.diff(points)).sum())
    # Neighbouring ranges share a value: variance of MR̄ / d2 after Cryer and Ryan, JQT 22 (1990).
    relative = max(0.8264 * steps - 0.2556, 0.5) / steps**2
    return Baseline(chart.centre, chart.sigma, int(np.isfinite(points).sum()), _freedom(relative))


def _freedom(relative_variance: float) -> float:
    """Degrees of freedom of a standard deviation that is as uncertain (Patnaik's fit of a chi law)."""
    return 0.5 / relative_variance + 0.25


def _c5(n: int) -> float:
    return float(np.sqrt(1 - c4(n) ** 2))


def _sizes(groups: Points) -> NDArray[np.int64]:
    sizes: NDArray[np.int64] = np.isfinite(groups).sum(axis=1)
    return sizes


def _ranges(groups: Points) -> Points:
    high = np.where(np.isfinite(groups), groups, -np.inf).max(axis=1)
    low = np.where(np.isfinite(groups), groups, np.inf).min(axis=1)
    return np.where(_sizes(groups) >= _LEAST, high - low, np.nan)


def _deviations(groups: Points) -> Points:
    sizes = _sizes(groups)
    centred = groups - (np.nansum(groups, axis=1) / np.maximum(sizes, 1))[:, None]
    squares = np.nansum(centred**2, axis=1)
    return np.where(sizes >= _LEAST, np.sqrt(squares / np.maximum(sizes - 1, 1)), np.nan)


def _factors(groups: Points, factor: Callable[[int], float]) -> Points:
    """The factor of each group's size; NaN below two values."""
    sizes = _sizes(groups)
    by_size = {int(n): factor(int(n)) for n in np.unique(sizes) if n >= _LEAST}
    return np.array([by_size.get(int(n), np.nan) for n in sizes])


def _estimate(
    groups: Points, spread: Points, mean: Callable[[int], float], deviation: Callable[[int], float]
) -> Baseline:
    usable = np.isfinite(spread)
    if not usable.any():
        raise ValueError("no group has two values, so nothing tells the spread within groups")
    middle, width = _factors(groups, mean)[usable], _factors(groups, deviation)[usable]
    weights = (middle / width) ** 2
    sigma = float(np.sum(weights * spread[usable] / middle) / weights.sum())
    return Baseline(float(np.nanmean(groups)), sigma, int(usable.sum()), _freedom(1 / weights.sum()))


def _spread_chart(
    groups: Points,
    spread: Points,
    baseline: Baseline,
    mean: Callable[[int], float],
    deviation: Callable[[int], float],
) -> ControlChart:
    centre, sigma = _factors(groups, mean) * baseline.sigma, _factors(groups, deviation) * baseline.sigma
    return chart_of(spread, centre, sigma, baseline, floor=0.0)
