"""Leave-one-regime-out: how well a component's condition is told in a regime that was never trained on.

A component's regime is the condition of the other three. Either one of these is at a level that training
never shows, or the three stand in a combination that it never shows. The component's own classes are known:
no classifier can name one that it never saw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.metrics import f1_score

from tundish_analytics.condition.cycles import cycle_features
from tundish_analytics.condition.hydraulic import make_classifier
from tundish_analytics.condition.targets import TARGETS
from tundish_analytics.evaluate.confusion import spread
from tundish_analytics.evaluate.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tundish_analytics.tables import HydraulicData

    Mask = NDArray[np.bool_]

REGIME_PROTOCOL: Final = (
    "Third part, leave-one-regime-out: a component's regime is the condition of the other three. Each level "
    "of another component is held out in turn (all cycles that show it), and each combination of the other "
    "three (all cycles that show it; predictions are pooled, since one combination has few cycles)."
)
REGIME_GUARD: Final = (
    "No cycle of a held-out regime is trained on, and it fails if a run of equal condition lies "
    "in training and test; each feature row is of its own cycle alone, scaling and filling are fitted on "
    "training cycles."
)


class Leak(ValueError):  # noqa: N818 - says what was found
    """A run of cycles lies in training and test."""


def regime_figures(data: HydraulicData) -> tuple[list[Figure], dict[str, Any]]:
    """Figures of every component, and macro-F1 of every held-out level as facts.

    Raises:
        Leak: a run of equal condition lies in training and test.
    """
    features, blocks = cycle_features(data.windows, data.semantics), data.blocks
    figures: list[Figure] = []
    facts: dict[str, Any] = {}
    for number, target in enumerate(TARGETS):
        y = data.labels[:, number]
        by_level = {
            name: _macro_f1(y[held], found)
            for name, held in levels(data.labels, number)
            if (found := held_out(features, y, blocks, held)) is not None
        }
        facts[target.name] = by_level
        if by_level:
            figures += spread(
                f"{target.name} macro-F1, a level of another component held out", list(by_level.values())
            )
        figures += _pooled(target.name, features, y, blocks, list(combinations(data.labels, number)))
    return figures, {"macro-F1 by held-out level": facts}


def _pooled(
    target: str,
    features: NDArray[np.float64],
    y: NDArray[np.float64],
    blocks: NDArray[np.int64],
    folds: list[Mask],
) -> list[Figure]:
    tried = [(held, found) for held in folds if (found := held_out(features, y, blocks, held)) is not None]
    if not tried:
        return []
    truth = np.concatenate([y[held] for held, _ in tried])
    score = _macro_f1(truth, np.concatenate([found for _, found in tried]))
    return [Figure(f"{target} macro-F1, a combination of the others held out", score)]


def levels(labels: NDArray[np.float64], number: int) -> Iterator[tuple[str, Mask]]:
    """Cycles in which another component is at one of its levels, with the level's name."""
    for other, target in enumerate(TARGETS):
        if other != number:
            for level in np.unique(labels[:, other]):
                yield f"{target.name} {level:g}", labels[:, other] == level


def combinations(labels: NDArray[np.float64], number: int) -> Iterator[Mask]:
    """Cycles of each combination of the other components' conditions; every cycle is in exactly one."""
    others = np.delete(labels, number, axis=1)
    _, which = np.unique(others, axis=0, return_inverse=True)
    for combination in range(int(which.max()) + 1):
        yield which.ravel() == combination


def held_out(
    features: NDArray[np.float64], y: NDArray[np.float64], blocks: NDArray[np.int64], held: Mask
) -> NDArray[np.float64] | None:
    """Predicted labels of the held-out cycles, ``None`` where the rest shows fewer than two classes.

    Args:
        features: shape ``(cycles, features)``.
        y: labels, shape ``(cycles,)``.
        blocks: number of each cycle's run of equal condition.
        held: which cycles are tested; all others are trained on.

    Raises:
        Leak: a run lies on both sides.
    """
    if np.intersect1d(blocks[held], blocks[~held]).size:
        raise Leak("a run of cycles with equal condition lies in training and test")
    classes = np.unique(y[~held])
    if len(classes) < 2:  # noqa: PLR2004 - there is nothing to tell apart
        return None
    found: NDArray[np.float64] = (
        make_classifier(len(classes)).fit(features[~held], y[~held]).predict(features[held])
    )
    return found


def _macro_f1(truth: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    return float(f1_score(truth, found, average="macro"))
