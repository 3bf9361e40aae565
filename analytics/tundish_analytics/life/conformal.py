"""Intervals from units that were held out, each unit counting as one case however many rows it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.model_selection import KFold

from tundish_analytics.models.folds import SEED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

LEVEL: Final = 0.9


class TooFewUnits(ValueError):  # noqa: N818 - says what is lacking
    """So few units were held out that no interval of this level can be promised."""


def unit_folds(
    units: NDArray[np.int64], folds: int, seed: int = SEED
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Training and held-out units; a unit is on one side only, and held out once."""
    distinct = np.unique(units)
    splitter = KFold(min(folds, len(distinct)), shuffle=True, random_state=seed)
    for train, held in splitter.split(distinct):
        yield distinct[train], distinct[held]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What fold models said of units they had not seen.

    Attributes:
        unit: unit of each row; shape ``(rows,)``.
        fold: number of the model that had not seen the unit; same shape.
        score: (truth - estimate) / spread; same shape.
        estimate: what that model said; same shape. Needed where `near` is given.
        near: rows count for a case only where their estimates lie no further apart than this; ``None``: all
            count for every case.
    """

    unit: NDArray[np.int64]
    fold: NDArray[np.int64]
    score: Values
    estimate: Values | None = None
    near: float | None = None

    @property
    def units(self) -> int:
        """How many units were held out."""
        return len(np.unique(self.unit))

    def weights(self) -> Values:
        """Weight of each row: 1 / (units + 1), shared by the rows of a unit."""
        _, place, rows = np.unique(self.unit, return_inverse=True, return_counts=True)
        weight: Values = 1 / (rows[place] * (self.units + 1))
        return weight

    def interval(self, estimate: Values, spread: Values, level: float = LEVEL) -> tuple[Values, Values]:
        """Low and high end for each new case.

        Hierarchical jackknife+ over folds, with scores signed and each tail given half of what may lie
        outside: Barber, Candès, Ramdas, Tibshirani, "Predictive inference with the jackknife+", Ann. Statist.
        49 (2021); Lee, Barber, Willett, "Distribution-free inference with hierarchical data", 2023. Promised
        whatever the truth is: 2 level - 1; seen where models are stable: `level`. With `near`, each case is
        held against rows of like estimates (Mondrian categories that move along: Vovk, Gammerman, Shafer,
        "Algorithmic learning in a random world", 2005), so that it holds for short and long lives alike.

        Args:
            estimate: of each fold model for each new case; shape ``(cases, folds)``.
            spread: same shape.
            level: share of truths that should lie inside.

        Raises:
            TooFewUnits: a tail holds less than one unit.
        """
        tail = (1 - level) / 2
        if tail * (self.units + 1) < 1 - 1e-9:
            raise TooFewUnits(f"{level:.0%} intervals need {int(np.ceil(1 / tail - 1e-9)) - 1} units")
        ends = estimate[:, self.fold] + self.score * spread[:, self.fold]
        weights = self._weights(estimate, tail)
        # The new case's own share lies beyond either end.
        own = np.maximum(1 - weights.sum(axis=1, keepdims=True), 0)
        order = np.argsort(ends, axis=1)
        ranked = np.take_along_axis(ends, order, axis=1)
        below = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
        low = _first(ranked, below + own >= tail - 1e-12)
        high = _first(ranked, below >= 1 - tail - 1e-12)
        return low, high

    def _weights(self, estimate: Values, tail: float) -> Values:
        """Shape ``(cases, rows)``; all rows count where those alike come from too few units."""
        everything = np.broadcast_to(self.weights(), (len(estimate), len(self.unit)))
        if self.near is None or self.estimate is None:
            return everything
        alike = (np.abs(estimate[:, self.fold] - self.estimate) <= self.near).astype(np.float64)
        names, place = np.unique(self.unit, return_inverse=True)
        member = np.zeros((len(place), len(names)))
        member[np.arange(len(place)), place] = 1.0
        rows = alike @ member
        units = (rows > 0).sum(axis=1, keepdims=True)
        # No share is set aside for the new unit here: with it more than promised were covered.
        weight = alike / np.maximum(rows[:, place] * units, 1)
        return np.where(tail * (units + 1) >= 1 - 1e-9, weight, everything)


def _first(ranked: Values, reached: NDArray[np.bool_]) -> Values:
    return np.take_along_axis(ranked, reached.argmax(axis=1)[:, None], axis=1)[:, 0]
