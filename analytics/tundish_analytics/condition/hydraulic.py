"""`HydraulicCondition`: four condition classes and an accumulator pressure from each 60-s load cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from tundish_analytics.condition.cycles import completeness, condition_blocks, cycle_features, feature_names
from tundish_analytics.condition.imputer import ConditionalImputer
from tundish_analytics.condition.reference import HealthyReference
from tundish_analytics.condition.targets import TARGETS
from tundish_analytics.models.calibration import calibrated, fit_temperature, safe_log
from tundish_analytics.models.folds import held_out_probability, held_out_values
from tundish_analytics.models.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_analytics.predictions import Evidence
    from tundish_platform.samples import SignalSpec

MIN_COMPLETENESS: Final = 0.6
# With shrinkage this small the discriminant still sees weak directions; the accumulator shows in no other.
_SHRINKAGE: Final = 1e-4
_RIDGE: Final = 3.0
INTERVAL: Final = 0.8


def make_classifier(classes: int) -> Pipeline:
    """An unfitted classifier: standardise, fill holes, linear discriminant with equal priors."""
    discriminant = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage=_SHRINKAGE, priors=np.full(classes, 1 / classes)
    )
    return Pipeline([("scale", StandardScaler()), ("fill", ConditionalImputer()), ("lda", discriminant)])


def make_regressor() -> Pipeline:
    """An unfitted regressor for the accumulator's pressure in bar."""
    return Pipeline([("scale", StandardScaler()), ("fill", ConditionalImputer()), ("ridge", Ridge(_RIDGE))])


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model says of one target in a batch of cycles; arrays of shape ``(cycles,)``.

    Attributes:
        value: label of the most likely class, or the pressure in bar.
        probability: calibrated, NaN for the pressure.
        low, high: 80 % interval of the pressure, NaN for classes.
        cases: training cycles with the predicted label.
        evidence: per cycle.
    """

    value: NDArray[np.float64]
    probability: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    cases: NDArray[np.int64]
    evidence: tuple[tuple[Evidence, ...], ...]


@dataclass(frozen=True, slots=True)
class _Fitted:
    """One target after training: `discriminant` works on features the shared front has prepared."""

    classes: NDArray[np.float64]
    discriminant: LinearDiscriminantAnalysis
    temperature: float
    counts: NDArray[np.int64]
    held_out_f1: float
    reference: HealthyReference
    held_out_accuracy: float | None = None


class HydraulicCondition:
    """Classes of cooler, valve, pump and accumulator with calibrated probabilities, and bar with an interval.

    Build it with `fit`, or with `from_state` from what `state` gave.
    """

    model_id: Final = "hydraulic-condition"

    def __init__(
        self,
        semantics: tuple[str, ...],
        front: Pipeline,
        fitted: dict[str, _Fitted],
        pressure: tuple[Ridge, float],
    ) -> None:
        self.semantics = semantics
        self._front = front
        self._fitted = fitted
        self._pressure = pressure
        self._features = feature_names(semantics)

    @classmethod
    @one_thread
    def fit(
        cls,
        windows: NDArray[np.float64],
        semantics: Sequence[str],
        labels: NDArray[np.float64],
        starts: NDArray[np.int64],
    ) -> Self:
        """Train on inspected cycles.

        Args:
            windows: ``(cycles, 60, signals)``, NaN for what is missing.
            semantics: semantic kind of each signal, as bound later when scoring.
            labels: ``(cycles, 4)`` in the order of `TARGETS`.
            starts: start of each cycle in seconds, rising.

        Raises:
            TooFewGroups: some label occurs in only one condition block, so probabilities cannot be
                calibrated.
        """
        features = cycle_features(windows, semantics)
        blocks = condition_blocks(labels, starts)
        front = Pipeline([("scale", StandardScaler()), ("fill", ConditionalImputer())]).fit(features)
        ready = front.transform(features)
        fitted = {
            target.name: _fit_target(features, ready, labels[:, number], target.healthy, blocks)
            for number, target in enumerate(TARGETS)
        }
        pressure = _fit_pressure(features, ready, labels[:, -1], blocks)
        return cls(tuple(semantics), front, fitted, pressure)

    @one_thread
    def read(
        self, windows: NDArray[np.float64], signals: Sequence[SignalSpec]
    ) -> tuple[dict[str, Reading], NDArray[np.float64]]:
        """Readings per target, and the completeness of each cycle ``(cycles,)``, 0 to 1.

        Args:
            windows: ``(cycles, 60, signals)``.
            signals: the signals of the last axis, for the evidence's names and units.
        """
        features = cycle_features(windows, self.semantics)
        ready = self._front.transform(features)
        readings = {
            name: self._read_class(fitted, features, ready, signals) for name, fitted in self._fitted.items()
        }
        readings["accumulator_pressure"] = self._read_pressure(ready, readings["accumulator"])
        return readings, completeness(windows)

    @property
    def metrics(self) -> dict[str, float]:
        """Macro-F1 and accuracy by target on held-out condition blocks, half the pressure interval in bar."""
        scores = {f"macro_f1.{name}": fitted.held_out_f1 for name, fitted in self._fitted.items()}
        shares = {f"accuracy.{name}": fitted.held_out_accuracy for name, fitted in self._fitted.items()}
        known = {name: share for name, share in shares.items() if share is not None}
        return scores | known | {"accumulator_pressure.half_width_bar": self._pressure[1]}

    def classes(self, target: str) -> NDArray[np.float64]:
        """Labels of one target in rising order."""
        return self._fitted[target].classes

    def probabilities(self, target: str, windows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated class probabilities ``(cycles, classes)`` of one target, classes in rising order."""
        fitted = self._fitted[target]
        ready = self._front.transform(cycle_features(windows, self.semantics))
        return _probability(fitted, ready)

    def _read_class(
        self,
        fitted: _Fitted,
        features: NDArray[np.float64],
        ready: NDArray[np.float64],
        signals: Sequence[SignalSpec],
    ) -> Reading:
        probability = _probability(fitted, ready)
        best = probability.argmax(axis=1)
        unknown = np.full(len(best), np.nan)
        evidence = tuple(fitted.reference.evidence(row, self._features, signals) for row in features)
        confidence = probability[np.arange(len(best)), best]
        return Reading(fitted.classes[best], confidence, unknown, unknown, fitted.counts[best], evidence)

    def _read_pressure(self, ready: NDArray[np.float64], accumulator: Reading) -> Reading:
        ridge, half = self._pressure
        value = ridge.predict(ready)
        unknown = np.full(len(value), np.nan)
        return Reading(value, unknown, value - half, value + half, accumulator.cases, accumulator.evidence)

    def state(self) -> dict[str, Any]:
        """Everything that must be stored, as scikit-learn objects, arrays and plain values."""
        targets = {
            name: {
                "classes": fitted.classes,
                "discriminant": fitted.discriminant,
                "temperature": fitted.temperature,
                "counts": fitted.counts,
                "held_out_f1": fitted.held_out_f1,
                "held_out_accuracy": fitted.held_out_accuracy,
                "reference": fitted.reference.state(),
            }
            for name, fitted in self._fitted.items()
        }
        ridge, half = self._pressure
        return {
            "semantics": list(self.semantics),
            "front": self._front,
            "targets": targets,
            "pressure": {"ridge": ridge, "half": half},
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The model that `state` came from."""
        fitted = {
            name: _Fitted(**{**part, "reference": HealthyReference(**part["reference"])})
            for name, part in state["targets"].items()
        }
        pressure = (state["pressure"]["ridge"], state["pressure"]["half"])
        return cls(tuple(state["semantics"]), state["front"], fitted, pressure)


def _probability(fitted: _Fitted, ready: NDArray[np.float64]) -> NDArray[np.float64]:
    return calibrated(safe_log(fitted.discriminant.predict_proba(ready)), fitted.temperature)


def _fit_target(
    features: NDArray[np.float64],
    ready: NDArray[np.float64],
    label: NDArray[np.float64],
    healthy: float,
    blocks: NDArray[np.int64],
) -> _Fitted:
    classes, y, counts = np.unique(label, return_inverse=True, return_counts=True)
    classifier = make_classifier(len(classes))
    held_out = held_out_probability(classifier, features, y, blocks)
    return _Fitted(
        classes=classes,
        discriminant=classifier.named_steps["lda"].fit(ready, y),
        temperature=fit_temperature(safe_log(held_out), y),
        counts=counts,
        held_out_f1=float(f1_score(y, held_out.argmax(axis=1), average="macro")),
        reference=HealthyReference.learn(features, label, healthy),
        held_out_accuracy=float((held_out.argmax(axis=1) == y).mean()),
    )


def _fit_pressure(
    features: NDArray[np.float64],
    ready: NDArray[np.float64],
    bar: NDArray[np.float64],
    blocks: NDArray[np.int64],
) -> tuple[Ridge, float]:
    """The regressor, and the half width that covers 80 % of held-out blocks' errors (split conformal)."""
    regressor = make_regressor()
    error = np.abs(held_out_values(regressor, features, bar, blocks) - bar)
    return regressor.named_steps["ridge"].fit(ready, bar), float(np.quantile(error, INTERVAL))
