"""Which file has the newest row of each signal, and where in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tundish_platform.store.query.picks import group_starts
from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

_NEVER = -(2**62)


class Lasts:
    """Newest times by signal, file after file.

    Args:
        signals: those wanted, rising; all if absent.
    """

    def __init__(self, signals: Numbers | None) -> None:
        self._wanted = signals
        self._found: list[tuple[int, Numbers, Numbers]] = []
        self._best: dict[int, int] = {}

    def may_grow(self, newest: int) -> bool:
        """Whether a file with rows up to then (µs) may hold the newest row of a signal."""
        if self._wanted is None:
            return True
        return any(self._best.get(signal, _NEVER) <= newest for signal in self._wanted.tolist())

    def add(self, place: int, signals: Numbers, times: Numbers) -> None:
        """The last time of each signal in a file; repeated signals are fine."""
        self._found.append((place, signals, times))
        for signal, time in zip(signals.tolist(), times.tolist(), strict=True):
            if time > self._best.get(signal, _NEVER):
                self._best[signal] = time

    def winners(self) -> Iterator[tuple[int, Numbers, Numbers]]:
        """Of each file, by its place, the signals (rising) whose newest row it has, and the time of that."""
        for place, signals, times in sorted(self._found, key=lambda found: found[0]):
            best = np.array([self._best[signal] for signal in signals.tolist()], dtype=np.int64)
            won = times == best
            if won.any():
                yield place, signals[won], times[won]


def last_times(blocks: Sequence[pa.Table]) -> tuple[Numbers, Numbers]:
    """Signals of tables sorted by (signal, ts), and the time of each one's last row in each table."""
    signals, times = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for block in blocks:
        if block.num_rows:
            number = block["signal"].to_numpy()
            last = np.append(group_starts(number)[1:], len(number)) - 1
            signals.append(number[last].astype(np.int64))
            times.append(micros(block["ts"])[last])
    return np.concatenate(signals), np.concatenate(times)


def last_rows(table: pa.Table, signals: Numbers, times: Numbers) -> pa.Table:
    """Rows of the signals (rising) at their times, of a table sorted by (signal, ts)."""
    number = table["signal"].to_numpy()
    starts = group_starts(number)
    owner = number[starts].astype(np.int64)
    at = np.minimum(np.searchsorted(signals, owner), len(signals) - 1)
    wanted = np.where(signals[at] == owner, times[at], _NEVER)
    lengths = np.diff(np.append(starts, len(number)))
    return table.filter(pa.array(micros(table["ts"]) == np.repeat(wanted, lengths)))
