"""Which quality signals a shift had out of control, judged by the values before it; pure.

A signal is told where more of its values lay outside three sigmas of an individuals chart than its own
habit explains: an exact binomial test against the share that lay outside before, at a level that is shared
among all signals (Bonferroni), so that a report over many skewed signals is not full of false ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import binomtest

from tundish_analytics.spc.variables import individual_chart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

LEAST_BEFORE: Final = 30
_LEVEL: Final = 0.01
# Share of a normal variable's values outside three sigmas.
_BY_CHANCE: Final = 0.0027


@dataclass(frozen=True, slots=True)
class OutOfControl:
    """A signal's values of the shift against those before it.

    Attributes:
        outside: numbers of the values outside, in their order.
        usual: share outside of the values before.
    """

    outside: NDArray[np.int64]
    usual: float
    centre: float
    sigma: float


def judgeable(before: Points, now: Points) -> bool:
    """Whether a signal can be judged: enough values before that are not all the same, and some now."""
    return before.size >= LEAST_BEFORE and now.size > 0 and bool(np.ptp(before) > 0)


def out_of_control(before: Points, now: Points, signals: int) -> OutOfControl | None:
    """What lay outside, where that is more than usual; None where it is not.

    Args:
        before: values before the shift, in their order, `judgeable`.
        now: values of the shift.
        signals: how many are judged together.
    """
    chart = individual_chart(before)
    base = chart.baseline
    if not base.sigma > 0:
        return None
    outside = np.flatnonzero(individual_chart(now, base).outside())
    usual = float(chart.outside().mean())
    if not outside.size:
        return None
    test = binomtest(int(outside.size), int(now.size), max(usual, _BY_CHANCE), "greater")
    if test.pvalue >= _LEVEL / max(signals, 1):
        return None
    return OutOfControl(outside, usual, base.centre, base.sigma)
