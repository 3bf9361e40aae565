"""Cloned streams: two enterprises that send the same measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.ghosts.look import Ghost, Suspicion
from tundish_platform.programme.ghosts.shapes import fingerprints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.programme.ghosts.look import Look

_LEAST_MARKS: Final = 50
_SHARED: Final = 0.3
# Enough to know a stretch of some hundred samples again, and a bound on what a city costs.
_MOST_MARKS: Final = 2000


_COMMON: Final = 20
_EVERYTHING: Final = np.uint64(2**64 - 1)


@dataclass(frozen=True, slots=True)
class _Sketch:
    """Fingerprints of one enterprise.

    Attributes:
        marks: the smallest hashes, rising.
        reach: every hash up to here is among them.
        connected: when the enterprise's first sample arrived, seconds since 1970.
    """

    marks: NDArray[np.uint64]
    reach: np.uint64
    connected: float

    def up_to(self, reach: np.uint64) -> int:
        return int(np.searchsorted(self.marks, reach, side="right"))


class Marks:
    """Fingerprints of many enterprises.

    Of each enterprise those with the smallest hashes are kept (bottom-k sketch, Cohen 1997), so that the same
    stretches are kept in every enterprise that has them. Hashes tell nothing of values.
    """

    def __init__(self) -> None:
        self._of: dict[int, _Sketch] = {}

    def add(self, enterprise: int, look: Look, connected: float) -> None:
        """Take in what one enterprise sent; what it sent before under the same number is replaced.

        Args:
            enterprise: its number.
            look: its streams.
            connected: when its first sample arrived, seconds since 1970: of two that send the same, the later
                one is the copy.
        """
        found = [marks[telling] for marks, telling in (fingerprints(s.values) for s in look.streams)]
        marks = np.unique(np.concatenate([np.empty(0, np.uint64), *found]))
        reach = marks[_MOST_MARKS] - np.uint64(1) if len(marks) > _MOST_MARKS else _EVERYTHING
        self._of[enterprise] = _Sketch(marks[:_MOST_MARKS], reach, connected)

    def suspicions(self) -> dict[int, Suspicion]:
        """Enterprises that send what another one sent before them, with the share of their stretches."""
        known = {number: sketch for number, sketch in self._of.items() if len(sketch.marks) >= _LEAST_MARKS}
        found = {}
        for number, others in _shared(known).items():
            mine = known[number]
            elders = {o: n for o, n in others.items() if (known[o].connected, o) < (mine.connected, number)}
            shares = {o: n / max(1, mine.up_to(min(mine.reach, known[o].reach))) for o, n in elders.items()}
            share = max(shares.values(), default=0.0)
            if share >= _SHARED:
                figures = {"shared": round(share, 4), "enterprises": float(len(others))}
                found[number] = Suspicion(Ghost.CLONED, min(1.0, 0.5 + share / 2), (), figures)
        return found


def _shared(known: dict[int, _Sketch]) -> dict[int, dict[int, int]]:
    """Number of marks that pairs of enterprises share, both ways.

    Where many enterprises have a mark, each is paired with some others only: a copy among hundreds is found
    by any of them.
    """
    pairs: dict[int, dict[int, int]] = {number: {} for number in known}
    if not known:
        return pairs
    marks = np.concatenate([sketch.marks for sketch in known.values()])
    elder_first = sorted(known, key=lambda number: known[number].connected)
    rank = {number: place for place, number in enumerate(elder_first)}
    owners = np.repeat([rank[number] for number in known], [len(s.marks) for s in known.values()])
    order = np.lexsort((owners, marks))
    marks, owners = marks[order], owners[order]
    starts = np.flatnonzero(np.r_[True, marks[1:] != marks[:-1]])
    ends = np.r_[starts[1:], len(marks)]
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        group = [elder_first[place] for place in owners[start:end]]
        for place, one in enumerate(group):
            for other in group[:place][:_COMMON]:
                pairs[one][other] = pairs[one].get(other, 0) + 1
                pairs[other][one] = pairs[other].get(one, 0) + 1
    return pairs
