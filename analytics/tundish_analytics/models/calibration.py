"""Probabilities that mean what they say: one temperature, fitted on predictions for cases not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOG_RANGE: Final = (-3.0, 6.0)
_FLOOR: Final = 1e-12


def fit_temperature(log_probability: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """The temperature that makes held-out log probabilities most likely.

    Temperature scaling after Guo et al., "On calibration of modern neural networks", ICML 2017.

    Args:
        log_probability: shape ``(cases, classes)``, of cases the classifier was not trained on.
        truth: number of the true class of each case.

    Returns:
        Above 1 for a classifier that is too sure, below 1 for one that is too shy.
    """
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(log_probability / np.exp(log_temperature), axis=1)
        return float(-scaled[rows, truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded").x))


def calibrated(log_probability: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities ``(cases, classes)`` at a temperature; the most likely class stays the same."""
    scaled: NDArray[np.float64] = softmax(log_probability / temperature, axis=1)
    return scaled


def safe_log(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of probabilities, with 0 lifted to 1e-12."""
    return np.log(np.maximum(probability, _FLOOR))


def calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence and hit rate over equally wide bins, 0 to 1."""
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    distance = [
        abs(confidence[number == b].mean() - correct[number == b].mean()) * (number == b).mean()
        for b in range(bins)
        if (number == b).any()
    ]
    return float(sum(distance))
