"""Cells of a comparison: each enterprise lies in one, none has too few, and no two overlap. Pure.

Overlapping cells could be held against each other: quartiles of an industry beside those of its small firms
tell of the few that are not small. So a size stands alone only where the rest of its industry is large
enough, too, or empty; the rest of an industry only where it is large enough; and what is left over is one
cell or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAST_OTHERS: Final = 5
"""Other enterprises in a cell at least; who asks lies in it, too."""

LEAST: Final = LEAST_OTHERS + 1
ALL: Final = "*"
_BOUNDS: Final = (100, 50, 20, 10, LEAST)
_DIGITS: Final = 2

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Quartiles:
    """What is told of a cell; each figure is a mean of three enterprises', rounded to two digits."""

    q1: float
    median: float
    q3: float
    at_least: int


def partition(members: Sequence[tuple[str, str, float]]) -> dict[Key, list[float]]:
    """Values by cell ``(industry, size)``; who lies in no cell is left out.

    Args:
        members: industry, size and value of each enterprise.
    """
    by_industry: dict[str, dict[str, list[float]]] = {}
    for industry, size, value in members:
        by_industry.setdefault(industry, {}).setdefault(size, []).append(value)
    cells: dict[Key, list[float]] = {}
    over: list[float] = []
    for industry, sizes in sorted(by_industry.items()):
        alone, rest = _alone(sizes)
        cells |= {(industry, size): sizes[size] for size in alone}
        merged = [value for size in rest for value in sizes[size]]
        if len(merged) >= LEAST:
            cells[industry, ALL] = merged
        else:
            over += merged
    if len(over) >= LEAST:
        cells[ALL, ALL] = over
    return cells


def quartiles(values: Sequence[float]) -> Quartiles | None:
    """Quartiles of a cell, none of them any single enterprise's value; None below `LEAST`."""
    ranked = sorted(values)
    if len(ranked) < LEAST:
        return None
    at_least = next(bound for bound in _BOUNDS if len(ranked) >= bound)
    q1, median, q3 = (_around(ranked, share) for share in (0.25, 0.5, 0.75))
    return Quartiles(q1, median, q3, at_least)


def _alone(sizes: Mapping[str, list[float]]) -> tuple[set[str], set[str]]:
    """Sizes that stand alone, and the rest, which has enough members or none."""
    alone = {size for size, values in sizes.items() if size and len(values) >= LEAST}
    rest = set(sizes) - alone
    smallest_first = sorted(alone, key=lambda size: (len(sizes[size]), size))
    while rest and smallest_first and sum(len(sizes[size]) for size in rest) < LEAST:
        taken = smallest_first.pop(0)
        alone.discard(taken)
        rest.add(taken)
    return alone, rest


def _around(ranked: Sequence[float], share: float) -> float:
    place = min(max(round(share * (len(ranked) - 1)), 1), len(ranked) - 2)
    return _rounded(sum(ranked[place - 1 : place + 2]) / 3)


def _rounded(value: float) -> float:
    return round(value, _DIGITS - 1 - floor(log10(abs(value)))) if value else 0.0
