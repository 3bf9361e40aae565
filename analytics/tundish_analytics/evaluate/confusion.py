"""Accuracy and macro-F1 over folds, with intervals that draw whole units for all folds at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tundish_analytics.evaluate.figures import Figure
from tundish_analytics.models.intervals import DRAWS, Ends, drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Table: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fold:
    """What a model said of the cases it had not seen.

    Attributes:
        rows: number of each case among all.
        truth, found: class number of each; same shape.
    """

    rows: NDArray[np.int64]
    truth: NDArray[np.int64]
    found: NDArray[np.int64]


def accuracy(table: Table) -> float:
    """Share of the diagonal; rows are the truth."""
    return float(np.trace(table) / max(float(table.sum()), 1e-12))


def macro_f1(table: Table) -> float:
    """Mean F1 of the classes that occur in truth or answers, as scikit-learn defines it."""
    both = table.sum(axis=0) + table.sum(axis=1)
    return float(np.mean(2 * np.diag(table)[both > 0] / both[both > 0]))


def scores(folds: Sequence[Fold], score: Callable[[Table], float]) -> list[float]:
    """Score of each fold."""
    classes = _classes(folds)
    return [score(_table(fold, np.ones(len(fold.rows)), classes)) for fold in folds]


def fold_interval(folds: Sequence[Fold], units: NDArray[Any], score: Callable[[Table], float]) -> Ends | None:
    """95 % interval of the mean over folds; a unit drawn twice counts twice in every fold it lies in.

    Args:
        folds: of one or more repeats over the same cases.
        units: unit of each case; shape ``(cases,)``.
        score: of a confusion table.
    """
    classes = _classes(folds)
    names, place = np.unique(units, return_inverse=True)

    def mean(chosen: NDArray[np.int64]) -> float:
        times = np.bincount(chosen, minlength=len(names)).astype(np.float64)[place]
        tables = [_table(fold, times[fold.rows], classes) for fold in folds]
        return float(np.mean([score(table) for table in tables if table.any()]))

    return drawn(np.arange(len(names)), mean, DRAWS)


def spread(
    name: str, values: list[float], *, bar: float | None = None, peers: str = "", interval: Ends | None = None
) -> list[Figure]:
    """Mean of the folds with its bar, and their standard deviation and worst as facts."""
    return [
        Figure(name, float(np.mean(values)), bar=bar, peers=peers, interval=interval),
        Figure(f"{name}, standard deviation over folds", float(np.std(values)), better="less"),
        Figure(f"{name}, worst fold", float(np.min(values))),
    ]


def _classes(folds: Sequence[Fold]) -> int:
    return 1 + max(int(max(fold.truth.max(), fold.found.max())) for fold in folds)


def _table(fold: Fold, weights: Table, classes: int) -> Table:
    flat = np.bincount(fold.truth * classes + fold.found, weights=weights, minlength=classes**2)
    return flat.reshape(classes, classes).astype(np.float64)
