"""PCA's T² and Q (squared prediction error), with each variable's part in them.

T² is the distance within the plane that the leading components span, Q the squared distance from it. Each
variable's rest is measured by its own standard deviation: sensors that agree closely would else be drowned
by those that are noisy anyway. Parts are reconstruction-based contributions (Alcala and Qin, Automatica 45,
2009): how far the statistic falls when that variable alone is set as well as it can be, ``(M z)_j² / M_jj``
for a statistic ``z' M z``. They are never negative, and for a single faulty sensor the largest is that
sensor's; for T² over all components they are the same numbers as `spc.multivariate` gives.
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
# Of a standard deviation: relations closer than this are rounding, and would shout at the last digit.
_LEAST_REST: Final = 0.01


@dataclass(frozen=True, slots=True)
class PcaModel:
    """A plane fitted through standardised rows.

    Attributes:
        axes: leading components, shape ``(variables, components)``.
        variance: along each of them, shape ``(components,)``.
        rest: standard deviation of what the plane leaves of each variable, shape ``(variables,)``.
    """

    axes: Values
    variance: Values
    rest: Values

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
        plane = np.ascontiguousarray(axes[:count].T)
        rest = np.maximum((z - z @ plane @ plane.T).std(axis=0), _LEAST_REST)
        return cls(plane, np.maximum(variance[:count], _TINY), rest)

    def t_squared(self, z: Values) -> Values:
        """T² of each row, shape ``(rows,)``."""
        squares: Values = np.sum((z @ self.axes) ** 2 / self.variance, axis=1)
        return squares

    def q(self, z: Values) -> Values:
        """Q of each row, shape ``(rows,)``."""
        squares: Values = np.sum(((z - z @ self.axes @ self.axes.T) / self.rest) ** 2, axis=1)
        return squares

    def t_squared_parts(self, z: Values) -> Values:
        """Fall of T² by each variable, shape ``(rows, variables)``."""
        weighted = self.axes / self.variance
        diagonal = np.sum(weighted * self.axes, axis=1)
        parts: Values = (z @ weighted @ self.axes.T) ** 2 / np.maximum(diagonal, _TINY)
        return parts

    def q_parts(self, z: Values) -> Values:
        """Fall of Q by each variable, shape ``(rows, variables)``."""
        from_plane = np.eye(len(self.rest)) - self.axes @ self.axes.T
        matrix = from_plane / self.rest**2 @ from_plane
        diagonal = np.diag(matrix)
        # A variable that lies within the plane has no part in Q; its rest is rounding noise.
        parts: Values = np.where(diagonal > _TINY, (z @ matrix) ** 2 / np.maximum(diagonal, _TINY), 0.0)
        return parts

    def place(self, z: Values) -> Values:
        """Where likeness is sought: along each component and off the plane, in standard deviations.

        Shape ``(rows, components + variables)``.
        """
        within = z @ self.axes
        return np.hstack([within / np.sqrt(self.variance), (z - within @ self.axes.T) / self.rest])

    def state(self) -> dict[str, Any]:
        """The arrays to store."""
        return {"axes": self.axes, "variance": self.variance, "rest": self.rest}
