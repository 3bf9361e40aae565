"""The Pareto of counted things: which few kinds make up most of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Counted:
    """One kind; ``share`` is of all, ``cumulative`` with all more frequent ones."""

    name: str
    count: int
    share: float
    cumulative: float


def defect_pareto(names: Iterable[str]) -> list[Counted]:
    """How often each name occurs, the most frequent first; equal ones by name."""
    counts = Counter(names)
    whole = counts.total()
    rows, reached = [], 0
    for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        reached += count
        rows.append(Counted(name, count, count / whole, reached / whole))
    return rows
