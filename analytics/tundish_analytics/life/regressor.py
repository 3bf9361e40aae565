"""Regressors of capped life that err differently, averaged, with a predicted spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
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
    mean = HistGradientBoostingRegressor(
        max_iter=250,
        learning_rate=0.04,
        max_leaf_nodes=12,
        min_samples_leaf=40,
        max_features=0.3,
        random_state=seed,
    )
    median = clone(mean).set_params(loss="absolute_error", learning_rate=0.05)
    deep = clone(mean).set_params(max_leaf_nodes=24, min_samples_leaf=20, max_features=0.15)
    kernel = Nystroem(gamma=0.003, n_components=400, random_state=seed)
    return {
        "boosting, mean": make_pipeline(mean),
        "boosting, median": make_pipeline(median),
        "boosting, deep": make_pipeline(deep),
        "kernel ridge": make_pipeline(StandardScaler(), kernel, Ridge(0.01)),
    }


def make_forest(seed: int = SEED, trees: int = 80) -> ExtraTreesRegressor:
    """The forest of which the spread of life comes."""
    return ExtraTreesRegressor(trees, min_samples_leaf=8, max_features=0.3, random_state=seed)


class LifeRegressor:
    """Mean and spread of the capped life after each row."""

    def __init__(self, cap: float = CAP, seed: int = SEED, every: int = 4) -> None:
        self.cap = cap
        self._every = every
        self._features = TrajectoryFeatures()
        self._members = make_members(seed)
        self._forest = make_forest(seed)

    def fit(self, trajectories: Trajectories) -> Self:
        """Train on units whose last row is their failure; of rows side by side on few."""
        life = np.minimum(trajectories.remaining(), self.cap)
        rows = np.flatnonzero(trajectories.cycle >= MIN_HISTORY)[:: self._every]
        x = self._features.fit(trajectories, life).transform(trajectories)[rows]
        y = life[rows] / self.cap
        self._members = {name: clone(member).fit(x, y) for name, member in self._members.items()}
        self._forest.fit(x, np.column_stack([y, y**2]))
        return self

    def estimate(self, trajectories: Trajectories, rows: NDArray[np.int64]) -> tuple[Values, Values]:
        """Mean and spread of life after some rows, in cycles; each of shape ``(len(rows),)``.

        The spread is that of the lives in a forest's leaves: how differently the engines ended that looked
        like this one.
        """
        x = self._features.transform(trajectories)[rows]
        mean = np.mean([member.predict(x) for member in self._members.values()], axis=0)
        first, second = self._forest.predict(x).T
        spread = np.sqrt(np.maximum(second - first**2, _NARROWEST**2))
        return np.clip(self.cap * mean, 0, self.cap), self.cap * spread
