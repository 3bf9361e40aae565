"""What the inputs looked like at training, by batches, so that slow swings within it count as normal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FEWEST_BATCHES: Final = 8
_WANTED_BATCHES: Final = 12
_BATCH: Final = (20, 60)
_PARTS: Final = np.linspace(0.1, 0.9, 9)
# So many windows of a batch are to be expected in each bin, or the chi-square is none.
_EXPECTED: Final = 5.0
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class FeatureReference:
    """One feature at training.

    Attributes:
        centre, spread: mean and standard deviation over windows, in the feature's unit.
        swing: standard deviation of the batches' mean ranks; ranks run from 0 to 1.
        edges: inner edges of the bins: deciles, without those that leave a bin too few windows.
        shares: of the windows in each bin; one more than edges.
        missing: share of windows without a value.
        scale: how much more batches differ in their shares than independent windows would (a mean design
            effect after Rao and Scott, Annals of Statistics 12, 1984).
        freedom: degrees of freedom of that difference, after Satterthwaite.
    """

    centre: float
    spread: float
    swing: float
    edges: list[float]
    shares: list[float]
    missing: float
    scale: float
    freedom: float

    def counts(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Windows in each bin."""
        return _counts(values, self.edges)

    def rank(self, values: NDArray[np.float64]) -> float:
        """Mean rank of the values, 0.5 at training; single extreme values do not sway it."""
        return float(self.counts(values) @ _ranks(self.shares) / values.size)


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
        columns = np.asarray(values, np.float64).T
        features = tuple(_learn(column, batch, batches) for column in columns)
        return cls(tuple(names), len(values), batch, batches, features)

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


def _learn(column: NDArray[np.float64], batch: int, batches: int) -> FeatureReference:
    known = column[np.isfinite(column)]
    missing = 1 - known.size / column.size
    if not known.size:
        return FeatureReference(0.0, 0.0, 0.0, [], [1.0], 1.0, 1.0, 1.0)
    edges = _edges(known, _EXPECTED / batch)
    shares = _counts(known, edges) / known.size
    parts = [part[np.isfinite(part)] for part in np.split(column[: batch * batches], batches)]
    counts = [_counts(part, edges) for part in parts if part.size]
    scale, freedom = _between(counts, shares)
    ranks = [float(found @ _ranks(shares) / found.sum()) for found in counts]
    swing = float(np.std(ranks, ddof=1)) if len(ranks) > 1 else 0.0
    centre, spread = float(known.mean()), float(known.std())
    return FeatureReference(centre, spread, swing, edges, shares.tolist(), missing, scale, freedom)


def _edges(known: NDArray[np.float64], least: float) -> list[float]:
    """Deciles between which at least this share of the values lies."""
    kept: list[float] = []
    below = 0.0
    for edge in np.unique(np.quantile(known, _PARTS)).tolist():
        upto = float(np.mean(known <= edge))
        if upto - below >= least and 1 - upto >= least:
            kept.append(edge)
            below = upto
    return kept


def _counts(values: NDArray[np.float64], edges: Sequence[float]) -> NDArray[np.float64]:
    place = np.searchsorted(edges, values, side="left")
    return np.bincount(place, minlength=len(edges) + 1).astype(np.float64)


def _ranks(shares: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Middle rank of each bin."""
    middle: NDArray[np.float64] = np.cumsum(shares) - np.asarray(shares) / 2
    return middle


def _between(counts: list[NDArray[np.float64]], shares: NDArray[np.float64]) -> tuple[float, float]:
    """Mean of the batches' chi-square by its degrees of freedom, and the degrees that fit its variance."""
    bins = shares.size - 1
    if bins == 0 or len(counts) < 2:  # noqa: PLR2004 - nothing to compare
        return 1.0, 1.0
    found = [float(((n - n.sum() * shares) ** 2 / (n.sum() * shares)).sum()) / bins for n in counts]
    mean = max(float(np.mean(found)) * len(found) / (len(found) - 1), 1.0)
    freedom = 2 * mean**2 / max(float(np.var(found, ddof=1)), _TINY)
    return mean, float(np.clip(freedom, 1.0, bins))
