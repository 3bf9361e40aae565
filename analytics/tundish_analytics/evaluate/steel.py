"""Evaluation of `PlateFaults`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold

from tundish_analytics.evaluate.confusion import Fold, accuracy, fold_interval, macro_f1, scores, spread
from tundish_analytics.evaluate.figures import Evaluation, Figure
from tundish_analytics.models.calibration import calibration_error
from tundish_analytics.models.folds import SEED
from tundish_analytics.models.threads import one_thread
from tundish_analytics.quality.steel import PlateFaults

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROTOCOL: Final = (
    'Repeated stratified five-fold cross-validation; temperature and threshold of "unsure" come from inner '
    "folds of "
    "the training part only. Near-duplicates of plates from one coil are unknown in this set, so some test "
    "plates may have a sister in training: the figures are an upper bound for new coils."
)
_GUARD: Final = "The class is no feature; no plate is judged by a model that has seen it or chose by it."
_INTERVALS: Final = "500 bootstrap draws of plates, a plate drawn in all repeats alike"


@one_thread
def evaluate_steel(
    features: NDArray[np.float64],
    labels: NDArray[np.str_],
    test: tuple[NDArray[np.float64], NDArray[np.str_]] | None = None,
    *,
    repeats: int = 2,
) -> Evaluation:
    """Figures of the plate classifier with its answer of "unsure".

    Args:
        features: ``(plates, 27)``.
        labels: class of each plate.
        test: features and labels of plates held back elsewhere; without them cross-validation.
        repeats: of the five folds.

    Raises:
        ValueError: a class has fewer than five plates in a training part.
    """
    if test is None:
        splitter = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=SEED)
        folds = [
            _fold(features[a], labels[a], features[b], labels[b], b)
            for a, b in splitter.split(features, labels)
        ]
    else:
        folds = [_fold(features, labels, *test, np.arange(len(test[1])))]
    plates = len(labels) if test is None else len(test[1])
    names = sorted(set(labels.tolist()))
    facts: dict[str, Any] = {"plates": plates, "folds": len(folds), "classes": names}
    return Evaluation(
        PlateFaults.model_id, _PROTOCOL, _GUARD, _INTERVALS, tuple(_figures(folds, plates)), facts
    )


def _fold(
    features: NDArray[np.float64],
    labels: NDArray[np.str_],
    test: NDArray[np.float64],
    truth: NDArray[np.str_],
    rows: NDArray[np.int64],
) -> dict[str, Any]:
    model = PlateFaults.fit(features, labels.tolist())
    probability = model.probabilities(test)
    classes = np.array(model.classes)
    best = classes[probability.argmax(axis=1)]
    known, both = np.unique(np.concatenate([classes, truth]), return_inverse=True)
    sure = probability.max(axis=1) >= model.threshold
    commonest = max(set(labels.tolist()), key=labels.tolist().count)
    return {
        "fold": Fold(rows, both[len(classes) :], np.searchsorted(known, best)),
        "ece": calibration_error(probability.max(axis=1), best == truth),
        "sure": float(sure.mean()),
        "accuracy_sure": float((best == truth)[sure].mean()) if sure.any() else float("nan"),
        "accuracy_unsure": float((best == truth)[~sure].mean()) if not sure.all() else float("nan"),
        "commonest": float((truth == commonest).mean()),
    }


def _figures(folds: list[dict[str, Any]], plates: int) -> list[Figure]:
    judged = [fold["fold"] for fold in folds]
    every = np.arange(plates)

    def mean(key: str) -> float:
        return float(np.nanmean([fold[key] for fold in folds]))

    return [
        *spread(
            "macro_f1", scores(judged, macro_f1), bar=0.78, interval=fold_interval(judged, every, macro_f1)
        ),
        *spread(
            "accuracy", scores(judged, accuracy), bar=0.76, interval=fold_interval(judged, every, accuracy)
        ),
        Figure("accuracy, always the commonest class", mean("commonest"), better="none"),
        Figure("calibration error", mean("ece"), better="less", bar=0.06),
        Figure("share of plates not unsure", mean("sure"), bar=0.6),
        Figure("accuracy of plates not unsure", mean("accuracy_sure"), bar=0.87),
        Figure("accuracy of unsure plates, had they been classified", mean("accuracy_unsure"), better="none"),
    ]
