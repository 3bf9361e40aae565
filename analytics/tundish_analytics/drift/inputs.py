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
        large: whether it is worth a person's time, if it is no chance.
    """

    name: str
    mean: float
    expected: float
    shift: float
    index: float
    missing: float
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
        findings, p = compared(values, self.reference)
        adjusted = holm(p).min(axis=1)
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


def compared(
    values: NDArray[np.float64], reference: Reference
) -> tuple[list[FeatureFinding], NDArray[np.float64]]:
    """Each feature of a batch ``(windows, features)`` against its reference.

    Returns:
        The findings, and p-values ``(features, 3)`` of mean rank, distribution and missing share before
        adjustment.
    """
    columns = [column[np.isfinite(column)] for column in values.T]
    features = reference.features
    findings = [
        _finding(name, there, known, reference, 1 - there.size / len(values))
        for name, there, known in zip(reference.names, columns, features, strict=True)
    ]
    pairs = list(zip(columns, features, strict=True))
    freedom = reference.batches - 1
    p = np.column_stack([
        2 * scipy.stats.t.sf([_rank_t(there, known, reference) for there, known in pairs], freedom),
        scipy.stats.t.sf([_distribution_t(there, known, reference) for there, known in pairs], freedom),
        scipy.stats.binom.sf(
            [len(values) - there.size - 1 for there in columns], len(values),
            [_usual(known.missing, reference) for known in features],
        ),
    ])  # fmt: skip
    for row, (there, known) in enumerate(pairs):
        if known.spread == 0 and there.size:
            other = int((there != known.centre).sum())
            p[row, 0] = scipy.stats.binom.sf(other - 1, there.size, _usual(0.0, reference))
    return findings, p


def _usual(share: float, reference: Reference) -> float:
    """A share at training, as if there had been half a case in one more window: 0 is never known for sure."""
    return (share * reference.windows + 0.5) / (reference.windows + 1)


def _finding(
    name: str, there: NDArray[np.float64], known: FeatureReference, reference: Reference, missing: float
) -> FeatureFinding:
    gone = missing - known.missing >= MISSING
    if not _comparable(there, known):
        return FeatureFinding(name, np.nan, known.centre, 0.0, 0.0, missing, gone)
    mean = float(there.mean())
    shift = (mean - known.centre) / max(known.spread, _TINY)
    index = _index(there, known, reference)
    return FeatureFinding(
        name, mean, known.centre, shift, index, missing, gone or abs(shift) >= SHIFT or index >= INDEX
    )


def _comparable(there: NDArray[np.float64], known: FeatureReference) -> bool:
    return there.size > 0 and known.missing < 1


def _rank_t(there: NDArray[np.float64], known: FeatureReference, reference: Reference) -> float:
    if not _comparable(there, known) or known.spread == 0:
        return 0.0
    # A batch with holes has fewer windows, and its mean rank swings the more.
    swing = known.swing * np.sqrt((reference.batch / there.size) * (1 + 1 / reference.batches))
    return abs(known.rank(there) - _MIDDLE) / max(float(swing), _TINY)


def _distribution_t(there: NDArray[np.float64], known: FeatureReference, reference: Reference) -> float:
    if not _comparable(there, known) or min(known.shares) == 0:
        return -np.inf
    square = chi_square(known.counts(there), np.asarray(known.shares)) / (1 + 1 / reference.batches)
    swing = max(known.apart_swing * np.sqrt(1 + 1 / reference.batches), _TINY)
    return float((np.log(max(square, _TINY)) - known.apart) / swing)


def _index(there: NDArray[np.float64], known: FeatureReference, reference: Reference) -> float:
    """Population stability index beyond what as few windows give by chance."""
    shares = np.asarray(known.shares)
    if shares.min() == 0:
        return 0.0
    observed = np.maximum(known.counts(there) / there.size, 0.5 / there.size)
    chance = (shares.size - 1) * (1 / there.size + 1 / reference.windows) * known.scale
    return float(((observed - shares) * np.log(observed / shares)).sum() - chance)
