"""How far a process has been handed a log that others write to as well."""

from __future__ import annotations

import threading


class Frontier:
    """The highest number below which every number was seen.

    Args:
        last: seen when it begins.
    """

    def __init__(self, last: int) -> None:
        self._last = last
        self._ahead: set[int] = set()
        self._lock = threading.Lock()

    @property
    def last(self) -> int:
        """All up to this one were seen."""
        with self._lock:
            return self._last

    def saw(self, number: int) -> None:
        """One more was seen, in whatever order they come."""
        with self._lock:
            if number <= self._last:
                return
            self._ahead.add(number)
            while self._last + 1 in self._ahead:
                self._last += 1
                self._ahead.remove(self._last)
