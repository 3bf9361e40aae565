"""`BearingLife`: what is left of a bearing's life, from the growth of its vibration since its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from tundish_analytics.life.scores import phm2012_score
from tundish_analytics.models.folds import SEED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

# Snapshots that must be there before anything is said, and that make up the bearing's own beginning.
BEGINNING: Final = 60
_WINDOWS: Final = (10, 60)
_SLOPE: Final = 120
# A question may come when between a twentieth and a half of the life is left.
LEFT: Final = (0.05, 0.5)
QUESTIONS: Final = 40
MIN_UNITS: Final = 2


@dataclass(frozen=True, slots=True)
class BearingRun:
    """Indicators of one bearing, snapshot by snapshot from new.

    Attributes:
        indicators: positive amounts; shape ``(snapshots, indicators)``.
        left: snapshots left after the last one; 0 where the run ends in failure.
    """

    indicators: Values
    left: float = 0.0

    @property
    def life(self) -> float:
        """Snapshots from new to failure."""
        return len(self.indicators) + self.left

    def upto(self, snapshots: int) -> BearingRun:
        """The run as it was known after so many snapshots."""
        return BearingRun(self.indicators[:snapshots], self.life - snapshots)


def bearing_features(run: BearingRun) -> Values:
    """Shape ``(snapshots, features)``; each row from the snapshots up to it, free of the sensor's scale.

    Of each indicator's logarithm: trailing medians of 10 and 60 snapshots against the median of the first 60,
    their highest so far, and the change over the last 120.
    """
    log = pd.DataFrame(np.log(np.maximum(run.indicators, 1e-9)))
    beginning = log.iloc[:BEGINNING].expanding().median().reindex(log.index).ffill()
    levels = [log.rolling(window, min_periods=1).median() - beginning for window in _WINDOWS]
    change = levels[1] - levels[1].shift(_SLOPE).fillna(0.0)
    return np.column_stack([*levels, levels[0].cummax(), change]).astype(np.float64)


def make_forest(trees: int) -> Pipeline:
    """The regressor of log(life left / age)."""
    return make_pipeline(ExtraTreesRegressor(trees, min_samples_leaf=5, max_features=0.5, random_state=SEED))


class BearingLife:
    """Trees on the logarithm of life left over age, which is free of how long a kind of bearing lasts.

    A late estimate costs four times what an early one does, so the estimate is made smaller by the factor
    that scores best on training bearings predicted without themselves.
    """

    def __init__(self, model: Pipeline, factor: float) -> None:
        self._model = model
        self.factor = factor

    @classmethod
    def fit(cls, runs: Sequence[BearingRun], trees: int = 200) -> Self:
        """Train on bearings that ran to failure.

        Raises:
            ValueError: there are fewer than two.
        """
        if len(runs) < MIN_UNITS:
            raise ValueError(f"needs {MIN_UNITS} bearings run to failure, got {len(runs)}")
        found, truth = [], []
        for number, run in enumerate(runs):
            others = [other for at, other in enumerate(runs) if at != number]
            rows = asked(run)
            found.append(cls(_fitted(others, trees), 1.0)._at(run, rows))  # noqa: SLF001 - its own kind
            truth.append(run.life - rows)
        return cls(_fitted(runs, trees), _best_factor(np.concatenate(found), np.concatenate(truth)))

    def left(self, run: BearingRun) -> float:
        """Estimate of the snapshots left after the run's last one."""
        return float(self._at(run, np.array([len(run.indicators)]))[0])

    def _at(self, run: BearingRun, rows: NDArray[np.int64]) -> Values:
        ratio = np.exp(self._model.predict(bearing_features(run)[rows - 1]))
        left: Values = self.factor * ratio * rows
        return left


def asked(run: BearingRun, count: int = QUESTIONS) -> NDArray[np.int64]:
    """Numbers of snapshots after which a bearing is asked, evenly between the two shares of life left."""
    share = np.linspace(LEFT[1], LEFT[0], count)
    rows = np.unique(np.round((1 - share) * run.life).astype(np.int64))
    return rows[(rows >= min(BEGINNING, len(run.indicators))) & (rows <= len(run.indicators))]


def typical_ratio(runs: Sequence[BearingRun]) -> float:
    """Life left over age that scores best for the questions asked, whatever the vibration: the baseline."""
    rows = np.concatenate([asked(run).astype(float) for run in runs])
    truth = np.concatenate([run.life - asked(run) for run in runs])
    return _best_factor(rows, truth)


def _fitted(runs: Sequence[BearingRun], trees: int) -> Pipeline:
    rows = [asked(run, 4 * QUESTIONS) for run in runs]
    x = np.concatenate([bearing_features(run)[at - 1] for run, at in zip(runs, rows, strict=True)])
    y = np.concatenate([np.log((run.life - at) / at) for run, at in zip(runs, rows, strict=True)])
    return make_forest(trees).fit(x, y)


def _best_factor(found: Values, truth: Values) -> float:
    factors = np.exp(np.linspace(-2.5, 1.0, 141))
    return float(max(factors, key=lambda factor: phm2012_score(factor * found, truth).mean()))
