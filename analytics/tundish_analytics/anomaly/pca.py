"""PCA's T² and Q (squared prediction error), with each variable's part in them.

T² is the distance within the plane that the leading components span, Q the squared distance from it. Parts
are reconstruction-based contributions (Alcala and Qin, Automatica 45, 2009): how far the statistic falls
when that variable alone is set as well as it can be, ``(M z)_j² / M_jj`` for a statistic ``z' M z``. They
are never negative, and for a single faulty sensor the largest is that sensor's; for T² over all components
they are the same numbers as `spc.multivariate` gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

EXPLAINED: Final = 0.9
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class PcaModel:
    """A plane fitted through standardised rows.

    Attributes:
        axes: leading components, shape ``(variables, components)``.
        variance: along each of them, shape ``(components,)``.
    """

    axes: Values
    variance: Values

    @classmethod
    def fit(cls, z: Values, explained: float = EXPLAINED) -> Self:
        """From standardised rows ``(rows, variables)`` without holes, while all was well.

        Args:
            z: mean about 0, spread about 1 in each column.
            explained: share of the variance that the components must explain together.
        """
        _, singular, axes = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
        variance = singular**2 / max(len(z) - 1, 1)
        share = np.cumsum(variance) / max(variance.sum(), _TINY)
        count = min(int(np.searchsorted(share, explained)) + 1, len(variance))
        return cls(np.ascontiguousarray(axes[:count].T), np.maximum(variance[:count], _TINY))

    def t_squared(self, z: Values) -> Values:
        """T² of each row, shape ``(rows,)``."""
        squares: Values = np.sum((z @ self.axes) ** 2 / self.variance, axis=1)
        return squares

    def q(self, z: Values) -> Values:
        """Q of each row, shape ``(rows,)``."""
        rest: Values = np.sum((z - z @ self.axes @ self.axes.T) ** 2, axis=1)
        return rest

    def t_squared_parts(self, z: Values) -> Values:
        """Fall of T² by each variable, shape ``(rows, variables)``."""
        weighted = self.axes / self.variance
        diagonal = np.sum(weighted * self.axes, axis=1)
        parts: Values = (z @ weighted @ self.axes.T) ** 2 / np.maximum(diagonal, _TINY)
        return parts

    def q_parts(self, z: Values) -> Values:
        """Fall of Q by each variable, shape ``(rows, variables)``."""
        rest = z - z @ self.axes @ self.axes.T
        diagonal = 1 - np.sum(self.axes**2, axis=1)
        # A variable that lies within the plane has no part in Q; its rest is rounding noise.
        parts: Values = np.where(diagonal > _TINY, rest**2 / np.maximum(diagonal, _TINY), 0.0)
        return parts

    def scores(self, z: Values) -> Values:
        """Place in the plane in standard deviations ``(rows, components)``, where likeness is sought."""
        placed: Values = z @ self.axes / np.sqrt(self.variance)
        return placed

    def state(self) -> dict[str, Any]:
        """The arrays to store."""
        return {"axes": self.axes, "variance": self.variance}
