"""Watches for signals that fall silent while their server goes on."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from tundish_connectors.opcua.gaps import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tundish_connectors.opcua.gaps import GapTracker
    from tundish_connectors.opcua.slots import SlotTable

_PERIODS = 10
_LEAST_US = 5_000_000
_PUBLISHINGS = 6
_SPEED_WINDOW_S = 10.0


class SilenceWatch:
    """A signal is silent when its newest source time lags the server's newest by too much.

    Too much is the largest of ten expected periods, five seconds, and what the server's clock gains within
    six publishing intervals (a replay may run faster than the wall clock). Signals without an expected
    period are not judged.
    """

    def __init__(
        self,
        table: SlotTable,
        tracker: GapTracker,
        publishing_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._tracker = tracker
        self._publishing_s = publishing_s
        self._clock = clock
        self._course: deque[tuple[float, int]] = deque()
        self._newest = tracker.newest
        self._skipped_at = NEVER
        self._skipped_us = 0

    def speed(self) -> float:
        """Seconds of source time per second of wall time over the last ten seconds, 1 at least."""
        now, newest = self._clock(), self._tracker.newest
        self._course.append((now, newest))
        while len(self._course) > 1 and now - self._course[0][0] > _SPEED_WINDOW_S:
            self._course.popleft()
        then, oldest = self._course[0]
        if now <= then or oldest == NEVER:
            return 1.0
        return max(1.0, (newest - oldest) / 1e6 / (now - then))

    def clock(self, step_s: float) -> None:
        """The server's clock was looked at; what it skipped since the last look is nobody's silence.

        Args:
            step_s: seconds by which it was set on; where it was put back, the tracker is put back, too.
        """
        if step_s > 0:
            self._course.clear()
            self._skipped_us = int(step_s * 1e6)
            self._skipped_at = self._newest + self._skipped_us // 2
        self._newest = self._tracker.newest

    def silent(self, subscribed: NDArray[np.int64]) -> NDArray[np.int64]:
        """The silent ones among the given slots; a slot without any sample yet is not judged."""
        speed = self.speed()
        last = self._tracker.last[subscribed]
        period = self._table.period_us[subscribed]
        grace = max(_LEAST_US, int(_PUBLISHINGS * self._publishing_s * speed * 1e6))
        known = (last != NEVER) & (period > 0)
        lag = np.where(known, self._tracker.newest - np.where(known, last, 0), 0)
        lag = np.where(last < self._skipped_at, lag - self._skipped_us, lag)
        silent: NDArray[np.int64] = subscribed[known & (lag > np.maximum(_PERIODS * period, grace))]
        return silent
