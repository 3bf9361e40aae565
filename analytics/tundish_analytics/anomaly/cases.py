"""Similar past cases: windows that lay nearest in the model's own space, when, and what they were called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

MOST: Final = 2_000
_FEW: Final = 3


@dataclass(frozen=True, slots=True)
class Case:
    """A past window.

    Attributes:
        at: its end, source time.
        label: what it was called: an inspection's words, or ``""`` where nobody called it anything.
        distance: in standard deviations per axis of the model's space.
    """

    at: datetime
    label: str
    distance: float


class Cases:
    """A library of windows; when it is full, every other unlabelled window is forgotten.

    Args:
        places: in the model's space, shape ``(windows, axes)``.
        at_us: ends of the windows, µs since 1970.
        labels: one for each.
    """

    def __init__(self, places: Values, at_us: NDArray[np.int64], labels: Sequence[str]) -> None:
        self._places, self._at_us, self._labels = places, at_us, list(labels)
        self._thin()

    def __len__(self) -> int:
        return len(self._at_us)

    def add(self, place: Values, at_us: int, label: str) -> None:
        """Remember one more window."""
        self._places = np.vstack([self._places, place])
        self._at_us = np.append(self._at_us, at_us)
        self._labels.append(label)
        self._thin()

    def nearest(
        self, place: Values, count: int = _FEW, apart_us: int = 0
    ) -> tuple[tuple[int, str, float], ...]:
        """The nearest windows: end in µs, label, distance; nearest first.

        Args:
            place: shape ``(axes,)``.
            count: how many at most.
            apart_us: windows nearer to each other in time than this count as one case.
        """
        distance = np.sqrt(np.mean((self._places - place) ** 2, axis=1))
        found: list[tuple[int, str, float]] = []
        for row in np.argsort(distance, kind="stable").tolist():
            at = int(self._at_us[row])
            if all(abs(at - other) >= apart_us for other, _, _ in found):
                found.append((at, self._labels[row], float(distance[row])))
            if len(found) == count:
                break
        return tuple(found)

    def _thin(self) -> None:
        while len(self) > MOST:
            named = np.array([bool(label) for label in self._labels])
            keep = named | (np.cumsum(~named) % 2 == 1)
            if keep.all():
                # All labelled: the oldest go.
                keep = np.arange(len(self)) >= len(self) - MOST
            self._places, self._at_us = self._places[keep], self._at_us[keep]
            self._labels = [label for label, kept in zip(self._labels, keep, strict=True) if kept]

    def state(self) -> dict[str, Any]:
        """What to store."""
        return {"places": self._places, "at_us": self._at_us, "labels": self._labels}
