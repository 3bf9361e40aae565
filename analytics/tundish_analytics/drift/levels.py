"""How far a model has gone from where it was trained, in three words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Level = Literal["ok", "watch", "act"]

# Chance that a batch alarms though nothing has changed, over all features and tests together.
FALSE_ALARM: Final = 0.01
_RISING: Final[tuple[Level, ...]] = ("ok", "watch", "act")


def worst(levels: Iterable[Level]) -> Level:
    """The highest of the levels; ``ok`` of none."""
    return max(levels, key=_RISING.index, default="ok")


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """p-values adjusted for their number (Holm, Scandinavian Journal of Statistics 6, 1979); same shape.

    The chance that any true null hypothesis has an adjusted value below α is at most α, however the tests
    depend on each other.
    """
    flat = p.ravel()
    order = np.argsort(flat)
    raised = np.maximum.accumulate(flat[order] * np.arange(flat.size, 0, -1))
    adjusted = np.empty_like(flat)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted.reshape(p.shape)
