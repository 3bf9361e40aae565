"""Two versions of a model on the same windows: how often they agree, and which is right more often."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import scipy

from tundish_analytics.predictions import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Verdict = Literal["too few", "undecided", "challenger better", "champion better"]
Side = Literal[0, 1]

# Neighbouring cases err together, so that blocks of them are drawn again, not cases.
BLOCK: Final = 20
FEWEST_BLOCKS: Final = 8
_KEPT: Final = 20_000
_RESAMPLES: Final = 1_000
_SEED: Final = 20


@dataclass(frozen=True, slots=True)
class Said:
    """What a version said of a window: a class, or a value with an interval; ``None`` where it abstained."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def agrees(self, other: Said) -> bool:
        """The same class, or values that lie in each other's interval; or both abstain."""
        if self.value is None or other.value is None:
            return self.value is other.value
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return self.value == other.value
        return self.low <= other.value <= self.high and other.low <= self.value <= other.high


@dataclass(slots=True)
class Comparison:
    """One target of two versions, 0 for the champion and 1 for the challenger.

    Both must have been trained before the first window; the caller sees to that.

    Attributes:
        windows, agreed: windows of which both have spoken, and of these where they agree.
    """

    windows: int = 0
    agreed: int = 0
    _said: tuple[dict[int, Said], dict[int, Said]] = field(default_factory=lambda: ({}, {}))
    _right: tuple[dict[int, bool], dict[int, bool]] = field(default_factory=lambda: ({}, {}))
    _pairs: deque[tuple[bool, bool]] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def said(self, side: Side, end: int, stated: Said) -> None:
        """A version spoke of the window that ends at this source time."""
        other = self._said[1 - side].pop(end, None)
        if other is None:
            _keep(self._said[side], end, stated)
            return
        self.windows += 1
        self.agreed += stated.agrees(other)

    def judged(self, side: Side, end: int, *, right: bool) -> None:
        """The truth about a window has come; who abstained was not right."""
        other = self._right[1 - side].pop(end, None)
        if other is None:
            _keep(self._right[side], end, right)
        else:
            self._pairs.append((other, right) if side else (right, other))

    @property
    def verdict(self) -> Verdict:
        """Which is better, as far as 95 % confidence tells."""
        if len(self._pairs) < BLOCK * FEWEST_BLOCKS:
            return "too few"
        low, high = self.gain()[1:]
        return "challenger better" if low > 0 else "champion better" if high < 0 else "undecided"

    def gain(self) -> tuple[float, float, float]:
        """Hit rate of the challenger minus that of the champion, with a 95 % interval.

        Paired bootstrap of blocks of 20 cases in a row (Künsch, Annals of Statistics 17, 1989).
        """
        apart = self._table()[:, 1].astype(float) - self._table()[:, 0]
        whole = len(apart) // BLOCK * BLOCK
        blocks = apart[:whole].reshape(-1, BLOCK).mean(axis=1)
        if not blocks.size:
            return float(apart.mean()) if apart.size else 0.0, -1.0, 1.0
        rows = np.random.default_rng(_SEED).integers(0, blocks.size, (_RESAMPLES, blocks.size))
        low, high = np.quantile(blocks[rows].mean(axis=1), [0.025, 0.975])
        return float(apart.mean()), float(low), float(high)

    def _table(self) -> NDArray[np.bool_]:
        return np.array(self._pairs, dtype=bool).reshape(-1, 2)

    def document(self) -> dict[str, Any]:
        """For a report."""
        said: dict[str, Any] = {"windows": self.windows, "judged": len(self._pairs), "verdict": self.verdict}
        if self.windows:
            shares = scipy.stats.binomtest(self.agreed, self.windows).proportion_ci(0.95, method="wilson")
            said["agreement"] = rounded(self.agreed / self.windows)
            said["agreement_95"] = [rounded(float(shares.low)), rounded(float(shares.high))]
        if self._pairs:
            table = self._table()
            only = [int((table[:, side] & ~table[:, 1 - side]).sum()) for side in (0, 1)]
            gain, low, high = self.gain()
            said |= {
                "champion_hit_rate": rounded(float(table[:, 0].mean())),
                "challenger_hit_rate": rounded(float(table[:, 1].mean())),
                "gain": rounded(gain), "gain_95": [rounded(low), rounded(high)],
                "only_champion_right": only[0], "only_challenger_right": only[1],
                "mcnemar_p": rounded(mcnemar_p(*only)),
            }  # fmt: skip
        return said


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that both are right equally often, of the cases in which only one was right.

    McNemar, Psychometrika 12 (1947), with the binomial law in place of its limit; cases must be independent.
    """
    cases = only_first + only_second
    return float(scipy.stats.binomtest(only_first, cases).pvalue) if cases else 1.0


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict over all targets: better only if better in one and worse in none."""
    found = set(verdicts)
    if {"challenger better", "champion better"} <= found:
        return "undecided"
    for verdict in ("challenger better", "champion better", "undecided"):
        if verdict in found:
            return verdict
    return "too few"


def _keep(waiting: dict[int, Any], end: int, value: object) -> None:
    waiting[end] = value
    if len(waiting) > _KEPT:
        waiting.pop(next(iter(waiting)))
