"""Where a model may be asked: near to what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import numpy as np
from sklearn.neighbors import NearestNeighbors

from tundish_analytics.quality.causes import without_blank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

NEIGHBOURS: Final = 5
WITHIN: Final = 0.99
# A row that lacks more than this share of its values is no row to judge.
LACKING: Final = 1 / 3
_ROWS: Final = 5_000


class Domain:
    """Distance to the nearest training rows, held against that of rows from other stretches of time.

    The limit is the distance that 99 % of the training rows keep from the rows of the other stretches: a
    stretch differs from the others as tomorrow will differ from today.
    """

    def __init__(self, centre: Values, scale: Values, near: NearestNeighbors, limit: float) -> None:
        self._centre, self._scale, self._near, self.limit = centre, scale, near, limit

    @classmethod
    def fit(cls, x: Values, stretch: NDArray[np.int64]) -> Self:
        """Learn from rows ``(rows, signals)``, NaN where unknown, and the stretch of time of each."""
        centre = np.nanmedian(without_blank(x), axis=0)
        low, high = np.nanquantile(without_blank(x), [0.25, 0.75], axis=0)
        scale = np.where(high > low, (high - low) / 1.349, np.nanstd(without_blank(x), axis=0))
        scale = np.where(scale > 0, scale, 1.0)
        some = np.arange(0, len(x), max(len(x) // _ROWS, 1))
        z, part = (np.nan_to_num(x[some] - centre) / scale), stretch[some]
        apart = [_distance(_neighbours(z[part != at]), z[part == at]) for at in np.unique(part)]
        return cls(centre, scale, _neighbours(z), float(np.quantile(np.concatenate(apart), WITHIN)))

    def inside(self, x: Values) -> NDArray[np.bool_]:
        """Whether each row is near enough and complete enough; shape ``(rows,)``."""
        whole: NDArray[np.bool_] = np.isnan(x).mean(axis=1) <= LACKING
        z = np.nan_to_num(x - self._centre) / self._scale
        near: NDArray[np.bool_] = _distance(self._near, z) <= self.limit
        return np.logical_and(whole, near)


def _neighbours(z: Values) -> NearestNeighbors:
    return NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(z))).fit(z)


def _distance(near: NearestNeighbors, z: Values) -> Values:
    found: Values = near.kneighbors(z)[0].mean(axis=1)
    return found
