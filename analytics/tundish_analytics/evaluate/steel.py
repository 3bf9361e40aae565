"""Evaluation of `PlateFaults`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score
from sklearn.model_selection import RepeatedStratifiedKFold

from tundish_analytics.evaluate.figures import Evaluation, Figure, spread
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
    "plates may "
    "have a sister in training: the figures are an upper bound for new coils."
)


@one_thread
def evaluate_steel(
    features: NDArray[np.float64],
    labels: NDArray[np.str_],
    test: tuple[NDArray[np.float64], NDArray[np.str_]] | None = None,
    *,
    repeats: int = 2,
) -> Evaluation:
    """Figures of the plate classifier.

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
            _fold(features[a], labels[a], features[b], labels[b]) for a, b in splitter.split(features, labels)
        ]
    else:
        folds = [_fold(features, labels, *test)]
    names = sorted(set(labels.tolist()))
    facts: dict[str, Any] = {"plates": len(labels), "folds": len(folds), "classes": names}
    facts["confusion_rows_truth"] = np.sum([fold["confusion"] for fold in folds], axis=0).tolist()
    return Evaluation(PlateFaults.model_id, _PROTOCOL, tuple(_figures(folds)), facts)


def _fold(
    features: NDArray[np.float64],
    labels: NDArray[np.str_],
    test: NDArray[np.float64],
    truth: NDArray[np.str_],
) -> dict[str, Any]:
    model = PlateFaults.fit(features, labels.tolist())
    probability = model.probabilities(test)
    best = np.array(model.classes)[probability.argmax(axis=1)]
    sure = probability.max(axis=1) >= model.threshold
    commonest = max(set(labels.tolist()), key=labels.tolist().count)
    return {
        "accuracy": float((best == truth).mean()),
        "macro_f1": float(f1_score(truth, best, average="macro")),
        "ece": calibration_error(probability.max(axis=1), best == truth),
        "sure": float(sure.mean()),
        "accuracy_sure": float((best == truth)[sure].mean()) if sure.any() else float("nan"),
        "accuracy_unsure": float((best == truth)[~sure].mean()) if not sure.all() else float("nan"),
        "commonest": float((truth == commonest).mean()),
        "confusion": confusion_matrix(truth, best, labels=list(model.classes)),
    }


def _figures(folds: list[dict[str, Any]]) -> list[Figure]:
    def mean(key: str) -> float:
        return float(np.nanmean([fold[key] for fold in folds]))

    return [
        *spread("macro-F1", [fold["macro_f1"] for fold in folds], bar=0.78),
        *spread("accuracy", [fold["accuracy"] for fold in folds], bar=0.76),
        Figure("accuracy, always the commonest class", mean("commonest"), better="none"),
        Figure("calibration error", mean("ece"), better="less", bar=0.06),
        Figure("share of plates not unsure", mean("sure"), bar=0.6),
        Figure("accuracy of plates not unsure", mean("accuracy_sure"), bar=0.87),
        Figure("accuracy of unsure plates, had they been classified", mean("accuracy_unsure"), better="none"),
    ]
