"""Two lanes out of the spool: what was left behind by an outage, and what comes in now.

Without a backlog there is one lane, oldest first. Once more waits than a few requests, everything up to the
newest record becomes the backlog, delivered oldest first, and what comes later is the live lane, delivered in
order beside it. Who goes next is decided by bytes, with `LIVE_WEIGHT` to 1 (start-time fair queueing): while
both have something to send, at most three bytes of four are live, so that neither starves, and a live lane
that was idle is served next. Order across lanes does not matter: source time decides, and the store keeps a
sample once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_connectors.spool import Spool, SpoolRecord

LIVE_WEIGHT = 3
_BACKLOG_REQUESTS = 2


@dataclass(frozen=True, slots=True)
class Load:
    """Records for one request, and the number behind which their lane began if it is the live one."""

    records: Sequence[SpoolRecord]
    live_after: int | None = None

    @property
    def size(self) -> int:
        """Bytes of the payloads."""
        return sum(len(record.payload) for record in self.records)

    def part(self, start: int, end: int) -> Load:
        """Some of the records."""
        return Load(self.records[start:end], self.live_after)


class Lanes:
    """Chooses what is delivered next. One thread asks; the spool may be appended to meanwhile."""

    def __init__(self, spool: Spool, request_bytes: int) -> None:
        self._spool = spool
        self._request_bytes = request_bytes
        position = spool.position
        # A stretch ahead that an earlier process left is gone on with.
        self._split = position.ahead_after if position.ahead_after > position.delivered else None
        self._live_used = 0.0
        self._backlog_used = 0.0
        self._live_idle = True

    def next(self) -> Load:
        """What to send now; no records if nothing waits."""
        position = self._spool.position
        if self._split is not None and position.delivered >= self._split:
            self._split = None
        if self._split is None:
            if self._spool.undelivered_bytes() <= _BACKLOG_REQUESTS * self._request_bytes:
                return Load(self._spool.read(self._request_bytes))
            self._split = self._spool.last
            self._live_used = self._backlog_used = 0.0
        return self._fairly(self._split)

    def _fairly(self, split: int) -> Load:
        ahead = max(split, self._spool.position.ahead)
        waiting = self._spool.last > ahead
        if waiting and self._live_idle:
            # Being idle earns no credit beyond being next.
            self._live_used = max(self._live_used, self._backlog_used)
        self._live_idle = not waiting
        if waiting and self._live_used <= self._backlog_used:
            return Load(self._spool.read(self._request_bytes, after=ahead), split)
        return Load(self._spool.read(self._request_bytes, until=split))

    def delivered(self, load: Load) -> None:
        """The platform has the records of a load, or of a part that leaves no earlier one of it behind."""
        last = load.records[-1].number
        if load.live_after is None:
            self._backlog_used += load.size
            self._spool.acknowledge(last)
        else:
            self._live_used += load.size / LIVE_WEIGHT
            self._spool.acknowledge_ahead(load.live_after, last)
