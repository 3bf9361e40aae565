"""Windows cut into tiles that do not overlap, so that each sample is summed once however windows lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_platform.store.query.keys import END_OF_TIME

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_READS: Final = 64


@dataclass(frozen=True, slots=True)
class Tiles:
    """Tile `j` is ``[cuts[j], cuts[j + 1])``; window `i` is made of the tiles ``low[i] … high[i] - 1``.

    Attributes:
        cuts: rising, µs, within the times a key can hold.
        used: per tile, whether it is part of a window.
    """

    cuts: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    used: NDArray[np.bool_]

    @classmethod
    def of(cls, windows: NDArray[np.int64]) -> Tiles:
        """From windows of shape ``(n, 2)``, µs, in any order and overlap.

        Raises:
            ValueError: the shape is another, or a window does not end after it starts.
        """
        if windows.ndim != 2 or windows.shape[1] != 2:  # noqa: PLR2004 - start and end
            raise ValueError(f"windows need the shape (n, 2), got {windows.shape}")
        if (windows[:, 1] <= windows[:, 0]).any():
            raise ValueError("each window must end after it starts")
        within = np.clip(windows, 0, END_OF_TIME)
        cuts = np.unique(within)
        low, high = np.searchsorted(cuts, within[:, 0]), np.searchsorted(cuts, within[:, 1])
        change = np.zeros(max(1, len(cuts)), dtype=np.int64)
        np.add.at(change, low, 1)
        np.add.at(change, high, -1)
        return cls(cuts, low, high, np.cumsum(change)[:-1] > 0)

    def __len__(self) -> int:
        return len(self.used)

    def reads(self, before: int, behind: int) -> list[tuple[int, int]]:
        """What to read for all windows and so much time before and behind them: disjoint, rising."""
        start, end = self.cuts[:-1][self.used] - before, self.cuts[1:][self.used] + behind
        if not len(start):
            return []
        new = np.append(True, start[1:] > end[:-1])
        if np.count_nonzero(new) > _MOST_READS:
            return [(int(start[0]), int(end[-1]))]
        last = np.append(np.flatnonzero(new)[1:] - 1, len(end) - 1)
        return list(zip(start[new].tolist(), end[last].tolist(), strict=True))

    def over(self, part: NDArray[Any], how: np.ufunc, empty: float) -> NDArray[Any]:
        """Values of windows from those of tiles.

        Args:
            part: shape ``(signals, tiles)``.
            how: adds, or takes the least or the greatest.
            empty: what a window without a tile gets.
        """
        if (self.high == self.low + 1).all():
            return part[:, self.low]
        padded = np.concatenate([part, np.full((len(part), 1), empty, dtype=part.dtype)], axis=1)
        pairs = np.column_stack([self.low, self.high]).ravel()
        found: NDArray[Any] = how.reduceat(padded, pairs, axis=1)[:, ::2]
        return np.where(self.high > self.low, found, empty)
