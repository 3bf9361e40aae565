"""Counts of a cell by month as they may be shown: no two months tell that fewer than five enterprises moved.

A count is shown in a month in which it lies five or more away from every count of the cell that was shown
before, zero among them; until then the count shown last stands, or an earlier one that it has come back to.
So between any two months in which a count was shown nobody or five and more had moved, and no reasoning,
whatever it knows besides, ends at one to four. Shown are multiples of five, so that nothing that is left of a
city's total after subtracting cells is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_platform.programme.disclosure import LEAST_ENTERPRISES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BASE: Final = LEAST_ENTERPRISES


def nearest(count: int) -> int:
    """The nearest multiple of five."""
    return (count + BASE // 2) // BASE * BASE


def stepped(counts: Sequence[int], open_: Sequence[bool]) -> list[int]:
    """The true counts that stand behind what is shown of one cell, month by month.

    Args:
        counts: at the end of each month.
        open_: whether the cell is shown in the month at all; nothing is renewed in a month without.
    """
    known, standing, found = [0], 0, []
    for count, told in zip(counts, open_, strict=True):
        if told and abs(count - standing) >= LEAST_ENTERPRISES:
            # Who comes back near a count that was told is told by it; a new one beside it would tell of few.
            standing = min(known, key=lambda former: abs(former - count))
            if abs(count - standing) >= LEAST_ENTERPRISES:
                standing = count
                known.append(count)
        found.append(standing)
    return found


def guarded(counts: NDArray[np.int64], open_: NDArray[np.bool_]) -> NDArray[np.int64]:
    """What is shown of each cell and month: multiples of five, at most six off.

    Args:
        counts: true ones, shape ``(cells, months)``.
        open_: whether the cell is shown in the month, of the same shape.
    """
    rows = [
        [nearest(n) for n in stepped(of, told)]
        for of, told in zip(counts.tolist(), open_.tolist(), strict=True)
    ]
    return np.array(rows, np.int64).reshape(counts.shape)
