"""How unusual a score is, told as a p-value against windows that nothing was fitted on.

Split conformal: ``p = (1 + windows at least as unusual) / (windows + 1)``. For exchangeable windows an
alarm at ``p ≤ α`` is false with probability at most α, whatever the score is (Vovk, Gammerman and Shafer,
2005; for anomaly detection Laxhammar 2014). Windows of one machine follow each other, so whole blocks are
held out: neighbours of a fitted window would look better than windows to come do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

BLOCKS: Final = 10
# Two blocks of five are held out, neither of them at the beginning.
_HELD: Final = (1, 3)


def held_out_blocks(windows: int, blocks: int = BLOCKS) -> NDArray[np.bool_]:
    """Which of so many windows, in time order, are held out: two whole blocks of each five."""
    number = np.arange(windows) * blocks // max(windows, 1)
    return np.isin(number % 5, _HELD)


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
