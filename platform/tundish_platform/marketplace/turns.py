"""Whose subscription runs next: the tenant with the fewest running, of those the one served longest ago.

The same rule as for jobs (`tundish_platform.jobs.claiming`), for one process: what is due is known from the
subscriptions themselves, so nothing is written down before a run is over.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

MAX_ATTEMPTS: Final = 5
"""How often a run is tried whose app was never reached."""
FIRST_WAIT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Work:
    """A subscription that is due.

    Attributes:
        due_at: since when it is.
        not_before: when it may be taken; later than that after a failure that may pass.
        attempts: how often it was tried.
    """

    tenant: str
    subscription: Mapping[str, Any]
    due_at: datetime
    not_before: datetime
    attempts: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Of each tenant's app there is one piece of work at a time."""
        return self.tenant, self.subscription["app"]


@dataclass(slots=True)
class Turns:
    """What waits and what runs; safe to use from several threads."""

    _waiting: dict[tuple[str, str], Work] = field(default_factory=dict)
    _running: dict[tuple[str, str], Work] = field(default_factory=dict)
    _served: dict[str, int] = field(default_factory=dict)
    _turn: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def offer(self, tenant: str, due: Iterable[Work]) -> None:
        """What is due of a tenant now: what is new is added, what is no longer due and not running goes."""
        with self._lock:
            wanted = {work.key: work for work in due}
            for key in [key for key in self._waiting if key[0] == tenant and key not in wanted]:
                del self._waiting[key]
            for key, work in wanted.items():
                if key not in self._waiting and key not in self._running:
                    self._waiting[key] = work

    def take(self, now: datetime) -> Work | None:
        """The next piece of work, or None where nothing may be taken."""
        with self._lock:
            ready = [work for work in self._waiting.values() if work.not_before <= now]
            if not ready:
                return None
            running = Counter(tenant for tenant, _ in self._running)
            served = self._served
            work = min(
                ready, key=lambda one: (running[one.tenant], served.get(one.tenant, 0), one.due_at, one.key)
            )
            self._turn += 1
            self._served[work.tenant] = self._turn
            self._running[work.key] = self._waiting.pop(work.key)
            return work

    def done(self, work: Work) -> None:
        """It is over, however it ended."""
        with self._lock:
            del self._running[work.key]

    def put_back(self, work: Work, not_before: datetime) -> None:
        """It was not reached, and is to be tried again."""
        with self._lock:
            del self._running[work.key]
            self._waiting[work.key] = replace(work, not_before=not_before, attempts=work.attempts + 1)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)


def wait_s(attempts: int) -> float:
    """Seconds to wait after so many attempts: twice as long each time."""
    return float(FIRST_WAIT_S * 2**attempts)
