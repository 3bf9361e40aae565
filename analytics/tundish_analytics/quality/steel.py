"""`PlateFaults`: class of a steel plate's surface fault from 27 inspection features, or "unsure"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, VotingClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from tundish_analytics.models.calibration import calibrated, fit_temperature, safe_log
from tundish_analytics.models.folds import SEED
from tundish_analytics.models.threads import one_thread
from tundish_analytics.predictions import Evidence, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalSpec

MIN_COMPLETENESS: Final = 0.7
UNSURE: Final = -1
_ACCEPTED_ACCURACY: Final = 0.9
_TINY: Final = 1e-9


def make_ensemble() -> VotingClassifier:
    """An unfitted ensemble: extremely randomised trees and gradient boosting, probabilities averaged."""
    trees = ExtraTreesClassifier(
        n_estimators=150, max_features=0.5, class_weight="balanced", n_jobs=1, random_state=SEED
    )
    boosting = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.08, max_leaf_nodes=15, l2_regularization=1.0, random_state=SEED
    )
    return VotingClassifier([("trees", trees), ("boosting", boosting)], voting="soft")


@dataclass(frozen=True, slots=True)
class PlateReading:
    """What the model says of a batch of plates.

    Attributes:
        number: class number of each plate in `PlateFaults.classes`, or `UNSURE`; shape ``(plates,)``.
        best: most likely class, whether sure or not.
        probability: calibrated probability of `best`.
        cases: training plates of that class.
        evidence: per plate.
    """

    number: NDArray[np.int64]
    best: NDArray[np.int64]
    probability: NDArray[np.float64]
    cases: NDArray[np.int64]
    evidence: tuple[tuple[Evidence, ...], ...]


class PlateFaults:
    """Seven fault classes with calibrated probabilities and a reject option.

    A plate is "unsure" where the calibrated probability lies below the threshold at which held-out training
    plates above it were right in 90 % of the cases.
    """

    model_id: Final = "steel-defect"
    target: Final = "fault_class"

    def __init__(
        self,
        classes: tuple[str, ...],
        ensemble: VotingClassifier,
        temperature: float,
        threshold: float,
        reference: dict[str, NDArray[np.float64]],
        counts: NDArray[np.int64],
        metrics: dict[str, float],
    ) -> None:
        self.classes = classes
        self._ensemble = ensemble
        self.temperature = temperature
        self.threshold = threshold
        self._reference = reference
        self._counts = counts
        self.metrics = metrics

    @classmethod
    @one_thread
    def fit(cls, features: NDArray[np.float64], labels: Sequence[str]) -> Self:
        """Train on classified plates.

        Args:
            features: ``(plates, 27)`` in the data's own units; NaN where missing.
            labels: class of each plate, each at least five times.

        Raises:
            ValueError: a class has fewer than five plates.
        """
        classes, y, counts = np.unique(np.asarray(labels, dtype=str), return_inverse=True, return_counts=True)
        folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
        if counts.min() < folds.n_splits:
            raise ValueError(
                f"each class needs {folds.n_splits} plates, {classes[counts.argmin()]} has fewer"
            )
        filled, middle = _fill(features)
        ensemble = make_ensemble()
        held_out = safe_log(cross_val_predict(ensemble, filled, y, cv=folds, method="predict_proba"))
        temperature = fit_temperature(held_out, y)
        probability = calibrated(held_out, temperature)
        threshold = _threshold(probability, y)
        fitted = clone(ensemble).fit(filled, y)
        reference = _reference(filled, y, middle, fitted)
        names = tuple(str(name) for name in classes)
        metrics = _metrics(probability, y, threshold)
        return cls(names, fitted, temperature, threshold, reference, counts, metrics)

    @one_thread
    def probabilities(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated class probabilities ``(plates, classes)`` in the order of `classes`."""
        filled = np.where(np.isnan(features), self._reference["middle"], features)
        return calibrated(safe_log(self._ensemble.predict_proba(filled)), self.temperature)

    def read(self, features: NDArray[np.float64], signals: Sequence[SignalSpec]) -> PlateReading:
        """Class or "unsure" of each plate, with evidence.

        Args:
            features: ``(plates, 27)``; NaN where missing.
            signals: the signals of the columns.
        """
        probability = self.probabilities(features)
        best = probability.argmax(axis=1)
        confidence = probability[np.arange(len(best)), best]
        number = np.where(confidence >= self.threshold, best, UNSURE)
        evidence = tuple(
            self._evidence(row, label, signals) for row, label in zip(features, best, strict=True)
        )
        return PlateReading(number, best, confidence, self._counts[best], evidence)

    def _evidence(
        self, row: NDArray[np.float64], label: int, signals: Sequence[SignalSpec], count: int = 5
    ) -> tuple[Evidence, ...]:
        """Features in which the plate lies nearer to its class than to the middle of all plates.

        The gain is the distance to the overall median minus the distance to the class median, in
        inter-quartile ranges, times the trees' impurity importance; the shares of all gains add up to 1.
        """
        expected = self._reference["class_middle"][label]
        scale = self._reference["scale"]
        gain = (np.abs(row - self._reference["middle"]) - np.abs(row - expected)) / scale
        strength = np.nan_to_num(np.clip(gain, 0, 10) * self._reference["importance"])
        total = max(float(strength.sum()), _TINY)
        ranked = [f for f in np.argsort(-strength)[:count] if np.isfinite(row[f])]
        return tuple(
            Evidence(
                signals[f].path,
                signals[f].name_zh,
                signals[f].name_en,
                float(row[f]),
                float(expected[f]),
                signals[f].unit,
                rounded(float(strength[f] / total)) or 0.0,
            )
            for f in ranked
        )

    def state(self) -> dict[str, Any]:
        """Everything that must be stored, as scikit-learn objects, arrays and plain values."""
        return {
            "classes": list(self.classes),
            "ensemble": self._ensemble,
            "temperature": self.temperature,
            "threshold": self.threshold,
            "reference": self._reference,
            "counts": self._counts,
            "metrics": self.metrics,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The model that `state` came from."""
        return cls(**{**state, "classes": tuple(state["classes"])})


def _fill(features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    middle = np.nan_to_num(np.nanmedian(features, axis=0))
    return np.where(np.isnan(features), middle, features), middle


def _threshold(probability: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Smallest confidence above which held-out plates are right in 90 % of the cases."""
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == y
    order = np.argsort(-confidence)
    accuracy = np.cumsum(right[order]) / np.arange(1, len(y) + 1)
    reached = np.flatnonzero(accuracy >= _ACCEPTED_ACCURACY)
    return float(confidence[order][reached[-1]]) if len(reached) else 1.0


def _metrics(probability: NDArray[np.float64], y: NDArray[np.int64], threshold: float) -> dict[str, float]:
    """Figures of the held-out training plates; the threshold was chosen on the same plates."""
    best, sure = probability.argmax(axis=1), probability.max(axis=1) >= threshold
    return {
        "accuracy": float((best == y).mean()),
        "macro_f1": float(f1_score(y, best, average="macro")),
        "sure_share": float(sure.mean()),
        "accuracy_of_sure": float((best == y)[sure].mean()) if sure.any() else float("nan"),
    }


def _reference(
    features: NDArray[np.float64],
    y: NDArray[np.int64],
    middle: NDArray[np.float64],
    fitted: VotingClassifier,
) -> dict[str, NDArray[np.float64]]:
    low, high = np.quantile(features, [0.25, 0.75], axis=0)
    spread = np.where(high > low, high - low, np.maximum(features.std(axis=0), _TINY))
    class_middle = np.vstack([np.median(features[y == label], axis=0) for label in np.unique(y)])
    importance = fitted.named_estimators_["trees"].feature_importances_
    return {"middle": middle, "scale": spread, "class_middle": class_middle, "importance": importance}
