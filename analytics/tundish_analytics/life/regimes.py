"""Sensors freed of the regime they were measured in, so that a change of load is not taken for wear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import numpy as np
from sklearn.cluster import KMeans

from tundish_analytics.models.folds import SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.life.trajectories import Trajectories

# As many regimes as it takes to explain this share of the settings' variance, if so few suffice.
_EXPLAINED: Final = 0.99
_MOST: Final = 8
_SAMPLE: Final = 2_000
_FLAT: Final = 1e-6


class RegimeScaler:
    """Standardises each sensor within its operating regime; sensors that never move are left out.

    Settings that only scatter about one point do not fall into few tight clusters: then there is one regime.
    """

    def __init__(self) -> None:
        self._centres: NDArray[np.float64] = np.zeros((1, 0))
        self._scale: NDArray[np.float64] = np.zeros(0)
        self._mean: NDArray[np.float64] = np.zeros((1, 0))
        self._spread: NDArray[np.float64] = np.zeros((1, 0))
        self.kept: NDArray[np.int64] = np.zeros(0, np.int64)

    @property
    def regimes(self) -> int:
        """How many regimes were found."""
        return len(self._centres)

    def fit(self, trajectories: Trajectories) -> Self:
        """Learn regimes, and each sensor's mean and spread in each."""
        self._scale = np.maximum(np.std(trajectories.settings, axis=0), _FLAT)
        some = trajectories.settings[:: max(len(trajectories) // _SAMPLE, 1)]
        self._centres = _centres(some / self._scale)
        regime = self._regime(trajectories)
        parts = [trajectories.sensors[regime == number] for number in range(self.regimes)]
        self._mean = np.array([np.nanmean(part, axis=0) for part in parts])
        spread = np.array([np.nanstd(part, axis=0) for part in parts])
        level = np.maximum(np.abs(self._mean), 1.0)
        self.kept = np.flatnonzero((spread > _FLAT * level).all(axis=0)).astype(np.int64)
        self._spread = np.maximum(spread, _FLAT * level)
        return self

    def transform(self, trajectories: Trajectories) -> NDArray[np.float64]:
        """Distance from the regime's mean in its standard deviations, 0 where a sensor is not known.

        Shape ``(rows, kept)``.
        """
        regime = self._regime(trajectories)
        z = (trajectories.sensors - self._mean[regime]) / self._spread[regime]
        kept: NDArray[np.float64] = np.nan_to_num(z[:, self.kept])
        return kept

    def _regime(self, trajectories: Trajectories) -> NDArray[np.int64]:
        settings = trajectories.settings / self._scale
        distance = ((settings[:, None, :] - self._centres[None]) ** 2).sum(axis=2)
        nearest: NDArray[np.int64] = distance.argmin(axis=1).astype(np.int64)
        return nearest


def _centres(settings: NDArray[np.float64]) -> NDArray[np.float64]:
    alone: NDArray[np.float64] = settings.mean(axis=0, keepdims=True)
    total = float(((settings - alone) ** 2).sum())
    for count in range(2, _MOST + 1):
        if len(np.unique(np.round(settings, 3), axis=0)) < count or total == 0:
            break
        found = KMeans(count, n_init=4, random_state=SEED).fit(settings)
        if found.inertia_ <= (1 - _EXPLAINED) * total:
            centres: NDArray[np.float64] = found.cluster_centers_
            return centres
    return alone
