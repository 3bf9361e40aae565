"""Figures of many months, counted from stages: current, ever and new, in all and by cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tundish_platform.programme.disclosure import hidden_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


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


def by_cell(ranks: NDArray[np.int8], labels: Sequence[str], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Figures of every county, industry or park, month by month withheld where cells hold few enterprises.

    Args:
        ranks: shape ``(n, m)``, -1 where absent.
        labels: of each enterprise the cell it lies in.
        keys: of the rule's stages.
    """
    names, cell = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    counts = counted(ranks, cell.astype(np.int64), len(names), len(keys))
    shut = _shut([str(name) for name in names], counts.enterprises)
    found = []
    for place, name in enumerate(names):
        suppressed = bool(shut[place, -1]) if shut.shape[1] else False
        figures = None if suppressed else _withheld(funnel(counts, place, keys), shut[place].tolist())
        found.append({"key": str(name), "suppressed": suppressed, "figures": figures})
    return found


def _shut(names: Sequence[str], sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which cells are withheld in which months, so that no month's total gives a small one away."""
    shut = np.zeros(sizes.shape, np.bool_)
    for month in range(sizes.shape[1]):
        held = {name: n for name, n in zip(names, sizes[:, month].tolist(), strict=True) if n}
        hidden = hidden_cells(held)
        shut[:, month] = [name in hidden for name in names]
    return shut


def _withheld(figures: dict[str, Any], shut: Sequence[bool]) -> dict[str, Any]:
    def of(row: Sequence[int]) -> list[int | None]:
        return [None if hide else n for n, hide in zip(row, shut, strict=True)]

    return {
        name: of(part) if isinstance(part, list) else {key: of(row) for key, row in part.items()}
        for name, part in figures.items()
    }
