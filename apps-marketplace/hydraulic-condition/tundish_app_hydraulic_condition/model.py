"""The trained model as plain numbers: linear discriminants over features of a load cycle.

`bench.npz` holds arrays only and is read without pickle. It was trained on the history half of the shipped
recording; ``python -m tundish_app_hydraulic_condition.verify FOLDER --remake`` trains it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.cycles import CYCLE_S, cycle_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

FILE: Final = Path(__file__).parent / "bench.npz"
TARGETS: Final = ("cooler", "valve", "pump_leakage", "accumulator")
# Semantic kind of each column, in the order of the training table.
SEMANTICS: Final = (
    "efficiency.cooler", "power.cooling", *("flow.hydraulic",) * 2, "power.active.pump",
    *("pressure.hydraulic",) * 6, "efficiency.hydraulic", *("temperature.oil.hydraulic",) * 4,
    "vibration.velocity.rms",
)  # fmt: skip
# A signal with fewer of a cycle's seconds is missing from it; the holes of the others are bridged.
PRESENT: Final = 0.8


@dataclass(frozen=True, slots=True)
class Target:
    """One component.

    Attributes:
        classes: labels, rising, shape ``(k,)``.
        weights, offset: of the discriminant, ``(features, k)`` and ``(k,)``.
        temperature: divides the discriminant, so that probabilities are calibrated.
    """

    classes: Values
    weights: Values
    offset: Values
    temperature: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The model.

    Attributes:
        mean, scale: of the features in training.
        farthest: largest root mean square of a training cycle's standardised features.
    """

    mean: Values
    scale: Values
    farthest: float
    targets: dict[str, Target]

    def features(self, windows: Values) -> Values:
        """Standardised features ``(cycles, features)``; those of a missing signal are 0, the training mean.

        Args:
            windows: ``(cycles, 60, signals)`` in the order of `SEMANTICS`, NaN where nothing is known.
        """
        z = (cycle_features(bridged(windows), SEMANTICS) - self.mean) / self.scale
        return np.nan_to_num(z)

    def probabilities(self, target: str, z: Values) -> Values:
        """Calibrated, shape ``(cycles, classes)``."""
        one = self.targets[target]
        told = (z @ one.weights + one.offset) / one.temperature
        power = np.exp(told - told.max(axis=1, keepdims=True))
        shares: Values = power / power.sum(axis=1, keepdims=True)
        return shares

    def unlike(self, z: Values) -> NDArray[np.bool_]:
        """Which cycles lie farther from the training cycles' middle than any of those did."""
        far: NDArray[np.bool_] = np.sqrt(np.mean(z**2, axis=1)) > self.farthest
        return far


@cache
def bench() -> Bench:
    """The shipped model."""
    with np.load(FILE, allow_pickle=False) as file:
        held = {name: file[name].astype(np.float64) for name in file.files}
    targets = {
        name: Target(
            held[f"{name}.classes"], held[f"{name}.weights"], held[f"{name}.offset"],
            float(held[f"{name}.temperature"]),
        )
        for name in TARGETS
    }  # fmt: skip
    return Bench(held["mean"], held["scale"], float(held["farthest"]), targets)


def bridged(windows: Values) -> Values:
    """Single seconds filled from their neighbours; signals that are mostly there only."""
    filled = windows.copy()
    second = np.arange(CYCLE_S)
    holes = np.isnan(windows)
    for cycle, signal in np.argwhere(holes.any(axis=1)).tolist():
        known = ~holes[cycle, :, signal]
        if known.mean() >= PRESENT:
            filled[cycle, :, signal] = np.interp(second, second[known], windows[cycle, known, signal])
        else:
            filled[cycle, :, signal] = np.nan
    return filled
