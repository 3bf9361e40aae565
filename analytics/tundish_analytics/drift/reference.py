"""What the inputs looked like at training, by batches, so that slow swings within it count as normal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FEWEST_BATCHES: Final = 8
_WANTED_BATCHES: Final = 16
_BATCH: Final = (20, 60)
_PARTS: Final = np.linspace(0.1, 0.9, 9)
# So many windows of a batch are to be expected in each bin, or the chi-square is none.
_EXPECTED: Final = 5.0
_SMALL: Final = 0.01
_TINY: Final = 1e-12
_FARTHEST: Final = 10.0


@dataclass(frozen=True, slots=True)
class FeatureReference:
    """One feature at training.

    Attributes:
        centre, spread, low, high: mean, standard deviation, least and greatest, in the feature's unit.
        swing: standard deviation of the batches' mean ranks, at least that of independent windows; ranks run
            from 0 to 1.
        edges: inner edges of the bins: deciles, without those that leave a bin too few windows; where one
            value outweighs all others, what lies below it, itself, and above.
        shares: of the windows in each bin; one more than edges.
        missing: share of windows without a value.
        scale: how much more batches differ in their shares than independent windows would: the mean of their
            chi-squares by degrees of freedom, at least 1 (a design effect, as that of Rao and Scott, Annals
            of Statistics 12, 1984).
        apart, apart_swing: mean and standard deviation of these chi-squares' logarithms.
    """

    centre: float
    spread: float
    low: float
    high: float
    swing: float
    edges: list[float]
    shares: list[float]
    missing: float
    scale: float
    apart: float
    apart_swing: float

    def counts(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Windows in each bin."""
        return _counts(values, self.edges)

    def rank(self, values: NDArray[np.float64]) -> float:
        """Mean rank of the values, 0.5 at training.

        Within the training's extremes single large values do not sway it; beyond them it goes on by 1 for as
        much as lay between the extremes.
        """
        beyond = np.minimum(values - self.low, 0) + np.maximum(values - self.high, 0)
        outside = np.clip(beyond / max(self.high - self.low, _TINY), -_FARTHEST, _FARTHEST)
        return float((self.counts(values) @ _ranks(self.shares) + outside.sum()) / values.size)


@dataclass(frozen=True, slots=True)
class Reference:
    """All features at training.

    Attributes:
        names: of the features, the signals' paths for instance.
        windows: how many there were.
        batch: so many windows are compared at once.
        batches: how many batches there were.
    """

    names: tuple[str, ...]
    windows: int
    batch: int
    batches: int
    features: tuple[FeatureReference, ...]

    @classmethod
    def learn(cls, values: NDArray[np.float64], names: Sequence[str]) -> Self | None:
        """The reference of a training set; ``None`` if it is too short to tell what is normal.

        Args:
            values: ``(windows, features)`` in the order of time, NaN where missing.
            names: of the features.
        """
        batch = int(np.clip(len(values) // _WANTED_BATCHES, *_BATCH))
        batches = len(values) // batch
        if batches < FEWEST_BATCHES:
            return None
        used = np.asarray(values[: batch * batches], np.float64)
        return cls(
            tuple(names), len(used), batch, batches, tuple(_learn(column, batches) for column in used.T)
        )

    def state(self) -> dict[str, Any]:
        """Plain values, for the registry."""
        return asdict(self) | {
            "names": list(self.names), "features": [asdict(feature) for feature in self.features]
        }  # fmt: skip

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The reference that `state` came from."""
        features = tuple(FeatureReference(**feature) for feature in state["features"])
        return cls(**{**state, "names": tuple(state["names"]), "features": features})


def _learn(column: NDArray[np.float64], batches: int) -> FeatureReference:
    known = column[np.isfinite(column)]
    missing = 1 - known.size / column.size
    if not known.size:
        return FeatureReference(0.0, 0.0, 0.0, 0.0, 0.0, [], [1.0], 1.0, 1.0, 0.0, 0.0)
    edges = _edges(known, _EXPECTED * batches / column.size)
    shares = _counts(known, edges) / known.size
    parts = [part[np.isfinite(part)] for part in np.split(column, batches)]
    counts = [_counts(part, edges) for part in parts if part.size]
    rank = _ranks(shares)
    ranks = np.array([float(found @ rank / found.sum()) for found in counts])
    independent = float(np.sqrt(shares @ (rank - shares @ rank) ** 2 * batches / column.size))
    squares = np.array([chi_square(found, shares) for found in counts])
    # The batches are part of what they are compared with, and so lie too near to it.
    logs = np.log(np.maximum(squares * batches / (batches - 1), _SMALL))
    low, high, centre, spread = (float(n) for n in (known.min(), known.max(), known.mean(), known.std()))
    return FeatureReference(
        centre, spread, low, high, max(_swing(ranks), independent), edges, shares.tolist(), missing,
        max(float(squares.mean()), 1.0), float(logs.mean()), _swing(logs),
    )  # fmt: skip


def _swing(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if values.size > 1 else 0.0


def _edges(known: NDArray[np.float64], least: float) -> list[float]:
    """Deciles between which at least this share of the values lies."""
    kept: list[float] = []
    below = 0.0
    for edge in np.unique(np.quantile(known, _PARTS)).tolist():
        upto = float(np.mean(known <= edge))
        if upto - below >= least and 1 - upto >= least:
            kept.append(edge)
            below = upto
    middle = float(np.median(known))
    return kept or [float(np.nextafter(middle, -np.inf)), middle]


def _counts(values: NDArray[np.float64], edges: Sequence[float]) -> NDArray[np.float64]:
    place = np.searchsorted(edges, values, side="left")
    return np.bincount(place, minlength=len(edges) + 1).astype(np.float64)


def _ranks(shares: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Middle rank of each bin."""
    middle: NDArray[np.float64] = np.cumsum(shares) - np.asarray(shares) / 2
    return middle


def chi_square(counts: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    """Pearson's chi-square of counts against shares, by its degrees of freedom.

    0 with too few windows in a bin, as then it is no chi-square.
    """
    expected = counts.sum() * shares
    if expected.min() < _EXPECTED / 2:
        return 0.0
    return float(((counts - expected) ** 2 / expected).sum()) / max(shares.size - 1, 1)
