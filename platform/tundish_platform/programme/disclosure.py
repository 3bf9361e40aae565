"""Cells of a table that may be shown: none that could tell of a single enterprise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

LEAST_ENTERPRISES: Final = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """Enterprises of one county or industry; the figures are None where they are suppressed."""

    key: str
    suppressed: bool
    enterprises: int | None
    stages: Mapping[str, int] | None


def cells(rows: Sequence[tuple[str, int]], stages: Sequence[str]) -> tuple[Cell, ...]:
    """Cells by key, small ones suppressed, and with them as many others as it takes to hide them.

    Args:
        rows: per enterprise the cell it lies in and the rank of its stage, 0 for none.
        stages: keys of the stages of rank 1, 2, …; counts are cumulative.
    """
    ranks: dict[str, list[int]] = {}
    for key, rank in rows:
        ranks.setdefault(key, []).append(rank)
    hidden = hidden_cells({key: len(of) for key, of in ranks.items()})
    return tuple(_cell(key, ranks[key], stages, suppressed=key in hidden) for key in sorted(ranks))


def hidden_cells(sizes: Mapping[str, int], never: Collection[str] = ()) -> set[str]:
    """Cells to suppress: the small ones, and others until the total no longer gives the small ones away.

    Args:
        sizes: enterprises by cell; the cells make up the whole.
        never: cells that are not shown in any case.
    """
    hidden = {key for key, size in sizes.items() if size < LEAST_ENTERPRISES or key in never}
    rest = sorted((key for key in sizes if key not in hidden), key=lambda key: (sizes[key], key))
    while rest and 0 < sum(sizes[key] for key in hidden) < LEAST_ENTERPRISES:
        hidden.add(rest.pop(0))
    return hidden


def _cell(key: str, ranks: Sequence[int], stages: Sequence[str], *, suppressed: bool) -> Cell:
    if suppressed:
        return Cell(key, suppressed=True, enterprises=None, stages=None)
    counts = {name: sum(rank >= least for rank in ranks) for least, name in enumerate(stages, start=1)}
    return Cell(key, suppressed=False, enterprises=len(ranks), stages=counts)
