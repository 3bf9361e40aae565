"""How fast the spool fills and how old its records are, to tell how many hours it can still take."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SLOT_S = 10.0
_SLOTS = 60


class FillRate:
    """Bytes per second over the last ten minutes, or since the start where that is shorter."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._slots: deque[tuple[int, int]] = deque(maxlen=_SLOTS)

    def add(self, size: int) -> None:
        """Count bytes that were appended just now."""
        slot = int(self._clock() / _SLOT_S)
        if self._slots and self._slots[-1][0] == slot:
            self._slots[-1] = (slot, self._slots[-1][1] + size)
        else:
            self._slots.append((slot, size))

    def bytes_per_second(self) -> float:
        """The mean rate; 0 before anything came."""
        now = self._clock()
        oldest = now - _SLOT_S * _SLOTS
        total = sum(size for slot, size in self._slots if slot * _SLOT_S >= oldest)
        return total / max(1.0, now - max(self._started, oldest))


_MARK_S = 60.0


class Ages:
    """When records were appended, to the minute (Unix time)."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, float]] = deque()

    def add(self, number: int, moment: float) -> None:
        """A record was appended, or was found at opening in a file last written then."""
        if not self._marks or not 0 <= moment - self._marks[-1][1] < _MARK_S:
            self._marks.append((number, moment))

    def of(self, number: int) -> float | None:
        """When a record was appended, or up to a minute earlier; older records are forgotten."""
        while len(self._marks) > 1 and self._marks[1][0] <= number:
            self._marks.popleft()
        return self._marks[0][1] if self._marks else None
