"""What somebody can work out from all tables together: the publisher asks before an attacker does.

The attacker is a strong one: knows the register, so how many enterprises lie in each of the finest cells,
knows how counts are rounded, and solves for the stages by integer programming.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


_PATIENCE_S: Final = 2.0
# Of `scipy.optimize.milp`.
_OUT_OF_TIME: Final = 1


class Undecided(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """The solver had no answer in its time."""


@dataclass(frozen=True, slots=True)
class Said:
    """That a measure's sum over some cells lies in an interval.

    Attributes:
        measure: its place among the measures, from 0; each next one is a part of the one before.
        cells: places of the finest cells.
        least, most: of the sum.
    """

    measure: int
    cells: tuple[int, ...]
    least: int
    most: int


class Attacker:
    """Works out stage counts of the finest cells.

    Args:
        sizes: enterprises of each finest cell, shape ``(c,)``.
        measures: how many nested counts there are.
        said: what was published.
    """

    def __init__(self, sizes: NDArray[np.int64], measures: int, said: Sequence[Said]) -> None:
        self._cells = len(sizes)
        self._bounds = Bounds(0, np.tile(sizes, measures))
        rows = [[one.measure * self._cells + cell for cell in one.cells] for one in said]
        nested = [
            (m * self._cells + cell, (m + 1) * self._cells + cell)
            for m in range(measures - 1)
            for cell in range(self._cells)
        ]
        counts = [len(row) for row in rows] + [2] * len(nested)
        weights = [1.0] * sum(len(row) for row in rows) + [1.0, -1.0] * len(nested)
        columns = [column for row in (*rows, *nested) for column in row]
        shape = (len(counts), measures * self._cells)
        matrix = csr_array((weights, columns, np.cumsum([0, *counts])), shape=shape)
        least = [float(one.least) for one in said] + [0.0] * len(nested)
        most = [float(one.most) for one in said] + [np.inf] * len(nested)
        self._rules = LinearConstraint(matrix, least, most)
        self._integral = np.ones(shape[1])

    def range_of(self, measure: int, cell: int) -> tuple[int, int]:
        """The least and greatest count of a cell that agrees with everything published.

        Raises:
            Undecided: no answer in time.
            ValueError: nothing agrees with what was published.
        """
        ends = []
        for sign in (1.0, -1.0):
            aim = np.zeros(len(self._integral))
            aim[measure * self._cells + cell] = sign
            solved = milp(
                aim, integrality=self._integral, bounds=self._bounds, constraints=self._rules,
                options={"time_limit": _PATIENCE_S},
            )  # fmt: skip
            if solved.status == _OUT_OF_TIME:
                raise Undecided
            if solved.x is None:
                raise ValueError("what was published contradicts itself")
            ends.append(round(sign * solved.fun))
        return ends[0], ends[1]


def doubtful(counts: NDArray[np.int64], sizes: NDArray[np.int64], said: Sequence[Said]) -> NDArray[np.bool_]:
    """Cells of which a second count is known to agree with everything, without solving for it.

    An enterprise of the cell could stand on another stage, alone or in exchange with one of another cell.

    Args:
        counts: the true ones, shape ``(measures, c)``.
        sizes: enterprises of each finest cell, shape ``(c,)``.
        said: what is to be published.

    Returns:
        Shape ``(measures, c)``.
    """
    stacked = np.vstack([sizes, counts, np.zeros_like(sizes)])
    stands = stacked[:-1] > stacked[1:]
    moves = [_moves(counts, said, measure) for measure in range(len(counts))]
    found = np.zeros(counts.shape, np.bool_)
    for low, high in combinations(range(len(counts) + 1), 2):
        between = moves[low:high]
        swaps = (
            stands[low][:, None] & stands[high][None, :] & np.logical_and.reduce([m.swap for m in between])
        )
        rises = swaps.any(axis=1) | (stands[low] & np.logical_and.reduce([m.rise for m in between]))
        falls = swaps.any(axis=0) | (stands[high] & np.logical_and.reduce([m.fall for m in between]))
        found[low:high] |= rises | falls
    return found


@dataclass(frozen=True, slots=True)
class _Moves:
    """Where a measure's published sums have room for one more, for one less, and for both at once."""

    rise: NDArray[np.bool_]
    fall: NDArray[np.bool_]
    swap: NDArray[np.bool_]


def _moves(counts: NDArray[np.int64], said: Sequence[Said], measure: int) -> _Moves:
    mine = [one for one in said if one.measure == measure]
    within = np.zeros((len(mine), counts.shape[1]), np.int64)
    for row, one in enumerate(mine):
        within[row, list(one.cells)] = 1
    sums = within @ counts[measure]
    full = within * (sums >= np.array([one.most for one in mine], np.int64))[:, None]
    empty = within * (sums <= np.array([one.least for one in mine], np.int64))[:, None]
    # A sum that holds both of a pair stays what it was.
    blocked = full.sum(axis=0)[:, None] - full.T @ within + empty.sum(axis=0)[None, :] - within.T @ empty
    swap = blocked == 0
    np.fill_diagonal(swap, val=False)
    return _Moves(full.sum(axis=0) == 0, empty.sum(axis=0) == 0, swap)
