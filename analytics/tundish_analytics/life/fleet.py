"""`FleetLife`: remaining life of any unit of a fleet, with intervals calibrated on units held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from tundish_analytics.life.conformal import LEVEL, HeldOut, unit_folds
from tundish_analytics.life.regressor import CAP, MIN_HISTORY, LifeRegressor
from tundish_analytics.life.scores import rmse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_analytics.life.trajectories import Trajectories

    Values = NDArray[np.float64]

ROWS_OF_UNIT: Final = 20
# Of the cap: 15 flights of 125, chosen on training engines held out (docs/decisions/life-intervals.md).
NEAR: Final = 0.12


@dataclass(frozen=True, slots=True)
class Remaining:
    """Life left after some rows, in cycles, never above the cap; shapes ``(cases,)``.

    Attributes:
        value: estimate.
        low, high: interval; `high` at the cap means "the cap or more".
    """

    value: Values
    low: Values
    high: Values


class FleetLife:
    """The mean of models that each leave out a part of the units, which then calibrates the interval."""

    def __init__(self, cap: float, models: Sequence[LifeRegressor], held_out: HeldOut, error: float) -> None:
        self.cap = cap
        self.held_out = held_out
        self.held_out_rmse = error
        self._models = models

    @classmethod
    def fit(cls, trajectories: Trajectories, folds: int = 10, cap: float = CAP, every: int = 4) -> Self:
        """Train on units whose last row is their failure.

        Args:
            trajectories: run-to-failure histories.
            folds: how many models, each without its part of the units.
            cap: above so many cycles "the cap or more" is all that is said.
            every: train on each so-many-th row.
        """
        models, parts, errors = [], [], []
        for number, (train, held) in enumerate(unit_folds(trajectories.units, folds)):
            model = LifeRegressor(cap, every=every).fit(trajectories.of(train))
            apart = trajectories.of(held)
            rows = questions(apart)
            value, spread = model.estimate(apart, rows)
            truth = np.minimum(apart.remaining()[rows], cap)
            parts.append((apart.unit[rows], np.full(len(rows), number), (truth - value) / spread, value))
            errors.append(rmse(value, truth))
            models.append(model)
        unit, fold, score, said = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        held_out = HeldOut(unit, fold, score, said, NEAR * cap)
        return cls(cap, models, held_out, float(np.sqrt(np.mean(np.square(errors)))))

    def estimate(
        self, trajectories: Trajectories, rows: NDArray[np.int64], level: float = LEVEL
    ) -> Remaining:
        """Life after some rows of units that were not trained on.

        Args:
            trajectories: histories from new on; rows after a row do not matter for it.
            rows: numbers of the rows asked for.
            level: share of truths that the interval should hold.
        """
        found = [model.estimate(trajectories, rows) for model in self._models]
        value, spread = (np.column_stack(columns) for columns in zip(*found, strict=True))
        low, high = self.held_out.interval(value, spread, level)
        return Remaining(value.mean(axis=1), *(np.clip(end, 0, self.cap) for end in (low, high)))


def questions(trajectories: Trajectories, count: int = ROWS_OF_UNIT) -> NDArray[np.int64]:
    """Rows at which each unit is asked: evenly over its life, from the minimum history to before its end."""
    rows = [
        np.unique(np.linspace(min(span.start + MIN_HISTORY, span.stop - 1), span.stop - 1, count).astype(int))
        for span in trajectories.spans()
    ]
    return np.concatenate(rows).astype(np.int64)
