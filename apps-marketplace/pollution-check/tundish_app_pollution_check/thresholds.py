"""When a site's machine counts as on: two normal components of its power, and where they part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.mixture import GaussianMixture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_LEAST_POINTS: Final = 240
_MOST_POINTS: Final = 4_000
# Means that lie less than so many pooled deviations apart are one state seen twice (Ashman's D asks for 2).
_APART: Final = 3.0
# Seldom is still a state, but half a percent of the minutes are spikes.
_LEAST_SHARE: Final = 0.005
_SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where off ends and on begins.

    Attributes:
        level: kW; at or above it the machine is on.
        off, on: means of the two components, kW.
        apart: how many pooled standard deviations they lie apart.
    """

    level: float
    off: float
    on: float
    apart: float

    def sureness(self, power: Values) -> Values:
        """How far from the threshold each power lies, 0 at it and 1 at the component's mean or beyond."""
        reach = np.where(power >= self.level, self.on - self.level, self.level - self.off)
        return np.clip(np.abs(power - self.level) / np.maximum(reach, 1e-9), 0.0, 1.0)


def threshold(power: Values) -> Threshold | None:
    """The threshold of one power; None where there are too few points or no two states.

    The level is the middle between the components' means, weighed by their deviations, so that the wider one
    gets the more room.
    """
    points = power[np.isfinite(power)]
    if points.size < _LEAST_POINTS:
        return None
    picked = points[:: max(1, points.size // _MOST_POINTS)]
    if np.ptp(picked) <= 0:
        return None
    # Not started by k-means, which looks at /proc, and that is closed in the sandbox.
    model = GaussianMixture(
        2, init_params="k-means++", random_state=_SEED, n_init=4, reg_covar=1e-6 * float(np.var(picked))
    )
    model.fit(picked[:, None])
    low, high = np.argsort(model.means_[:, 0])
    off, on = (float(model.means_[i, 0]) for i in (low, high))
    spread = [float(np.sqrt(model.covariances_[i, 0, 0])) for i in (low, high)]
    apart = (on - off) / float(np.sqrt((spread[0] ** 2 + spread[1] ** 2) / 2))
    if apart < _APART or float(model.weights_.min()) < _LEAST_SHARE:
        return None
    return Threshold(off + (on - off) * spread[0] / (spread[0] + spread[1]), off, on, apart)
