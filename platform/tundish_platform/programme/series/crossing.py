"""Cells over county and industry that may be shown beside the totals of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tundish_platform.programme.disclosure import LEAST_ENTERPRISES, hidden_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PAIR: Final = 2
Crossed = tuple[str, str]


def hidden_crossed(sizes: Mapping[Crossed, int]) -> set[Crossed]:
    """Cells to withhold, so that no county's or industry's total gives a small one away.

    Whoever is withheld as a county or an industry is so in all of its cells. In every other county and
    industry that has a withheld cell there are two at least, of five enterprises together at least, as far
    as there are others to withhold.

    Args:
        sizes: enterprises by county and industry.
    """
    held = {cell: size for cell, size in sizes.items() if size}
    lines = [_line(held, side, key) for side in (0, 1) for key in sorted({cell[side] for cell in held})]
    shut = [hidden_cells(_totals(held, side)) for side in (0, 1)]
    hidden = {
        cell for cell, size in held.items()
        if size < LEAST_ENTERPRISES or cell[0] in shut[0] or cell[1] in shut[1]
    }  # fmt: skip
    while more := [cell for line in lines for cell in _another(line, held, hidden)]:
        hidden.update(more)
    return hidden


def _another(line: Iterable[Crossed], held: Mapping[Crossed, int], hidden: set[Crossed]) -> list[Crossed]:
    """The smallest cell that has yet to be withheld in a line; none where enough are."""
    inside = [cell for cell in line if cell in hidden]
    enough = len(inside) >= _PAIR and sum(held[cell] for cell in inside) >= LEAST_ENTERPRISES
    if not inside or enough:
        return []
    return sorted((cell for cell in line if cell not in hidden), key=lambda cell: (held[cell], cell))[:1]


def _line(held: Iterable[Crossed], side: int, key: str) -> list[Crossed]:
    return [cell for cell in held if cell[side] == key]


def _totals(held: Mapping[Crossed, int], side: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for cell, size in held.items():
        found[cell[side]] = found.get(cell[side], 0) + size
    return found
