"""Errors against those expected from training: a CUSUM over batches of judged cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_analytics.predictions import rounded
from tundish_analytics.spc.memory import Cusum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_analytics.drift.levels import Level

BATCH: Final = 50
# In standard deviations of a batch. One-sided sums with these limits signal after 335 and 6,966 batches on
# average while the hit rate is as expected (`spc.runlength`; the test computes them).
SLACK: Final = 0.5
WATCH: Final = 4.0
ACT: Final = 7.0
_SUREST: Final = 0.99
_LEAST: Final = 0.02


@dataclass(slots=True)
class HitWatch:
    """One target's hit rate.

    Batch shares are put on the arcsine scale, where their variance does not depend on the share, and divided
    by the design effect (1 + r) / (1 - r) of cases that follow each other with correlation r.

    Attributes:
        expected: hit rate of held-out cases at training; 1 is not believed, 0.99 is.
        level: after the newest batch.
        judged, hits: cases so far.
        since: source time at which the present alarm's sum left 0, in microseconds.
    """

    expected: float
    level: Level = "ok"
    judged: int = 0
    hits: int = 0
    since: int | None = None
    sum: float = 0.0
    _cases: list[tuple[int, bool]] = field(default_factory=list)
    _cusum: Cusum = field(default_factory=lambda: Cusum(0.0, SLACK))
    _pairs: list[tuple[bool, bool]] = field(default_factory=list)

    def add(self, cases: Sequence[tuple[int, bool]]) -> list[Level]:
        """Take judged cases in the order of time: source time in microseconds, and whether it was right."""
        self._cases += cases
        said = []
        while len(self._cases) >= BATCH:
            batch, self._cases = self._cases[:BATCH], self._cases[BATCH:]
            self._judge(batch)
            said.append(self.level)
        return said

    def _judge(self, batch: list[tuple[int, bool]]) -> None:
        right = np.array([hit for _, hit in batch])
        self.judged += len(batch)
        self.hits += int(right.sum())
        self._pairs = [*self._pairs, *zip(right[:-1].tolist(), right[1:].tolist(), strict=True)][-500:]
        expected = min(self.expected, _SUREST)
        # More errors count upwards.
        apart = np.arcsin(np.sqrt(expected)) - np.arcsin(np.sqrt(right.mean()))
        score = 2 * np.sqrt(len(batch) / self._design()) * apart
        self.sum = float(self._cusum.update(np.array([score])).up[0])
        self.since = None if self.sum == 0 else batch[0][0] if self.since is None else self.since
        self.level = "act" if self.sum > ACT else "watch" if self.sum > WATCH else "ok"

    def _design(self) -> float:
        """How many times more the share of a batch varies because errors come in runs; at least 1."""
        before, after = np.array(self._pairs).T
        wrong = np.mean(~before)
        if not _LEAST <= wrong <= 1 - _LEAST or before.all() or after.all():
            return 1.0
        follow = float(np.mean((~before) & (~after)) - np.mean(~before) * np.mean(~after))
        r = np.clip(follow / (wrong * (1 - wrong)), 0.0, 0.9)
        return float((1 + r) / (1 - r))

    def document(self) -> dict[str, Any]:
        """For a report."""
        rate = self.hits / self.judged if self.judged else None
        return {
            "level": self.level, "expected": rounded(self.expected), "judged": self.judged,
            "hit_rate": None if rate is None else rounded(rate), "cusum": rounded(self.sum),
        }  # fmt: skip
