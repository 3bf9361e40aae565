"""Tables over county, industry and whatever else: no cell below five enterprises, no count of one exact.

Counts are rounded (`rounding`), cells of fewer than five enterprises are withheld, and what an attacker could
still work out from all tables together (`attack`) is withheld until nothing can be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.disclosure import LEAST_ENTERPRISES
from tundish_platform.programme.published.attack import Attacker, Said, Undecided, doubtful
from tundish_platform.programme.published.rounding import could_be, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

# Tables over more dimensions have cells too small to be shown.
_MOST_CROSSED: Final = 2
ALL: Final = ""


@dataclass(frozen=True, slots=True)
class SafeCell:
    """A cell as it may be published.

    Attributes:
        cell: value by dimension, `ALL` where the table does not ask for it.
        enterprises: rounded; None where the cell is withheld.
        counts: rounded, by measure; without those that are withheld.
    """

    cell: tuple[str, ...]
    enterprises: int | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Population:
    """Who is counted, in the finest cells.

    Attributes:
        cells: the finest ones, by value of each dimension.
        sizes: enterprises of each, shape ``(c,)``.
        counts: by measure, the nested ones in their order, shape ``(measures, c)``.
    """

    cells: tuple[tuple[str, ...], ...]
    sizes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[tuple[tuple[str, ...], int]], measures: int) -> Population:
        """Count enterprises of a cell and of the rank they reached, 1 for the first measure."""
        cells = sorted({cell for cell, _ in rows})
        place = {cell: number for number, cell in enumerate(cells)}
        at = np.array([place[cell] for cell, _ in rows], np.int64)
        ranks = np.array([rank for _, rank in rows], np.int64)
        counts = [np.bincount(at[ranks >= least], minlength=len(cells)) for least in range(1, measures + 1)]
        sizes = np.bincount(at, minlength=len(cells))
        return cls(tuple(cells), sizes, np.array(counts, np.int64).reshape(measures, len(cells)))

    def inside(self, cell: tuple[str, ...]) -> tuple[int, ...]:
        """Places of the finest cells that a coarser one holds."""
        return tuple(
            place
            for place, fine in enumerate(self.cells)
            if all(wanted in (ALL, has) for wanted, has in zip(cell, fine, strict=True))
        )


def crossed(
    people: Population, measures: Sequence[str], secret: bytes, totals: Mapping[str, int] | None = None
) -> tuple[SafeCell, ...]:
    """All tables over one and two dimensions.

    Args:
        people: who is counted.
        measures: names of the nested counts, in the order of ``people.counts``.
        secret: of the rounding.
        totals: counts of the whole city that are published as they are.
    """
    cells = [_cell(people, cell, measures, secret) for cell in _coarser(people)]
    safe: set[tuple[int, int]] = set()
    while found := disclosed(people, measures, cells, totals or {}, safe):
        cells = _without(people, cells, measures, *found)
    return tuple(cells)


def disclosed(
    people: Population, measures: Sequence[str], cells: Sequence[SafeCell], totals: Mapping[str, int],
    safe: set[tuple[int, int]] | None = None,
) -> tuple[int, int] | None:  # fmt: skip
    """A measure and a finest cell that can be worked out from what is published; None if there are none.

    Args:
        people: who is counted.
        measures: names of the nested counts.
        cells: what is published.
        totals: counts of the whole city that are published as they are.
        safe: measures and cells that are known not to be; those found here are added. What more is withheld,
            the less is known, so they stay safe.
    """
    safe = set() if safe is None else safe
    said = said_by(people, measures, cells, totals)
    if len(people.cells) < 2:  # noqa: PLR2004 - a single cell is the city
        return None
    attacker = None
    for measure, cell in np.argwhere(~doubtful(people.counts, people.sizes, said)).tolist():
        if (measure, cell) in safe or not speaking(people, cells, measures[measure], cell):
            continue
        attacker = attacker or Attacker(people.sizes, len(measures), said)
        if _pinned(attacker, measure, cell):
            return measure, cell
        safe.add((measure, cell))
    return None


def _pinned(attacker: Attacker, measure: int, cell: int) -> bool:
    """Whether one count alone agrees with everything; what isn't decided in time is taken for pinned down."""
    try:
        least, most = attacker.range_of(measure, cell)
    except Undecided:
        return True
    return least == most


def said_by(
    people: Population, measures: Sequence[str], cells: Sequence[SafeCell], totals: Mapping[str, int]
) -> list[Said]:
    """What tables tell of the finest cells, as intervals of sums."""
    place = {name: number for number, name in enumerate(measures)}
    everybody = tuple(range(len(people.cells)))
    said = [Said(place[name], everybody, count, count) for name, count in totals.items()]
    for one in cells:
        inside = people.inside(one.cell) if one.counts else ()
        said += [Said(place[name], inside, *could_be(value)) for name, value in one.counts.items()]
    return said


def _coarser(people: Population) -> list[tuple[str, ...]]:
    dimensions = range(len(people.cells[0]) if people.cells else 0)
    found: dict[tuple[str, ...], None] = {}
    for count in range(1, _MOST_CROSSED + 1):
        for kept in combinations(dimensions, count):
            for fine in people.cells:
                found[tuple(fine[d] if d in kept else ALL for d in dimensions)] = None
    return list(found)


def _cell(people: Population, cell: tuple[str, ...], measures: Sequence[str], secret: bytes) -> SafeCell:
    at = list(people.inside(cell))
    size = int(people.sizes[at].sum())
    if size < LEAST_ENTERPRISES:
        return SafeCell(cell, None, {})
    counts = people.counts[:, at].sum(axis=1).tolist()
    values = {name: rounded(n, secret, name, cell) for name, n in zip(measures, counts, strict=True)}
    return SafeCell(cell, rounded(size, secret, "enterprises", cell), values)


def speaking(people: Population, cells: Sequence[SafeCell], name: str, cell: int) -> list[SafeCell]:
    """The table cells that tell a measure of a finest cell; with none, only the city's totals speak of it."""
    return [one for one in cells if name in one.counts and cell in people.inside(one.cell)]


def _without(
    people: Population, cells: Sequence[SafeCell], measures: Sequence[str], measure: int, cell: int
) -> list[SafeCell]:
    """Withhold the measure in the smallest table cell that speaks of the finest cell."""
    name = measures[measure]
    small = min(
        speaking(people, cells, name, cell),
        key=lambda one: (int(people.sizes[list(people.inside(one.cell))].sum()), one.cell),
    )
    kept = {other: value for other, value in small.counts.items() if other != name}
    return [replace(one, counts=kept) if one is small else one for one in cells]
