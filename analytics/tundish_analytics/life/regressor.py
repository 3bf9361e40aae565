"""Regressors of capped life: four kinds that err differently, averaged, with a predicted spread."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from tundish_analytics.life.features import TrajectoryFeatures
from tundish_analytics.models.folds import SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.life.trajectories import Trajectories

    Values = NDArray[np.float64]

# Below so many rows since new nothing is said: a trailing window would describe only how the unit was built.
MIN_HISTORY: Final = 15
CAP: Final = 125.0
_NARROWEST: Final = 0.02


def make_members(seed: int = SEED) -> dict[str, Pipeline]:
    """The regressors of life as a share of the cap, by name."""
    network = MLPRegressor(hidden_layer_sizes=(64, 32), alpha=0.1, max_iter=15, tol=0.0, learning_rate_init=1e-3, random_state=seed)
    boosting = HistGradientBoostingRegressor(
        max_iter=250,
        learning_rate=0.04,
        max_leaf_nodes=12,
        min_samples_leaf=40,
        max_features=0.3,
        random_state=seed,
    )
    kernel = Nystroem(gamma=0.002, n_components=400, random_state=seed)
    return {
        "boosting": make_pipeline(boosting),
        "network": make_pipeline(StandardScaler(), network),
        "kernel": make_pipeline(StandardScaler(), kernel, Ridge(0.3)),
    }


def make_forest(seed: int = SEED, trees: int = 150) -> ExtraTreesRegressor:
    """The forest that gives mean and spread of life."""
    return ExtraTreesRegressor(trees, min_samples_leaf=8, max_features=0.3, random_state=seed)


class LifeRegressor:
    """Mean and spread of the capped life after each row."""

    def __init__(self, cap: float = CAP, seed: int = SEED, every: int = 2) -> None:
        self.cap = cap
        self._every = every
        self._features = TrajectoryFeatures()
        self._members = make_members(seed)
        self._forest = make_forest(seed)

    def fit(self, trajectories: Trajectories) -> Self:
        """Train on units whose last row is their failure; neighbouring rows say the same, so some are left out."""
        life = np.minimum(trajectories.remaining(), self.cap)
        rows = np.flatnonzero(trajectories.cycle >= MIN_HISTORY)[:: self._every]
        x = self._features.fit(trajectories, life).transform(trajectories)[rows]
        y = life[rows] / self.cap
        with warnings.catch_warnings():
            # The network is stopped by count, which is its regularisation.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._members = {name: clone(member).fit(x, y) for name, member in self._members.items()}
        self._forest.fit(x, np.column_stack([y, y**2]))
        return self

    def by_member(self, trajectories: Trajectories, rows: NDArray[np.int64]) -> dict[str, Values]:
        """Life after some rows as each member sees it, and the forest's spread of it, in cycles."""
        x = self._features.transform(trajectories)[rows]
        found = {name: self.cap * member.predict(x) for name, member in self._members.items()}
        mean, square = self._forest.predict(x).T
        spread = np.sqrt(np.maximum(square - mean**2, _NARROWEST**2))
        return found | {"forest": self.cap * mean, "spread": self.cap * spread}

    def estimate(self, trajectories: Trajectories, rows: NDArray[np.int64]) -> tuple[Values, Values]:
        """Mean and spread of life after some rows, in cycles; each of shape ``(len(rows),)``."""
        found = self.by_member(trajectories, rows)
        spread = found.pop("spread")
        mean = np.mean(list(found.values()), axis=0)
        return np.clip(mean, 0, self.cap), spread
