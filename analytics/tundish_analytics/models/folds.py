"""Predictions for cases a model was not trained on, with whole groups held back together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from sklearn.base import BaseEstimator

SEED: Final = 20


class TooFewGroups(ValueError):  # noqa: N818 - says what is lacking
    """A class occurs in fewer than two groups, so that nothing can be held back fairly."""


def grouped_folds(
    y: NDArray[np.int64], groups: NDArray[np.int64], folds: int = 5, seed: int = SEED
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Training and test rows; no group lies in both, classes are spread as evenly as groups allow.

    Args:
        y: class numbers, shape ``(cases,)``.
        groups: number of the group (condition block, device) of each case.
        folds: at most so many, fewer where a class occurs in fewer groups.
        seed: of the shuffle.

    Raises:
        TooFewGroups: some class occurs in only one group.
    """
    fewest = min(len(np.unique(groups[y == label])) for label in np.unique(y))
    if fewest < 2:  # noqa: PLR2004 - one group to learn from, one to be held back
        raise TooFewGroups("each class must occur in at least two groups (condition blocks)")
    splitter = StratifiedGroupKFold(min(folds, fewest), shuffle=True, random_state=seed)
    yield from splitter.split(y, y, groups)


def held_out_probability(
    classifier: BaseEstimator,
    features: NDArray[np.float64],
    y: NDArray[np.int64],
    groups: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Class probabilities ``(cases, classes)`` of each case from a fit without its group."""
    result = np.zeros((len(y), int(y.max()) + 1))
    for train, test in grouped_folds(y, groups):
        fitted = clone(classifier).fit(features[train], y[train])
        result[np.ix_(test, fitted.classes_)] = fitted.predict_proba(features[test])
    return result


def held_out_values(
    regressor: BaseEstimator,
    features: NDArray[np.float64],
    y: NDArray[np.float64],
    groups: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Predicted numbers ``(cases,)`` of each case from a fit without its group."""
    result = np.zeros(len(y))
    folds = min(5, len(np.unique(groups)))
    for train, test in GroupKFold(folds).split(features, y, groups):
        result[test] = clone(regressor).fit(features[train], y[train]).predict(features[test])
    return result
