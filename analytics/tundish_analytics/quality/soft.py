"""`SoftSensor`: what the laboratory would measure, from process signals, with an interval, or no answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor

from tundish_analytics.life.conformal import LEVEL, HeldOut, TooFewUnits
from tundish_analytics.models.folds import SEED
from tundish_analytics.models.threads import one_thread
from tundish_analytics.quality.causes import without_blank
from tundish_analytics.quality.domain import Domain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sklearn.base import RegressorMixin

    Values = NDArray[np.float64]

# Long parts: what is held out lies as far away in time as what will be asked.
PARTS: Final = 4
STRETCHES: Final = 60
_ROWS_OF_STRETCH: Final = 3
# Nineteen stretches: a tail of 5 % then holds one.
_LEAST: Final = 57
_SCORES: Final = 2_000
_AT_ONCE: Final = 500
_TREES_ASKED: Final = 30


@dataclass(frozen=True, slots=True)
class SoftReading:
    """Estimates of some rows; shapes ``(rows,)``.

    Attributes:
        value: in the unit of the laboratory's values; NaN where no answer is given.
        low, high: 90 % interval; NaN likewise.
        inside: whether the row lies in the domain that was trained on.
    """

    value: Values
    low: Values
    high: Values
    inside: NDArray[np.bool_]


class SoftSensor:
    """Boosting and a forest averaged; interval and domain from long parts of the time held out.

    Attributes:
        held_out: what was said of the training rows by models that had not seen their part nor the gap beside
            it; shape ``(rows,)``, in the order of time.
        truth: the laboratory's values of those rows.
    """

    def __init__(
        self,
        members: Sequence[RegressorMixin],
        apart: Sequence[Sequence[RegressorMixin]],
        scores: HeldOut,
        domain: Domain,
        held_out: SoftReading,
        truth: Values,
    ) -> None:
        self._members, self._apart, self._scores, self._domain = members, apart, scores, domain
        self.held_out, self.truth = held_out, truth

    @classmethod
    @one_thread
    def fit(cls, x: Values, y: Values, *, gap: int, trees: int = 100) -> Self:
        """Train on rows in the order of time.

        Args:
            x: process signals, shape ``(rows, signals)``; NaN where unknown.
            y: the laboratory's value of each row; rows without one (NaN) are left out.
            gap: rows on either side of a held-out part that its model does not see either, because
                neighbours in time are alike.
            trees: of the forest; boosting takes three times as many steps.

        Raises:
            TooFewUnits: fewer than 57 rows have a value, so that no 90 % interval can be given.
        """
        known = np.isfinite(y)
        x, y = x[known], y[known]
        count = len(y)
        if count < _LEAST:
            raise TooFewUnits(f"a soft sensor needs {_LEAST} laboratory values, got {count}")
        part = np.arange(count) * PARTS // count
        stretch = np.arange(count) * min(STRETCHES, count // _ROWS_OF_STRETCH) // count
        value, spread = np.zeros(count), np.zeros(count)
        apart = []
        for number in np.unique(part):
            held = np.flatnonzero(part == number)
            far = np.ones(count, bool)
            far[max(held[0] - gap, 0) : held[-1] + 1 + gap] = False
            apart.append(_fitted(x[far], y[far], trees))
            value[held], spread[held] = _said(apart[-1], x[held])
        some = np.arange(0, count, max(count // _SCORES, 1))
        scores = HeldOut(stretch[some], part[some], ((y - value) / spread)[some])
        low, high = _plain_interval(y, value, spread)
        held_out = SoftReading(value, low, high, np.ones(count, bool))
        return cls(_fitted(x, y, trees), apart, scores, Domain.fit(x, part), held_out, y)

    @one_thread
    def estimate(self, x: Values, level: float = LEVEL) -> SoftReading:
        """What the laboratory would say of rows ``(rows, signals)``; nothing outside the domain."""
        inside = self._domain.inside(x)
        reading = self.anywhere(x, level)
        value, low, high = (
            np.where(inside, end, np.nan) for end in (reading.value, reading.low, reading.high)
        )
        return SoftReading(value, low, high, inside)

    @one_thread
    def anywhere(self, x: Values, level: float = LEVEL) -> SoftReading:
        """The same without asking whether the rows lie in the domain: for judging the abstention itself."""
        parts = [self._interval(x[at : at + _AT_ONCE], level) for at in range(0, len(x), _AT_ONCE)]
        low, high = (np.concatenate(ends) for ends in zip(*parts, strict=True))
        value = _said(self._members, x)[0]
        return SoftReading(value, np.minimum(low, value), np.maximum(high, value), np.ones(len(x), bool))

    def _interval(self, x: Values, level: float) -> tuple[Values, Values]:
        said = [_said(members, x) for members in self._apart]
        value, spread = (np.column_stack(columns) for columns in zip(*said, strict=True))
        return self._scores.interval(value, spread, level)


def make_members(trees: int) -> list[RegressorMixin]:
    """Two unfitted regressors that err differently."""
    boosting = HistGradientBoostingRegressor(
        max_iter=3 * trees, learning_rate=0.05, min_samples_leaf=20, random_state=SEED
    )
    forest = ExtraTreesRegressor(trees, min_samples_leaf=5, max_features=0.5, random_state=SEED)
    return [boosting, forest]


def _fitted(x: Values, y: Values, trees: int) -> list[RegressorMixin]:
    filled = without_blank(x)
    return [clone(member).fit(filled, y) for member in make_members(trees)]


def _said(members: Sequence[RegressorMixin], x: Values) -> tuple[Values, Values]:
    """Mean of the members, and a spread: how far apart the forest's trees lie, as where rows were rare."""
    value = np.mean([member.predict(x) for member in members], axis=0)
    asked = x.astype(np.float32)
    trees = np.column_stack([tree.predict(asked) for tree in members[1].estimators_[:_TREES_ASKED]])
    least = 1e-3 * max(float(np.abs(value).mean()), 1e-9)
    return value, np.maximum(trees.std(axis=1), least)


def _plain_interval(y: Values, value: Values, spread: Values) -> tuple[Values, Values]:
    """Interval of the held-out rows from their own scores: what corrections are tried on."""
    low, high = np.quantile((y - value) / spread, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return value + low * spread, value + high * spread
