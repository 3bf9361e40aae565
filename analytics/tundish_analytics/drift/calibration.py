"""Whether stated probabilities still come true: expected hits against observed ones."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import scipy

from tundish_analytics.drift.levels import FALSE_ALARM
from tundish_analytics.models.calibration import calibration_error
from tundish_analytics.predictions import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_analytics.drift.levels import Level

BATCH: Final = 50
# So far may the mean probability lie from the share of hits without anyone being called; the models here
# reach 0.04 to 0.05 on held-out data.
TOLERANCE: Final = 0.05
_KEPT: Final = 500
_IN_A_ROW: Final = 2


@dataclass(slots=True)
class CalibrationWatch:
    """One target's probabilities, over the last 500 judged cases, tested once per 50 new ones.

    Attributes:
        level: ``watch`` where the gap is larger than the tolerance beyond chance, ``act`` where it was so
            twice in a row with cases of their own (fresh batches of 50).
        since: source time of the first case of the first batch that alarmed, in microseconds.
    """

    level: Level = "ok"
    since: int | None = None
    _new: list[tuple[int, float, bool]] = field(default_factory=list)
    _kept: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _alarms: int = 0

    def add(self, cases: Sequence[tuple[int, float, bool]]) -> list[Level]:
        """Take judged cases in the order of time: source time in microseconds, probability, was it right."""
        self._new += cases
        said = []
        while len(self._new) >= BATCH:
            batch, self._new = self._new[:BATCH], self._new[BATCH:]
            self._judge(batch)
            said.append(self.level)
        return said

    def _judge(self, batch: list[tuple[int, float, bool]]) -> None:
        self._kept.extend((probability, right) for _, probability, right in batch)
        stated = float(np.mean([probability for _, probability, _ in batch]))
        hits = sum(right for *_, right in batch)
        alarm = gap_p(stated, hits, len(batch)) < FALSE_ALARM
        self._alarms = self._alarms + 1 if alarm else 0
        self.since = None if not alarm else batch[0][0] if self.since is None else self.since
        self.level = "act" if self._alarms >= _IN_A_ROW else "watch" if alarm else "ok"

    def document(self) -> dict[str, Any]:
        """For a report: Brier score, calibration error, expected and observed share with a 95 % interval."""
        if not self._kept:
            return {"level": self.level, "judged": 0}
        stated, right = (np.array(part) for part in zip(*self._kept, strict=True))
        hits = int(right.sum())
        interval = scipy.stats.binomtest(hits, len(right)).proportion_ci(0.95, method="exact")
        numbers = {
            "brier": float(np.mean((stated - right) ** 2)),
            "calibration_error": calibration_error(stated, right),
            "expected": float(stated.mean()), "observed": hits / len(right),
            "observed_low": float(interval.low), "observed_high": float(interval.high),
        }  # fmt: skip
        shown = {name: rounded(value) for name, value in numbers.items()}
        return {"level": self.level, "judged": len(right), **shown}


def gap_p(stated: float, hits: int, cases: int) -> float:
    """p-value of the hypothesis that the true share of hits lies within the tolerance of the stated one.

    Exact binomial, both sides; hits of different probability vary less than equal ones, so it is cautious.
    """
    few = scipy.stats.binom.cdf(hits, cases, max(stated - TOLERANCE, 0.0))
    many = scipy.stats.binom.sf(hits - 1, cases, min(stated + TOLERANCE, 1.0))
    return float(min(2 * min(few, many), 1.0))
