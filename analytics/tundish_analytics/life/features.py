"""What a unit's history up to a row says: levels, slopes and distances from the unit's own beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import numpy as np
from sklearn.linear_model import Ridge

from tundish_analytics.life.regimes import RegimeScaler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.life.trajectories import Trajectories

    Rows = NDArray[np.float64]

LEVELS: Final = (5, 15, 40)
SLOPES: Final = (20, 60)
BEGINNING: Final = 20
_INDEX_LEVELS: Final = (3, 8, 25)


class TrajectoryFeatures:
    """Regime-normalised sensors and one health index over trailing windows.

    The index is the ridge regression of capped life on the sensors, learnt on the training units: it gathers
    what many noisy sensors say together. A row's features depend on rows up to it only.
    """

    def __init__(self) -> None:
        self.scaler = RegimeScaler()
        self._index = Ridge(1.0)
        self._scale = 1.0

    def fit(self, trajectories: Trajectories, life: Rows) -> Self:
        """Learn regimes and health index from training units and their capped life ``(rows,)``."""
        z = self.scaler.fit(trajectories).transform(trajectories)
        self._scale = float(life.max()) or 1.0
        self._index.fit(z, life / self._scale)
        return self

    def transform(self, trajectories: Trajectories) -> Rows:
        """Shape ``(rows, features)``; the last column is the age in cycles."""
        z = self.scaler.transform(trajectories)
        index = self._index.predict(z)[:, None]
        parts = [_of_unit(z[span], index[span]) for span in trajectories.spans()]
        return np.column_stack([np.concatenate(parts), trajectories.cycle.astype(np.float64)])


def trailing_mean(rows: Rows, window: int) -> Rows:
    """Mean of the last `window` rows, of fewer at the beginning; same shape."""
    total = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    end = np.arange(1, len(rows) + 1)
    start = np.maximum(end - window, 0)
    mean: Rows = (total[end] - total[start]) / (end - start)[:, None]
    return mean


def trailing_slope(rows: Rows, window: int) -> Rows:
    """Least-squares slope a row over the last `window` rows, 0 for a single row; same shape."""
    time = np.arange(len(rows), dtype=np.float64)[:, None]
    mean_t, mean_x = trailing_mean(time, window), trailing_mean(rows, window)
    covariance = trailing_mean(time * rows, window) - mean_t * mean_x
    variance = trailing_mean(time**2, window) - mean_t**2
    slope: Rows = covariance / np.maximum(variance, 1e-9) * (variance > 1e-9)  # noqa: PLR2004 - one row
    return slope


def _of_unit(z: Rows, index: Rows) -> Rows:
    levels = [trailing_mean(z, window) for window in LEVELS]
    slopes = [trailing_slope(z, window) * window for window in SLOPES]
    so_far = np.minimum(np.arange(1, len(z) + 1), BEGINNING)
    beginning = trailing_mean(z, len(z))[so_far - 1]
    own = [levels[1] - beginning, trailing_mean(z, len(z)) - beginning]
    steps = [trailing_mean(index, window) for window in _INDEX_LEVELS]
    bends = [trailing_slope(index, window) * window for window in (*SLOPES, 120)]
    start = trailing_mean(index, len(index))[so_far - 1]
    whole = [steps[1] - start, trailing_mean(index, len(index)) - start, np.minimum.accumulate(steps[2])]
    return np.concatenate([*levels, *slopes, *own, *steps, *bends, *whole], axis=1)
