"""Answers that are kept for a moment, because many open pages ask the same."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Answer = TypeVar("Answer")


class Recent(Generic[Answer]):
    """Keeps answers by key, for a while and not too many.

    A key must hold everything that the answer depends on, the tenant first of all.

    Args:
        keep_s: seconds an answer is good for.
        most: how many are kept; beyond that all are forgotten.
    """

    def __init__(self, keep_s: float, most: int = 256) -> None:
        self._keep_s = keep_s
        self._most = most
        self._kept: dict[Hashable, tuple[float, Answer]] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """The kept answer, or a new one; two that ask at once may both make it."""
        with self._lock:
            found = self._kept.get(key)
        if found is not None and time.monotonic() - found[0] < self._keep_s:
            return found[1]
        answer = make()
        with self._lock:
            if len(self._kept) >= self._most:
                self._kept.clear()
            self._kept[key] = (time.monotonic(), answer)
        return answer
