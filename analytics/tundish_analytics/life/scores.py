"""How good remaining-life estimates are, by the formulas of their contests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


def rmse(found: Values, truth: Values) -> float:
    """Root of the mean squared error, in the unit of life."""
    return float(np.sqrt(np.mean((found - truth) ** 2)))


def nasa_score(found: Values, truth: Values) -> float:
    """Sum over units of exp(-d/13) - 1 for early and exp(d/10) - 1 for late estimates, d = found - truth.

    Saxena, Goebel, Simon, Eklund, "Damage propagation modeling for aircraft engine run-to-failure
    simulation", PHM 2008. 20 cycles late cost 6.389, 20 early 3.657.
    """
    late = found - truth
    return float(np.sum(np.where(late < 0, np.exp(-late / 13), np.exp(late / 10)) - 1))


def percent_error(found: Values, truth: Values) -> Values:
    """100 (truth - found) / truth: negative where the estimate promised too much life."""
    return 100 * (truth - found) / truth


def phm2012_score(found: Values, truth: Values) -> Values:
    """Score of each estimate, 1 for exact; halves each 20 % early, and each 5 % late.

    Nectoux et al., "PRONOSTIA: an experimental platform for bearings accelerated degradation tests",
    IEEE PHM 2012 challenge.
    """
    error = percent_error(found, truth)
    score: Values = 0.5 ** np.where(error <= 0, -error / 5, error / 20)
    return score


def alpha_lambda(found: Values, truth: Values, alpha: float = 0.2) -> float:
    """Share of estimates within alpha times the true remaining life.

    Saxena et al., "Metrics for offline evaluation of prognostic performance", IJPHM 2010.
    """
    return float(np.mean(np.abs(found - truth) <= alpha * truth))


def coverage(low: Values, high: Values, truth: Values) -> float:
    """Share of truths inside their intervals."""
    return float(np.mean((low <= truth) & (truth <= high)))
