"""Signal and time in one sortable integer, so that all signals are searched at once.

``key = rank << 53 | µs since 1970``: ranks count a block's signals from 0. Times up to the year 2255 fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

TIME_BITS: Final = 53
BLOCK: Final = 1 << (63 - TIME_BITS)
"""So many signals a block, that keys stay below 2**63."""

END_OF_TIME: Final = (1 << TIME_BITS) - 1
# No sample is from after 2200, so that holding it this long never reaches into the next signal's keys.
_LONGEST_HOLD: Final = 40 * 366 * 86_400 * 1_000_000


def keys(rank: NDArray[np.integer[Any]], ts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keys of ranks and times; the two broadcast. Times outside 1970 to 2255 count as its ends."""
    return (rank.astype(np.int64) << TIME_BITS) | np.clip(ts, 0, END_OF_TIME)


def ranks(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ranks in keys."""
    return key >> TIME_BITS


def times(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """The times in keys, µs."""
    return key & END_OF_TIME


def reach(hold: NDArray[np.int64]) -> NDArray[np.int64]:
    """Holds (µs) short enough to be added to keys."""
    return np.minimum(hold, _LONGEST_HOLD)


def table_keys(table: pa.Table, signals: NDArray[np.uint32], column: str = "ts") -> NDArray[np.int64]:
    """Keys of a table's rows; `signals` are rising and contain those of the table."""
    if table.num_rows == 0:
        return np.zeros(0, dtype=np.int64)
    return sample_keys(table["signal"].to_numpy(), micros(table[column]), signals)


def sample_keys(
    signal: NDArray[np.uint32], ts: NDArray[np.int64], signals: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """Keys of rows; `signals` are rising and contain theirs."""
    rank: NDArray[np.integer[Any]]
    if (signal[1:] >= signal[:-1]).all():
        edges = np.searchsorted(signal, signals)
        rank = np.repeat(np.arange(len(signals)), np.diff(np.append(edges, len(signal))))
    else:
        rank = np.searchsorted(signals, signal)
    return keys(rank, ts)


def rising(key: NDArray[np.int64]) -> bool:
    """Whether keys need no sorting."""
    return bool((key[1:] >= key[:-1]).all())


class Gaps:
    """Recorded gaps of a block's signals as disjoint, rising key intervals ``[start, end)``."""

    def __init__(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        some = end > start
        order = np.argsort(start[some], kind="stable")
        start, end = start[some][order], end[some][order]
        # Keys of later signals are greater than all of earlier ones, so one running maximum serves all.
        until = np.maximum.accumulate(end)
        new = np.append(True, start[1:] > until[:-1])[: len(start)]
        self.start: NDArray[np.int64] = start[new]
        self.end: NDArray[np.int64] = until[np.append(new[1:], True)[: len(until)]]

    @classmethod
    def of(cls, table: pa.Table, signals: NDArray[np.uint32]) -> Gaps:
        """From rows ``signal, ts, end`` in any order."""
        return cls(table_keys(table, signals), table_keys(table, signals, "end"))

    def __len__(self) -> int:
        return len(self.start)

    def speaks_until(self, key: NDArray[np.int64]) -> NDArray[np.int64]:
        """Key where the next gap begins; a sample's own key if it lies in one. There must be gaps."""
        before = np.searchsorted(self.start, key, side="right") - 1
        within = (before >= 0) & (key < self.end[before])
        begins = np.append(self.start, np.iinfo(np.int64).max)[before + 1]
        return np.where(within, key, begins)

    def near(self, first: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the runs (by their rising first keys) in gaps, and of the last before each gap."""
        if not len(self) or not len(first):
            return np.zeros(0, dtype=np.int64)
        change = np.zeros(len(first) + 1, dtype=np.int64)
        np.add.at(change, np.maximum(np.searchsorted(first, self.start, side="right") - 1, 0), 1)
        np.add.at(change, np.searchsorted(first, self.end, side="left"), -1)
        return np.flatnonzero(np.cumsum(change) > 0)

    def touch(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which stretches ``[first, last]`` of samples a gap cuts.

        Such a gap begins before their last sample and ends behind their first.
        """
        begun = np.searchsorted(self.start, last, side="left")
        over = np.searchsorted(self.end, first, side="right")
        return begun > over
