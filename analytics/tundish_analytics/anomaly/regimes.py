"""Operating regimes found in a machine's own signals, so that a change of mode is no anomaly.

Windows fall into k groups (k-means among their leading principal components) where the mean silhouette is
at least 0.7, "strong structure" in Kaufman and Rousseeuw, *Finding Groups in Data* (1990); else there is one
regime. Below that a slow drift, which has no groups, would be cut in two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from tundish_analytics.models.folds import SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Numbers = NDArray[np.int64]

STRONG: Final = 0.7
LEAST: Final = 30
_MOST: Final = 6
_AXES: Final = 3
_SAMPLE: Final = 800
_FLAT: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Regimes:
    """Where the regimes lie, and what each variable does within each.

    Attributes:
        axes: from means of the windows to the plane of the groups, shape ``(means, axes)``.
        offset, scale: of the means before that, shape ``(means,)``.
        centres: of the groups, shape ``(regimes, axes)``.
        mean, spread: of each variable within each regime, shape ``(regimes, variables)``.
    """

    offset: Values
    scale: Values
    axes: Values
    centres: Values
    mean: Values
    spread: Values

    @classmethod
    def fit(cls, rows: Values, means: NDArray[np.bool_]) -> Self:
        """From windows ``(windows, variables)``, NaN allowed.

        Args:
            rows: values of the variables.
            means: which variables are means of signals; only these tell regimes apart.
        """
        levels = rows[:, means]
        offset = np.nanmean(levels, axis=0)
        scale = np.maximum(np.nanstd(levels, axis=0), _FLAT * np.maximum(np.abs(offset), 1.0))
        z = np.nan_to_num((levels - offset) / scale)
        _, _, axes = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
        plane = np.ascontiguousarray(axes[:_AXES].T)
        centres = _groups(z @ plane)
        regime = _nearest(z @ plane, centres)
        overall = np.nanstd(rows, axis=0)
        parts = [rows[regime == number] for number in range(len(centres))]
        mean = np.array([np.nanmean(part, axis=0) for part in parts])
        # A variable that stands still in one regime is measured by a tenth of what it does in all of them.
        spread = np.array([np.maximum(np.nanstd(part, axis=0), 0.1 * overall) for part in parts])
        return cls(offset, scale, plane, centres, mean, np.maximum(spread, _FLAT))

    def __len__(self) -> int:
        return len(self.centres)

    def of(self, levels: Values) -> Numbers:
        """Regime of each row of means ``(rows, means)``; holes count as the overall mean."""
        z = np.nan_to_num((levels - self.offset) / self.scale)
        return _nearest(z @ self.axes, self.centres)

    def standardised(self, rows: Values, regime: Numbers) -> Values:
        """Distance from the regime's mean in its standard deviations; holes stay."""
        z: Values = (rows - self.mean[regime]) / self.spread[regime]
        return z

    def state(self) -> dict[str, Any]:
        """The arrays to store."""
        return {
            "offset": self.offset, "scale": self.scale, "axes": self.axes,
            "centres": self.centres, "mean": self.mean, "spread": self.spread,
        }  # fmt: skip


def _groups(points: Values) -> Values:
    best: Values = points.mean(axis=0, keepdims=True)
    reached = STRONG
    some = points[:: max(len(points) // _SAMPLE, 1)]
    for count in range(2, _MOST + 1):
        if len(np.unique(np.round(some, 3), axis=0)) <= count:
            break
        found = KMeans(count, n_init=3, random_state=SEED).fit(some)
        sizes = np.bincount(_nearest(points, found.cluster_centers_), minlength=count)
        if sizes.min() < LEAST:
            continue
        score = float(silhouette_score(some, found.labels_))
        if score > reached:
            best, reached = found.cluster_centers_, score
    return best


def _nearest(points: Values, centres: Values) -> Numbers:
    distance = ((points[:, None, :] - centres[None]) ** 2).sum(axis=2)
    nearest: Numbers = distance.argmin(axis=1).astype(np.int64)
    return nearest
