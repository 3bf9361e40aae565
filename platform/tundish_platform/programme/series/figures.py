"""Figures of many months, counted from stages: current, ever and new, in all and by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_platform.programme.disclosure import hidden_cells
from tundish_platform.programme.series.forecast import LEVEL, PATHS, SEED, as_figures, moves, project
from tundish_platform.programme.series.guarding import guarded, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


# Intervals of cells are shown to multiples of five: fewer futures tell them as well.
_PATHS_OF_CELLS: Final = 300


@dataclass(frozen=True, slots=True)
class Counts:
    """Enterprises by cell, month and rank, each of shape ``(cells, months, ranks)``.

    Attributes:
        current: in a stage or above it at the end of the month.
        ever: that have been, up to then.
        new: that were for the first time in this month.
        enterprises: on the register, shape ``(cells, months)``.
    """

    current: NDArray[np.int64]
    ever: NDArray[np.int64]
    new: NDArray[np.int64]
    enterprises: NDArray[np.int64]


def best_of(ranks: NDArray[np.int8]) -> NDArray[np.int8]:
    """The highest rank each enterprise has had up to each month; stages once reached are never unreached."""
    best: NDArray[np.int8] = np.maximum.accumulate(ranks, axis=1)
    return best


def counted(ranks: NDArray[np.int8], cell: NDArray[np.int64], cells: int, stages: int) -> Counts:
    """Count enterprises.

    Args:
        ranks: shape ``(n, m)``, -1 where absent.
        cell: of each enterprise, ``0 … cells-1``.
        cells: how many there are.
        stages: how many the rule has.
    """
    months = ranks.shape[1]
    now = _at_least(ranks, cell, cells, stages)
    ever = _at_least(best_of(ranks), cell, cells, stages)
    before = np.concatenate([np.zeros((cells, 1, stages), np.int64), ever[:, :-1]], axis=1)
    present = np.stack(
        [np.bincount(cell[ranks[:, month] >= 0], minlength=cells) for month in range(months)], axis=1
    )
    return Counts(now, ever, ever - before, present.astype(np.int64))


def _at_least(ranks: NDArray[np.int8], cell: NDArray[np.int64], cells: int, stages: int) -> NDArray[np.int64]:
    """How many have each rank at least, from 1 on."""
    width, months = stages + 2, ranks.shape[1]
    exact = np.zeros((cells, months, width), np.int64)
    for month in range(months):
        key = cell * width + ranks[:, month] + 1
        exact[:, month] = np.bincount(key, minlength=cells * width).reshape(cells, width)
    # From the top down, so that each stage holds those above it.
    totals: NDArray[np.int64] = exact[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
    return totals[:, :, 2:]


def funnel(counts: Counts, cell: int, keys: Sequence[str]) -> dict[str, Any]:
    """One cell's figures by name, as they are stored and shown."""
    return {
        "enterprises": counts.enterprises[cell].tolist(),
        **{
            name: {key: of[cell, :, place].tolist() for place, key in enumerate(keys)}
            for name, of in (("current", counts.current), ("ever", counts.ever), ("new", counts.new))
        },
    }


def by_cell(
    ranks: NDArray[np.int8], labels: Sequence[str], keys: Sequence[str], months: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Figures of every county, industry or park as `guarding` lets them be shown.

    Args:
        ranks: of the whole city, shape ``(n, m)``, -1 where absent.
        labels: of each enterprise the cell it lies in; ``""`` in none, which is no cell and never shown.
        keys: of the rule's stages.
        months: ahead, to which each cell is projected; none if empty.
    """
    names, cell = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    counts = counted(ranks, cell.astype(np.int64), len(names), len(keys))
    open_ = open_cells([str(name) for name in names], counts.enterprises)
    shown = as_shown(counts, open_)
    found = []
    for place, name in enumerate(names):
        suppressed = not open_[place, -1] if open_.shape[1] else False
        figures = None if suppressed else _withheld(funnel(shown, place, keys), open_[place].tolist())
        ahead = None if suppressed else projected(ranks[cell == place], keys, months, nearest)
        if name:
            found.append(
                {"key": str(name), "suppressed": suppressed, "figures": figures, "projection": ahead}
            )
    return found


def projected(
    ranks: NDArray[np.int8], keys: Sequence[str], months: Sequence[str],
    shown: Callable[[int], int] | None = None,
) -> dict[str, Any] | None:  # fmt: skip
    """All stages in coming months, or None where too few months are known to project from.

    Args:
        ranks: shape ``(n, m)``, -1 where absent.
        keys: of the rule's stages.
        months: ahead.
        shown: what is shown of a count; the count itself where it is not given.
    """
    if not months:
        return None
    found: dict[str, Any] = {"months": list(months), "level": LEVEL}
    for name, of in (("current", ranks), ("ever", best_of(ranks))):
        seen = moves(of, len(keys))
        if seen is None:
            return None
        made = project(seen, len(months), np.random.default_rng(SEED), _PATHS_OF_CELLS if shown else PATHS)
        found[name] = {
            key: {
                bound: [shown(n) for n in row] if shown else row
                for bound, row in as_figures(made, place).items()
            }
            for place, key in enumerate(keys)
        }
    return found


def as_shown(counts: Counts, open_: NDArray[np.bool_]) -> Counts:
    """The counts as they are shown; what is new is the step of what was ever."""
    current, ever = (
        np.stack([guarded(of[:, :, stage], open_) for stage in range(of.shape[2])], axis=2)
        for of in (counts.current, counts.ever)
    )
    before = np.concatenate([np.zeros_like(ever[:, :1]), ever[:, :-1]], axis=1)
    return Counts(current, ever, ever - before, guarded(counts.enterprises, open_))


def open_cells(names: Sequence[str], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which cells are shown in which months, so that no month's total gives a small one away.

    Args:
        names: of the cells that make up the city; ``""`` is never shown.
        sizes: enterprises, shape ``(cells, months)``.
    """
    open_ = np.zeros(sizes.shape, np.bool_)
    for month in range(sizes.shape[1]):
        held = {name: n for name, n in zip(names, sizes[:, month].tolist(), strict=True) if n}
        hidden = hidden_cells(held, never=("",))
        open_[:, month] = [name not in hidden for name in names]
    return open_


def _withheld(figures: dict[str, Any], open_: Sequence[bool]) -> dict[str, Any]:
    def of(row: Sequence[int]) -> list[int | None]:
        return [n if told else None for n, told in zip(row, open_, strict=True)]

    return {
        name: of(part) if isinstance(part, list) else {key: of(row) for key, row in part.items()}
        for name, part in figures.items()
    }
