"""Evidence of a cycle: signals far from the healthy state, weighted by what they can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from tundish_analytics.predictions import Evidence, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_analytics.condition.cycles import Feature
    from tundish_platform.samples import SignalSpec

_FARTHEST: Final = 10.0
_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class HealthyReference:
    """What the features look like while one component is healthy.

    Attributes:
        mean: mean over the healthy training cycles, in the signals' units; shape ``(features,)``.
        spread: standard deviation within the classes, same units and shape.
        weight: share of each feature's variance that the classes explain (eta squared), 0 to 1.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def learn(cls, features: NDArray[np.float64], y: NDArray[np.float64], healthy: float) -> Self:
        """From training features ``(cycles, features)`` and the component's labels ``(cycles,)``."""
        total = np.nanvar(features, axis=0)
        within = np.zeros_like(total)
        for label in np.unique(y):
            rows = features[y == label]
            within += np.nan_to_num(np.nanvar(rows, axis=0)) * len(rows) / len(features)
        weight = np.clip(1 - within / np.maximum(total, _TINY), 0, 1)
        mean = np.nanmean(features[y == healthy], axis=0)
        return cls(mean, np.sqrt(within), np.nan_to_num(weight))

    def state(self) -> dict[str, Any]:
        """The arrays to store."""
        return {"mean": self.mean, "spread": self.spread, "weight": self.weight}

    def contributions(self, row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance from healthy in within-class standard deviations, times weight; NaN counts as none."""
        distance = np.abs(row - self.mean) / np.maximum(self.spread, _TINY)
        return np.nan_to_num(np.minimum(distance, _FARTHEST) * self.weight)

    def evidence(
        self,
        row: NDArray[np.float64],
        features: Sequence[Feature],
        signals: Sequence[SignalSpec],
        count: int = 5,
    ) -> tuple[Evidence, ...]:
        """The signals that contribute most, each with its most telling feature.

        Args:
            row: features of one cycle, in the signals' units.
            features: what the columns mean.
            signals: the signals that `Feature.column` counts.
            count: how many signals at most.
        """
        strength = self.contributions(row)
        columns = np.array([feature.column for feature in features])
        best = [int(np.argmax(np.where(columns == c, strength, -1))) for c in range(len(signals))]
        total = max(float(strength[best].sum()), _TINY)
        ranked = sorted((f for f in best if np.isfinite(row[f])), key=lambda f: -strength[f])[:count]
        return tuple(self._item(f, row, features[f], signals, strength[f] / total) for f in ranked)

    def _item(
        self,
        number: int,
        row: NDArray[np.float64],
        feature: Feature,
        signals: Sequence[SignalSpec],
        share: float,
    ) -> Evidence:
        signal = signals[feature.column]
        return Evidence(
            signal=signal.path,
            name_zh=f"{signal.name_zh}({feature.zh})",
            name_en=f"{signal.name_en} ({feature.en})",
            value=float(row[number]),
            expected=float(self.mean[number]),
            unit=signal.unit,
            contribution=rounded(float(share)) or 0.0,
        )
