"""Inputs against their training reference, a batch of windows at a time.

Three tests a feature: mean rank (Student's t against the training batches' own mean ranks), distribution
(population stability index as a chi-square, its logarithm against those of the training batches) and
missing share (binomial). All p-values of a batch are adjusted together after Holm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import scipy

from tundish_analytics.drift.levels import FALSE_ALARM, Level, holm
from tundish_analytics.drift.reference import chi_square
from tundish_analytics.predictions import rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.drift.reference import FeatureReference, Reference

# What is worth a person's time: half a standard deviation, an index of 0.2 beyond chance (the usual mark of
# a major shift), a fifth more windows without a value.
SHIFT: Final = 0.5
INDEX: Final = 0.2
MISSING: Final = 0.2
_IN_A_ROW: Final = 2
_SHOWN: Final = 8
_MIDDLE: Final = 0.5
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class FeatureFinding:
    """One feature in one batch.

    Attributes:
        shift: of the mean, in standard deviations at training.
        index: population stability index beyond what chance gives for so few windows.
        missing: share of windows without a value.
        p: of mean rank, distribution and missing share, before adjustment; shape ``(3,)``.
        large: whether it is worth a person's time, if it is no chance.
    """

    name: str
    mean: float
    expected: float
    shift: float
    index: float
    missing: float
    p: NDArray[np.float64]
    large: bool

    def document(self, adjusted: float) -> dict[str, Any]:
        """For a report."""
        numbers = {
            "mean": self.mean, "expected": self.expected, "shift": self.shift, "stability_index": self.index,
            "missing": self.missing, "p_adjusted": adjusted,
        }  # fmt: skip
        return {"feature": self.name, **{name: rounded(value) for name, value in numbers.items()}}


@dataclass(slots=True)
class InputWatch:
    """Compares each full batch; windows that do not fill one wait for more.

    ``watch`` is said after a batch in which any feature differs, ``act`` after two in a row in which the same
    feature differs by a large amount.

    Attributes:
        reference: of the model's training.
        level: after the newest batch.
        since: source time of the first batch of the present alarm, in microseconds.
        batches: how many were compared.
        found: features that differed in the newest batch, the surest first.
    """

    reference: Reference
    level: Level = "ok"
    since: int | None = None
    batches: int = 0
    found: list[dict[str, Any]] = field(default_factory=list)
    _rows: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)
    _large: dict[str, int] = field(default_factory=dict)

    def add(self, ts: NDArray[np.int64], values: NDArray[np.float64]) -> list[Level]:
        """Take windows in the order of time; returns the level after each batch that became full.

        Args:
            ts: source time of each window's end in microseconds.
            values: ``(windows, features)`` in the order of the reference.
        """
        self._rows += zip(ts.tolist(), values, strict=True)
        said = []
        while len(self._rows) >= self.reference.batch:
            batch, self._rows = self._rows[: self.reference.batch], self._rows[self.reference.batch :]
            self._judge(batch[0][0], np.vstack([row for _, row in batch]))
            said.append(self.level)
        return said

    def _judge(self, begun: int, values: NDArray[np.float64]) -> None:
        findings = compared(values, self.reference)
        adjusted = holm(np.vstack([finding.p for finding in findings])).min(axis=1)
        order = [row for row in np.argsort(adjusted) if adjusted[row] < FALSE_ALARM]
        self.batches += 1
        self.found = [findings[row].document(float(adjusted[row])) for row in order[:_SHOWN]]
        self._large = {
            findings[row].name: self._large.get(findings[row].name, 0) + 1
            for row in order
            if findings[row].large
        }
        self.since = None if not order else begun if self.since is None else self.since
        lasting = max(self._large.values(), default=0) >= _IN_A_ROW
        self.level = "act" if lasting else "watch" if order else "ok"


def compared(values: NDArray[np.float64], reference: Reference) -> list[FeatureFinding]:
    """Each feature of a batch ``(windows, features)`` against its reference."""
    return [
        _feature(name, column, feature, reference)
        for name, column, feature in zip(reference.names, values.T, reference.features, strict=True)
    ]


def _feature(
    name: str, column: NDArray[np.float64], known: FeatureReference, reference: Reference
) -> FeatureFinding:
    there = column[np.isfinite(column)]
    missing = 1 - there.size / column.size
    # One more window than there were, half of it missing: a share of 0 is never known for sure.
    usual = (known.missing * reference.windows + 0.5) / (reference.windows + 1)
    gone = float(scipy.stats.binom.sf(column.size - there.size - 1, column.size, usual))
    if not there.size or known.missing == 1.0:
        return FeatureFinding(
            name, np.nan, known.centre, 0.0, 0.0, missing, np.array([1.0, 1.0, gone]),
            missing - known.missing >= MISSING,
        )  # fmt: skip
    mean = float(there.mean())
    shift = (mean - known.centre) / max(known.spread, _TINY)
    index, moved = _distribution(there, known, reference)
    large = abs(shift) >= SHIFT or index >= INDEX or missing - known.missing >= MISSING
    p = np.array([_rank_p(there, known, reference), moved, gone])
    return FeatureFinding(name, mean, known.centre, shift, index, missing, p, large)


def _rank_p(there: NDArray[np.float64], known: FeatureReference, reference: Reference) -> float:
    if known.spread == 0:
        other = int((there != known.centre).sum())
        return float(scipy.stats.binom.sf(other - 1, there.size, 0.5 / (reference.windows + 1)))
    # A batch with holes has fewer windows, and its mean rank swings the more.
    swing = known.swing * np.sqrt(reference.batch / there.size) * np.sqrt(1 + 1 / reference.batches)
    t = abs(known.rank(there) - _MIDDLE) / max(float(swing), _TINY)
    return float(2 * scipy.stats.t.sf(t, reference.batches - 1))


def _distribution(
    there: NDArray[np.float64], known: FeatureReference, reference: Reference
) -> tuple[float, float]:
    """Index beyond chance, and the p-value of the difference."""
    shares, bins = np.asarray(known.shares), len(known.shares) - 1
    if min(known.shares) == 0:
        return 0.0, 1.0
    seen = known.counts(there)
    chance = bins * (1 / there.size + 1 / reference.windows)
    observed = np.maximum(seen / there.size, 0.5 / there.size)
    index = float(((observed - shares) * np.log(observed / shares)).sum()) - chance * known.scale
    square = chi_square(seen, shares) / (1 + 1 / reference.batches)
    swing = max(known.apart_swing * np.sqrt(1 + 1 / reference.batches), _TINY)
    t = (np.log(max(square, _TINY)) - known.apart) / swing
    return index, float(scipy.stats.t.sf(t, reference.batches - 1))
