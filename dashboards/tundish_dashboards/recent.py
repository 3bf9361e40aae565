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
        self._making: dict[Hashable, Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """The kept answer, or a new one; of several that ask at once one makes it and the others wait for it.

        What making it raises is raised to who makes it; the next one tries anew.
        """
        if (found := self._found(key)) is not None:
            return found[1]
        with self._lock:
            making = self._making.setdefault(key, Lock())
        with making:
            if (found := self._found(key)) is not None:
                return found[1]
            try:
                answer = make()
                self._keep(key, answer)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return answer

    def _found(self, key: Hashable) -> tuple[float, Answer] | None:
        with self._lock:
            found = self._kept.get(key)
        return found if found is not None and time.monotonic() - found[0] < self._keep_s else None

    def _keep(self, key: Hashable, answer: Answer) -> None:
        with self._lock:
            if len(self._kept) >= self._most:
                self._kept.clear()
            self._kept[key] = (time.monotonic(), answer)
