"""Run rules of control charts, exactly as stated by Nelson (1984) and Western Electric (1956), whole or live.

Points are standardised, ``z = (statistic − centre) / sigma``, shape ``(n,)``; a missing point (NaN) restarts
every rule, and so does a new set of limits: give each set its own call.

Sources: Nelson, "The Shewhart control chart - tests for special causes", Journal of Quality Technology 16
(1984); Western Electric, Statistical Quality Control Handbook (1956); GB/T 17989.2 lists the same eight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.spc import patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    Mask = NDArray[np.bool_]

# Blocks whose temporaries stay in a core's cache; ten million points at once would wait for memory instead.
_BLOCK: Final = 1 << 15


@dataclass(frozen=True, slots=True)
class RunRule:
    """One rule with its settings and its words.

    Attributes:
        reach: how many points the pattern spans at most, its last one included.
        mask: where its patterns end.
    """

    key: str
    text_zh: str
    text_en: str
    reach: int
    mask: Callable[[Points], Mask]

    def find(self, z: Points) -> list[int]:
        """Indices of the last point of each pattern."""
        found: list[int] = signals(z, (self,))[self.key].tolist()
        return found


class LiveRules:
    """Rules over a stream: the same signals as over the whole, however the stream is cut."""

    def __init__(self, rules: Sequence[RunRule]) -> None:
        self._rules = tuple(rules)
        self._keep = max((rule.reach for rule in rules), default=1) - 1
        self._tail = np.empty(0)
        self._seen = 0

    def update(self, z: Points) -> dict[str, NDArray[np.int64]]:
        """Indices, counted from the stream's first point, of patterns that end in ``z``; per rule's key."""
        joined = np.concatenate([self._tail, z])
        kept = self._tail.size
        found = {
            rule.key: np.flatnonzero(rule.mask(joined)[kept:]).astype(np.int64) + self._seen
            for rule in self._rules
        }
        self._tail = joined[max(0, joined.size - self._keep) :]
        self._seen += z.size
        return found


def signals(z: Points, rules: Sequence[RunRule]) -> dict[str, NDArray[np.int64]]:
    """Indices of the last point of each pattern, rising, per rule's key."""
    live = LiveRules(rules)
    parts = [live.update(z[first : first + _BLOCK]) for first in range(0, max(z.size, 1), _BLOCK)]
    return {rule.key: np.concatenate([part[rule.key] for part in parts]) for rule in rules}


def _zone(key: str, count: int, window: int, sigmas: float) -> RunRule:
    return RunRule(
        key,
        f"连续{window}点中有{count}点在同侧超出{sigmas:g}σ",
        f"{count} of {window} points in a row beyond {sigmas:g} sigma on one side",
        window,
        lambda z: patterns.zone(z, count, window, sigmas),
    )


def _one_side(key: str, length: int) -> RunRule:
    return RunRule(
        key,
        f"连续{length}点在中心线同一侧",
        f"{length} points in a row on one side of the centre",
        length,
        lambda z: patterns.one_side(z, length),
    )


def _beyond(key: str) -> RunRule:
    return RunRule(key, "1点超出3σ", "1 point beyond 3 sigma", 1, patterns.beyond)


NELSON: Final = (
    _beyond("N1"),
    _one_side("N2", 9),
    RunRule("N3", "连续6点递增或递减", "6 points in a row steadily rising or falling", 6, patterns.trend),
    RunRule(
        "N4", "连续14点上下交替", "14 points in a row going up and down in turn", 14, patterns.alternating
    ),
    _zone("N5", 2, 3, 2.0),
    _zone("N6", 4, 5, 1.0),
    RunRule("N7", "连续15点在1σ以内", "15 points in a row within 1 sigma", 15, patterns.within),
    RunRule(
        "N8",
        "连续8点在两侧且都超出1σ",
        "8 points in a row on both sides, all beyond 1 sigma",
        8,
        patterns.both_sides,
    ),
)
WESTERN_ELECTRIC: Final = (
    _beyond("W1"),
    _zone("W2", 2, 3, 2.0),
    _zone("W3", 4, 5, 1.0),
    _one_side("W4", 8),
)
DEFAULT_RULES: Final = (NELSON[0], NELSON[1], NELSON[2], NELSON[4])
# Ranges, deviations and counts are not symmetric about their centre; zones mean nothing on them.
SPREAD_RULES: Final = NELSON[:3]
