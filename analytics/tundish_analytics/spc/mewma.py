"""A multivariate EWMA chart (Lowry, Woodall, Champ and Rigdon, Technometrics 34 (1992)) that needs no labels.

Signals that wander by themselves while all is well, as temperatures do, can be left out: their slow drift
is no fault, and an average that waits for slow drifts would always find it. The choice looks at the healthy
part only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import scipy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

# Von Neumann's ratio is 2 for independent values; a quarter of it means neighbours alike by three quarters.
WANDERING: Final = 0.5
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Mewma:
    """A fitted chart.

    Attributes:
        kept: signals that are watched, shape ``(p,)``.
        limit: of the statistic.
    """

    centre: Points
    scale: Points
    kept: NDArray[np.bool_]
    inverse: Points
    weight: float
    limit: float

    @classmethod
    def fit(
        cls,
        healthy: Points,
        *,
        weight: float = 0.1,
        shrinkage: float = 0.3,
        margin: float = 1.5,
        wandering: float = WANDERING,
    ) -> Self:
        """From values while all was well.

        Args:
            healthy: shape ``(n, p)``, in time order, nothing missing.
            weight: λ of the averages.
            shrinkage: of the correlations towards none, 0 to 1.
            margin: the limit is this many times the largest statistic while all was well.
            wandering: signals whose von Neumann ratio lies below are left out; 0 keeps all.
        """
        centre, scale = healthy.mean(axis=0), healthy.std(axis=0) + _TINY
        z = (healthy - centre) / scale
        ratio = np.mean(np.diff(z, axis=0) ** 2, axis=0)
        kept = ratio >= wandering if np.any(ratio >= wandering) else np.ones(ratio.size, np.bool_)
        correlation = np.atleast_2d(np.cov(z[:, kept], rowvar=False))
        mixed = (1 - shrinkage) * correlation + shrinkage * np.eye(len(correlation))
        inverse: Points = np.linalg.inv(mixed).astype(np.float64)
        chart = cls(centre, scale, kept, inverse, weight, np.inf)
        limit = margin * float(chart.statistic(healthy).max())
        return cls(centre, scale, kept, inverse, weight, limit)

    def statistic(self, rows: Points) -> Points:
        """T² of the averaged signals, shape ``(n,)``, begun at the healthy centre."""
        z = ((rows - self.centre) / self.scale)[:, self.kept]
        averaged = scipy.signal.lfilter([self.weight], [1.0, self.weight - 1], z, axis=0)
        squares: Points = np.einsum("ij,jk,ik->i", averaged, self.inverse, averaged)
        return squares * (2 - self.weight) / self.weight

    def outside(self, rows: Points) -> NDArray[np.bool_]:
        """Where the statistic lies above its limit."""
        return self.statistic(rows) > self.limit
