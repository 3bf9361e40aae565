"""Counts what a client was given, and prints what it cost."""

from __future__ import annotations

import json
import time
from typing import NamedTuple


class _Mark(NamedTuple):
    wall: float
    cpu: float
    values: int


class Meter:
    """Warm-up, then a measured time, between the ends of notifications.

    Attributes:
        done: the measured time is over; the result has been printed.
    """

    def __init__(self, warm_s: float, seconds: float) -> None:
        self._warm_s = warm_s
        self._seconds = seconds
        self._values = 0
        self._total = 0.0
        self._first: float | None = None
        self._start: _Mark | None = None
        self._began = time.perf_counter()
        self._setup_s = 0.0
        self.done = False

    def begin_setup(self) -> None:
        """The session stands; monitored items are created from here on."""
        self._began = time.perf_counter()

    def end_setup(self) -> None:
        """All monitored items are created."""
        self._setup_s = time.perf_counter() - self._began

    def add(self, values: int, total: float) -> None:
        """Whole notifications came: how many values, and what they sum up to."""
        if self.done:
            return
        now = time.perf_counter()
        self._values += values
        self._total += total
        if self._first is None:
            self._first = now
        elif self._start is None:
            if now - self._first >= self._warm_s:
                self._start = _Mark(now, time.process_time(), self._values)
        elif now - self._start.wall >= self._seconds:
            self._end(_Mark(now, time.process_time(), self._values))

    def _end(self, end: _Mark) -> None:
        start = self._start
        assert start is not None  # noqa: S101 - the caller has looked
        self.done = True
        result = {
            "values": end.values - start.values,
            "wall_s": end.wall - start.wall,
            "cpu_s": end.cpu - start.cpu,
            "all_values": self._values,
            "checksum": self._total,
            "setup_s": self._setup_s,
        }
        print(json.dumps(result), flush=True)  # noqa: T201 - read by the parent
