"""Run rules of control charts, exactly as stated by Nelson (1984) and Western Electric (1956).

Every function takes points of shape ``(n,)`` and returns the indices of the **last** point of each pattern it
finds. "Beyond" is strict. A missing point (NaN) restarts every rule. Standardised points are
``z = (statistic − centre) / sigma``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Points = NDArray[np.float64]


def beyond(z: Points, sigmas: float = 3.0) -> list[int]:
    """Points beyond so many sigmas (N1, W1)."""
    return np.flatnonzero(np.abs(z) > sigmas).tolist()


def one_side(z: Points, length: int = 9) -> list[int]:
    """So many points in a row on one side (N2 with 9, W4 with 8); one on the centre breaks it."""
    return _runs(np.sign(z), length)


def trend(z: Points, length: int = 6) -> list[int]:
    """So many points in a row steadily rising or falling (N3): six points are five strict steps."""
    return _runs(np.sign(np.diff(z, prepend=np.nan)), length - 1)


def zone(z: Points, count: int, window: int, sigmas: float) -> list[int]:
    """``count`` of ``window`` points in a row beyond so many sigmas on one side (N5: 2, 3, 2; N6: 4, 5, 1).

    The flagged point itself is one of those beyond.
    """
    flagged: set[int] = set()
    for side in (1.0, -1.0):
        outside = side * z > sigmas
        for last in np.flatnonzero(outside).tolist():
            first = max(0, last - window + 1)
            missing = np.flatnonzero(np.isnan(z[first : last + 1]))
            start = first + int(missing[-1]) + 1 if missing.size else first
            if np.count_nonzero(outside[start : last + 1]) >= count:
                flagged.add(last)
    return sorted(flagged)


def _runs(signs: Points, length: int) -> list[int]:
    found, run, previous = [], 0, 0.0
    for index, sign in enumerate(signs.tolist()):
        same = sign == previous and sign != 0
        run = run + 1 if same else int(sign in (1.0, -1.0))
        previous = sign
        if run >= length:
            found.append(index)
    return found


@dataclass(frozen=True, slots=True)
class RunRule:
    """One rule with its settings and its words."""

    key: str
    text_zh: str
    text_en: str
    find: Callable[[Points], list[int]]


DEFAULT_RULES: Final = (
    RunRule("N1", "1点超出3σ", "1 point beyond 3 sigma", beyond),
    RunRule("N2", "连续9点在中心线同一侧", "9 points in a row on one side of the centre", one_side),
    RunRule("N3", "连续6点递增或递减", "6 points in a row steadily rising or falling", trend),
    RunRule(
        "N5",
        "连续3点中有2点在同侧超出2σ",
        "2 of 3 points in a row beyond 2 sigma on one side",
        lambda z: zone(z, 2, 3, 2.0),
    ),
)
