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
    """

    unit: NDArray[np.int64]
    fold: NDArray[np.int64]
    score: Values

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
        whatever the truth is: 2 level - 1; seen where models are stable: `level`.

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
        order = np.argsort(ends, axis=1)
        ranked = np.take_along_axis(ends, order, axis=1)
        below = np.cumsum(self.weights()[order], axis=1)
        # The new case's own share lies beyond either end.
        own = 1 / (self.units + 1)
        low = _first(ranked, below + own >= tail - 1e-12)
        high = _first(ranked, below >= 1 - tail - 1e-12)
        return low, high


def _first(ranked: Values, reached: NDArray[np.bool_]) -> Values:
    return np.take_along_axis(ranked, reached.argmax(axis=1)[:, None], axis=1)[:, 0]
