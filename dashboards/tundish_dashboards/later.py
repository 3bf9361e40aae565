"""Answers that take longer than a page may wait for: made once behind the pages, kept by what they are of."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Answer = TypeVar("Answer")


class Later(Generic[Answer]):
    """Makes one answer after the other, and keeps so many.

    A key must hold everything that the answer depends on, the tenant first of all.

    Args:
        most: how many are kept; the oldest go first.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._kept: dict[Hashable, Future[Answer]] = {}
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="pages-later")

    def get(self, key: Hashable, make: Callable[[], Answer], wait_s: float = 0.0) -> Answer | None:
        """The answer; None while it is being made, which the first question for it starts.

        Args:
            key: what the answer is of.
            make: must not raise; it runs in a thread of its own, outside of any request.
            wait_s: how long to wait for it, for answers that are quick as a rule.
        """
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                while len(self._kept) >= self._most:
                    self._kept.pop(next(iter(self._kept))).cancel()
                found = self._kept[key] = self._worker.submit(make)
        try:
            return found.result(timeout=wait_s)
        except TimeoutError:
            return None
