"""Hands a followed log over: what this and other processes appended, one record after the other."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from tundish_platform.store.log.interface import StoreFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.store.log.reading import Message, Reader

log = structlog.get_logger(__name__)

_TURN_S: Final = 1.0
_PAUSE_S: Final = 0.2


class HandOver:
    """A thread that follows the log.

    Args:
        reader: stands before the first message to be handed over.
        take: hands one message over.

    Attributes:
        failed: why it stopped, or None.
    """

    def __init__(self, reader: Reader, take: Callable[[Message], None]) -> None:
        self._reader = reader
        self._take = take
        self._last = reader.following - 1
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self.failed: StoreFailed | None = None
        self._thread = threading.Thread(target=self._run, name="log-hand-over", daemon=True)
        self._thread.start()

    @property
    def last(self) -> int:
        """Number of the last message that was handed over; all before it were, too, or are lost."""
        with self._changed:
            return self._last

    def wait(self, number: int, timeout_s: float) -> None:
        """Return once a message was handed over.

        Raises:
            StoreFailed: it was not in time.
        """
        end = time.monotonic() + timeout_s
        with self._changed:
            while self._last < number:
                left = end - time.monotonic()
                if self.failed is not None or self._closed.is_set() or left <= 0:
                    raise StoreFailed(str(self.failed or "what was appended did not come back from the log"))
                self._changed.wait(left)

    def close(self) -> None:
        """Hand nothing more over."""
        self._closed.set()
        self._reader.stop()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while not self._closed.is_set():
                self._turn()
        except Exception as problem:
            log.exception("what the log holds could not be taken in")
            self.failed = StoreFailed(f"what the log holds could not be taken in: {problem}")
            with self._changed:
                self._changed.notify_all()
        finally:
            with suppress(StoreFailed):
                self._reader.close()

    def _turn(self) -> None:
        try:
            messages = self._reader.next(_TURN_S)
        except CancelledError:
            return
        except StoreFailed as problem:
            # The servers are away; what they keep is handed over when they are back.
            log.warning("the log cannot be followed at the moment", problem=str(problem))
            self._closed.wait(_PAUSE_S)
            return
        for message in messages:
            if self._closed.is_set():
                return
            self._take(message)
            with self._changed:
                self._last = message.number
                self._changed.notify_all()
