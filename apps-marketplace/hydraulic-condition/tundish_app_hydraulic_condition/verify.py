"""Figures of the model card: ``python -m tundish_app_hydraulic_condition.verify FOLDER [--remake]``.

FOLDER holds the recordings that the product ships. Every second condition block is history: the model is
trained on it and judged on the others, which the demonstration plays. ``--remake`` trains it anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from tundish_analytics.condition.cycles import cycle_features
from tundish_analytics.tables import HydraulicData
from tundish_app_hydraulic_condition.model import FILE, TARGETS, bench

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_FURTHER: Final = 1.1
_BINS: Final = 10


def recorded(folder: Path) -> tuple[HydraulicData, HydraulicData]:
    """Training cycles (even condition blocks) and the others."""
    profile = pd.read_parquet(folder / "hydraulic_profile.parquet")
    data = HydraulicData.from_tables(pd.read_parquet(folder / "hydraulic.parquet"), profile)
    odd = data.blocks % 2 == 1
    return data.take(~odd), data.take(odd)


def measure(folder: Path) -> dict[str, float]:
    """Macro-F1, accuracy and calibration error of each component on cycles never trained on."""
    _, test = recorded(folder)
    found = {"cycles": float(len(test.labels)), "blocks": float(np.unique(test.blocks).size)}
    z = bench().features(test.windows)
    found["called unlike the bench"] = float(bench().unlike(z).mean())
    for number, name in enumerate(TARGETS):
        truth = test.labels[:, number]
        probability = bench().probabilities(name, z)
        told = bench().targets[name].classes[probability.argmax(axis=1)]
        found |= {
            f"{name}: macro-F1": macro_f1(told, truth),
            f"{name}: accuracy": float((told == truth).mean()),
            f"{name}: calibration error": _calibration(probability.max(axis=1), told == truth),
        }
    return found


def silent(folder: Path) -> dict[str, float]:
    """Macro-F1 if a silent signal were taken for the training mean: why the app says nothing then."""
    _, test = recorded(folder)
    found = dict.fromkeys(TARGETS, 1.0)
    for signal in range(len(test.semantics)):
        windows = test.windows.copy()
        windows[:, :, signal] = np.nan
        z = bench().features(windows)
        for number, name in enumerate(TARGETS):
            told = bench().targets[name].classes[bench().probabilities(name, z).argmax(axis=1)]
            found[name] = min(found[name], macro_f1(told, test.labels[:, number]))
    return {f"{name}: macro-F1, worst single silent signal": value for name, value in found.items()}


def macro_f1(told: Values, truth: Values) -> float:
    """Mean over the classes of the harmonic mean of precision and recall."""
    scores = []
    for label in np.unique(truth):
        right = np.count_nonzero((told == label) & (truth == label))
        scores.append(2 * right / (np.count_nonzero(told == label) + np.count_nonzero(truth == label)))
    return float(np.mean(scores))


def _calibration(probability: Values, right: NDArray[np.bool_]) -> float:
    """Mean distance between probability and share of hits, over ten bins of probability."""
    place = np.minimum((probability * _BINS).astype(np.int64), _BINS - 1)
    parts = [(place == n) for n in range(_BINS) if (place == n).any()]
    return float(sum(part.mean() * abs(probability[part].mean() - right[part].mean()) for part in parts))


def remake(folder: Path) -> None:
    """Train the model anew and write its numbers."""
    # Only training needs scikit-learn.
    from tundish_analytics.condition.hydraulic import HydraulicCondition  # noqa: PLC0415 - see above

    train, _ = recorded(folder)
    state = HydraulicCondition.fit(train.windows, train.semantics, train.labels, train.starts).state()
    scaler = state["front"].named_steps["scale"]
    arrays = {"mean": scaler.mean_, "scale": scaler.scale_}
    for name, part in state["targets"].items():
        lda = part["discriminant"]
        arrays |= {
            f"{name}.classes": part["classes"],
            f"{name}.weights": lda.coef_.T,
            f"{name}.offset": lda.intercept_,
            f"{name}.temperature": np.array(part["temperature"]),
        }
    z = state["front"].transform(cycle_features(train.windows, train.semantics))
    arrays["farthest"] = np.array(_FURTHER * np.sqrt(np.mean(z**2, axis=1)).max())
    np.savez_compressed(FILE, **{key: value.astype(np.float32) for key, value in arrays.items()})


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if "--remake" in sys.argv:
        remake(place)
    sys.stdout.writelines(
        f"{name}: {value:.4g}\n" for name, value in (measure(place) | silent(place)).items()
    )
