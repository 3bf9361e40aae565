"""What a server does again and again without being asked."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from datetime import UTC, datetime

import structlog

_log = structlog.get_logger(__name__)


class Rounds(ABC):
    """A thread that makes a round every so many seconds, until closed.

    Args:
        name: of the thread.
        every_s: seconds from one round to the next; the first comes after as long.
        failed: what the log calls a round that failed.
    """

    def __init__(self, name: str, every_s: float, failed: str) -> None:
        self._every_s = every_s
        self._failed = failed
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def round(self, now: datetime) -> None:
        """What is done each time; whatever it raises is logged, and the next round tries again."""

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """End; a round in flight is not waited for."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self.round(datetime.now(UTC))
            except Exception:  # noqa: BLE001 - the store or the database may be away; the next round tries again
                _log.exception(self._failed)
