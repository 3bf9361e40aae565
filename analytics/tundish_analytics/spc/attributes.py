"""Charts of counted things: share and number of faulty pieces (p, np), faults and faults per unit (c, u).

Counts and sizes have the shape ``(n,)``; a size may differ from group to group and its limits follow.
Sources: ISO 7870-2; NIST/SEMATECH e-Handbook 6.3.3.1 and 6.3.3.2; for shares that vary more than binomially
Laney, Quality Engineering 14 (2002).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import scipy

from tundish_analytics.spc.chart import Baseline, ControlChart, chart_of
from tundish_analytics.spc.constants import d2

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

# Probability beyond one three-sigma limit of a normal statistic.
_TAIL: Final = 0.00135
# Below so many expected counts three sigmas promise a false-alarm rate that they don't keep.
ENOUGH_COUNTS: Final = 5.0


def p_chart(
    faulty: Points,
    sizes: Points | float,
    baseline: Baseline | None = None,
    *,
    exact: bool = False,
    dispersion: float = 1.0,
) -> ControlChart:
    """Share of faulty pieces.

    Args:
        faulty: pieces at fault in each group.
        sizes: pieces looked at, above 0.
        baseline: whose centre is the share to judge by; by default that of all groups together.
        exact: limits from the binomial law instead of three sigmas; for small counts.
        dispersion: sigmas are this much wider (Laney's p′), see `dispersion_of`.

    Raises:
        ValueError: a size is not above 0, or more pieces are faulty than were looked at.
    """
    looked = _checked(faulty, sizes)
    if np.any(faulty > looked):
        raise ValueError("more pieces are faulty than were looked at")
    base = baseline or Baseline(
        float(np.nansum(faulty) / looked[np.isfinite(faulty)].sum()), np.nan, faulty.size
    )
    sigma = dispersion * np.sqrt(base.centre * (1 - base.centre) / looked)
    chart = chart_of(faulty / looked, base.centre, sigma, base, floor=0.0)
    if not exact:
        return chart
    low, high = (
        scipy.stats.binom.ppf(_TAIL, looked, base.centre),
        scipy.stats.binom.ppf(1 - _TAIL, looked, base.centre),
    )
    return ControlChart(chart.statistic, chart.centre, chart.sigma, low / looked, high / looked, base)


def np_chart(
    faulty: Points, size: float, baseline: Baseline | None = None, *, exact: bool = False
) -> ControlChart:
    """Number of faulty pieces in groups of one size; the baseline's centre is a share, as with `p_chart`."""
    return _scaled(p_chart(faulty, size, baseline, exact=exact), size)


def u_chart(
    faults: Points,
    sizes: Points | float,
    baseline: Baseline | None = None,
    *,
    exact: bool = False,
    dispersion: float = 1.0,
) -> ControlChart:
    """Faults per unit of inspection; arguments as with `p_chart`, exact limits from the Poisson law.

    Raises:
        ValueError: a size is not above 0, or a count is negative.
    """
    looked = _checked(faults, sizes)
    base = baseline or Baseline(
        float(np.nansum(faults) / looked[np.isfinite(faults)].sum()), np.nan, faults.size
    )
    sigma = dispersion * np.sqrt(base.centre / looked)
    chart = chart_of(faults / looked, base.centre, sigma, base, floor=0.0)
    if not exact:
        return chart
    low, high = (
        scipy.stats.poisson.ppf(_TAIL, base.centre * looked),
        scipy.stats.poisson.ppf(1 - _TAIL, base.centre * looked),
    )
    return ControlChart(chart.statistic, chart.centre, chart.sigma, low / looked, high / looked, base)


def c_chart(faults: Points, baseline: Baseline | None = None, *, exact: bool = False) -> ControlChart:
    """Faults in units of one size."""
    return u_chart(faults, 1.0, baseline, exact=exact)


def dispersion_of(chart: ControlChart) -> float:
    """Laney's sigma-z: how much more neighbours differ than the law of counts lets expect; 1 is as much.

    Raises:
        ValueError: there are no two neighbouring points.
    """
    steps = np.abs(np.diff(chart.standardised()))
    if not np.isfinite(steps).any():
        raise ValueError("two neighbouring points are needed")
    return float(np.nanmean(steps) / d2(2))


def too_sparse(chart: ControlChart, sizes: Points | float) -> bool:
    """Whether fewer than five counts are expected in a group, so that exact limits belong on the chart."""
    return bool(np.any(chart.baseline.centre * np.asarray(sizes) < ENOUGH_COUNTS))


def _checked(counts: Points, sizes: Points | float) -> Points:
    looked = np.broadcast_to(np.asarray(sizes, np.float64), counts.shape)
    if np.any(looked <= 0) or np.any(counts < 0):
        raise ValueError("sizes lie above 0 and counts not below")
    return looked


def _scaled(chart: ControlChart, size: float) -> ControlChart:
    return ControlChart(
        chart.statistic * size,
        chart.centre * size,
        chart.sigma * size,
        chart.lower * size,
        chart.upper * size,
        chart.baseline,
    )
