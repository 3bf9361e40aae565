"""How unusual a score is, told as a p-value against windows that nothing was fitted on.

Split conformal: ``p = (1 + windows at least as unusual) / (windows + 1)``. For exchangeable windows an alarm
at ``p ≤ α`` is false with probability at most α, whatever the score is (Vovk, Gammerman and Shafer, 2005; for
anomaly detection Laxhammar 2014). Windows of one machine follow each other and drift, so the later part of
the learning time is held out: neighbours of a fitted window would look better than windows to come do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

FITTED: Final = 0.6


def held_out(windows: int, fitted: float = FITTED) -> NDArray[np.bool_]:
    """Which of so many windows, in time order, are held out: all after the fitted share."""
    later: NDArray[np.bool_] = np.arange(windows) >= round(fitted * windows)
    return later


@dataclass(frozen=True, slots=True)
class HealthyScores:
    """Scores of held-out windows while all was well, rising; shape ``(windows,)``."""

    scores: Values

    @classmethod
    def of(cls, scores: Values) -> HealthyScores:
        """From scores in any order."""
        return cls(np.sort(scores))

    def p_value(self, scores: Values) -> Values:
        """Between ``1 / (windows + 1)`` and 1; a score that is no number gets NaN."""
        above = len(self.scores) - np.searchsorted(self.scores, scores, side="left")
        p: Values = np.where(np.isnan(scores), np.nan, (1 + above) / (len(self.scores) + 1))
        return p

    def resolves(self, alpha: float) -> bool:
        """Whether there are enough windows for an alarm at this rate to be possible at all."""
        return alpha * (len(self.scores) + 1) >= 1
