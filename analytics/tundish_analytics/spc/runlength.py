"""Average run length: how many points pass on average until a chart signals, under a shift in sigmas.

CUSUM after Goel and Wu, Technometrics 13 (1971), two sides and head start after Lucas and Crosier (1982);
EWMA after Crowder, Technometrics 29 (1987). Both integral equations are solved on Gauss-Legendre nodes
(Nyström). Normal, independent points are assumed; no real chart keeps these numbers exactly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NODES: Final = 60


def shewhart_arl(shift: float, size: int = 1, width: float = 3.0) -> float:
    """ARL of a mean chart with limits at ``width`` sigmas and groups of ``size``."""
    moved = shift * math.sqrt(size)
    return float(1 / (scipy.stats.norm.sf(width - moved) + scipy.stats.norm.cdf(-width - moved)))


def cusum_arl(shift: float, slack: float = 0.5, limit: float = 5.0, head_start: float = 0.0) -> float:
    """ARL of a two-sided tabular CUSUM; all arguments in sigmas of a point."""
    up, up_zero = _one_sided(shift, slack, limit, head_start)
    down, down_zero = _one_sided(-shift, slack, limit, head_start)
    return (up * down_zero + down * up_zero - up_zero * down_zero) / (up_zero + down_zero)


def ewma_arl(shift: float, weight: float = 0.2, width: float = 3.0) -> float:
    """ARL of an EWMA chart with the limits of the long run, started at its target."""
    reach = width * math.sqrt(weight / (2 - weight))
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    places, measure = reach * nodes, reach * weights
    kernel = (
        scipy.stats.norm.pdf((places[None, :] - (1 - weight) * places[:, None]) / weight - shift) / weight
    )
    lengths = np.linalg.solve(np.eye(_NODES) - kernel * measure, np.ones(_NODES))
    return float(1 + np.sum(measure * lengths * scipy.stats.norm.pdf(places / weight - shift) / weight))


def _one_sided(shift: float, slack: float, limit: float, start: float) -> tuple[float, float]:
    """ARL of the upper sum begun at ``start``, and begun at 0."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    places = np.append(0.0, limit * (nodes + 1) / 2)
    measure = np.append(0.0, limit * weights / 2)

    def row(begin: NDArray[np.float64]) -> NDArray[np.float64]:
        kernel: NDArray[np.float64] = (
            scipy.stats.norm.pdf(places[None, :] - begin[:, None] + slack - shift) * measure
        )
        kernel[:, 0] = scipy.stats.norm.cdf(slack - shift - begin)
        return kernel

    lengths = np.linalg.solve(np.eye(places.size) - row(places), np.ones(places.size))
    return float(1 + (row(np.array([start])) @ lengths)[0]), float(lengths[0])
