"""Sums of money over counties and industries: no small cell, no dominated one, and no sum exact. Pure.

A sum is withheld where fewer than five enterprises lie in it, or where one of them makes nearly all of it.
Every other one is rounded by the keyed coin of `rounding` to a base that no enterprise's own amount exceeds:
so neither a difference of tables nor one of months tells one amount more closely than that. Where the coins
of several tables meet so that a small cell would be known closely, the smallest table cell is withheld.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.disclosure import LEAST_ENTERPRISES
from tundish_platform.programme.published.crossed import ALL
from tundish_platform.programme.published.rounding import could_be, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

DOMINANT: Final = 0.85
"""Share of a sum above which one enterprise is the sum."""

CLOSE: Final = 0.15
"""The p of the p% rule: nobody in the cell may know another's amount more closely than this share of it."""

_STEPS: Final = (1, 2, 5)

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Amounts:
    """One enterprise with its amounts.

    Attributes:
        cell: county and industry.
        of: an amount of each measure, whole and not negative.
    """

    cell: Key
    of: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SumCell:
    """A cell as it may be shown.

    Attributes:
        enterprises: rounded to five; None where the cell is withheld.
        sums: rounded, by measure; without those that are withheld.
    """

    enterprises: int | None
    sums: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SumTables:
    """The whole, counties and industries; ``base`` is what every sum is rounded to."""

    base: int
    cells: Mapping[Key, SumCell]


def sum_tables(members: Sequence[Amounts], measures: Sequence[str], secret: bytes | None) -> SumTables:
    """All sums over counties, over industries, and over all.

    Args:
        members: each enterprise once.
        measures: names of the amounts, in their order.
        secret: of the rounding; without one every cell is withheld.
    """
    keys = {(ALL, ALL)} | {(m.cell[0], ALL) for m in members} | {(ALL, m.cell[1]) for m in members}
    inside = {key: [m for m in members if _holds(key, m.cell)] for key in sorted(keys)}
    base = base_of(max((amount for m in members for amount in m.of), default=0))
    cells = {key: SumCell(None, {}) for key in inside}
    if secret is None:
        return SumTables(base, cells)
    wide = {key: held for key, held in inside.items() if len(held) >= LEAST_ENTERPRISES}
    told = {key: _sums(key, held, measures, secret, base) for key, held in wide.items()}
    for place, name in enumerate(measures):
        _keep_apart(members, place, name, told, base)
    for key, held in wide.items():
        cells[key] = SumCell(rounded(len(held), secret, "enterprises", key), told[key])
    return SumTables(base, cells)


def base_of(largest: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50, … that no amount exceeds."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power >= largest:
                return step * power
        power *= 10


def dominated(amounts: Sequence[int]) -> bool:
    """Whether one amount is nearly the whole sum, or the second could tell the first from it."""
    ranked = sorted(amounts, reverse=True)
    whole = sum(ranked)
    if not whole:
        return False
    second = ranked[1] if len(ranked) > 1 else 0
    return ranked[0] > DOMINANT * whole or whole - ranked[0] - second < CLOSE * ranked[0]


def _holds(key: Key, cell: Key) -> bool:
    return all(wanted in (ALL, has) for wanted, has in zip(key, cell, strict=True))


def _sums(
    key: Key, held: Sequence[Amounts], measures: Sequence[str], secret: bytes, base: int
) -> dict[str, int]:
    told = {}
    for place, name in enumerate(measures):
        amounts = [m.of[place] for m in held]
        if not dominated(amounts):
            told[name] = rounded(sum(amounts), secret, name, key, base)
    return told


def _keep_apart(
    members: Sequence[Amounts], place: int, name: str, told: dict[Key, dict[str, int]], base: int
) -> None:
    """Withhold a measure where the told sums would bound a small or dominated finest cell too closely."""
    fine: dict[Key, list[int]] = {}
    for m in members:
        fine.setdefault(m.cell, []).append(m.of[place])
    sums = {key: sum(m.of[place] for m in members if _holds(key, m.cell)) for key in told}
    sensitive = [
        (cell, sum(amounts))
        for cell, amounts in sorted(fine.items())
        if any(amounts) and (len(amounts) < LEAST_ENTERPRISES or dominated(amounts))
    ]
    for cell, amount in sensitive:
        while room(amount, said := _said(cell, name, told, sums, base)) < 2 * CLOSE * amount:
            del told[min((sums[key], key) for key, _ in said)[1]][name]


def _said(
    cell: Key, name: str, told: Mapping[Key, Mapping[str, int]], sums: Mapping[Key, int], base: int
) -> list[tuple[Key, NDArray[np.int64]]]:
    """The table cells that speak of a finest one, each with how far its true sum could fall and rise."""
    found = []
    for key in ((ALL, ALL), (cell[0], ALL), (ALL, cell[1])):
        if name in told.get(key, {}):
            least, most = could_be(told[key][name], base)
            found.append((key, np.array([sums[key] - least, most - sums[key]], np.int64)))
    return found


def room(amount: int, said: Sequence[tuple[Key, NDArray[np.int64]]]) -> float:
    """By how much a finest cell's sum could differ, everything else as it is: what an attacker can't tell."""
    if not said:
        return float("inf")
    fall, rise = np.min([one for _, one in said], axis=0).tolist()
    return float(min(fall, amount) + rise)
