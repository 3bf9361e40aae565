"""Taking turns: what many tenants want at once is granted so that none waits behind another's flood.

Deficit round robin (Shreedhar and Varghese, 1995): tenants that wait stand in a circle; each turn adds a
quantum to what a tenant may take, and what it did not use is kept while it waits.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass


class Crowded(Exception):  # noqa: N818 - says how it stands
    """The tenant has enough waiting already, or has waited long enough."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A request for `size`.

    Attributes:
        asked, granted_at: how many requests of all tenants had been granted before it was asked and before
            it was granted: the difference is what it waited for. -1 while it waits.
    """

    tenant: int
    size: int
    asked: int
    granted_at: int = -1
    woken: threading.Event | None = None


class _Line:
    """A tenant that waits, with its requests in order."""

    __slots__ = ("credit", "fresh", "tenant", "waiting")

    def __init__(self, tenant: int) -> None:
        self.tenant = tenant
        self.waiting: deque[Ticket] = deque()
        self.credit = 0
        self.fresh = True


class FairQueue:
    """Grants requests up to a limit in all and a share per tenant; tenants at rest take no memory.

    Args:
        limit: of what is granted and not yet given back, in all.
        share: the same for one tenant. A single request beyond either is granted when nothing else is.
        quantum: what a tenant's turn adds.
        most_waiting: requests of one tenant that may wait; more are refused, so that one tenant cannot hold
            all of a server's threads.
    """

    def __init__(self, limit: int, share: int, quantum: int, most_waiting: int) -> None:
        self._limit = limit
        self._share = share
        self._quantum = quantum
        self._most_waiting = most_waiting
        self._lock = threading.Lock()
        self._used = 0
        self._mine: dict[int, int] = {}
        self._lines: dict[int, _Line] = {}
        self._circle: deque[_Line] = deque()
        self._granted = 0

    @property
    def used(self) -> int:
        """Granted and not given back, in all."""
        return self._used

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        with self._lock:
            return sum(len(line.waiting) for line in self._lines.values())

    def holds(self, tenant: int) -> bool:
        """Whether something of the tenant is granted and not yet given back."""
        with self._lock:
            return tenant in self._mine

    @property
    def known(self) -> int:
        """Tenants that take memory at this moment."""
        with self._lock:
            return len(self._mine.keys() | self._lines.keys())

    def ask(self, tenant: int, size: int) -> Ticket:
        """Ask without waiting; the ticket is granted already or has its place in the line.

        Raises:
            Crowded: too many of the tenant's requests wait.
        """
        with self._lock:
            ticket = Ticket(tenant, size, self._granted)
            line = self._lines.get(tenant)
            if line is None and not self._circle and self._fits(ticket):
                self._grant(ticket)
                return ticket
            if line is None:
                line = self._lines[tenant] = _Line(tenant)
                self._circle.append(line)
            elif len(line.waiting) >= self._most_waiting:
                raise Crowded(f"{self._most_waiting} requests of the tenant wait already")
            line.waiting.append(ticket)
            self._go_round()
            if ticket.granted_at < 0:
                ticket.woken = threading.Event()
            return ticket

    def wait(self, ticket: Ticket, longest_s: float) -> None:
        """Wait until a ticket is granted.

        Raises:
            Crowded: it was not in time, and is withdrawn.
        """
        if ticket.woken is None or ticket.woken.wait(longest_s):
            return
        with self._lock:
            if ticket.granted_at >= 0:
                return
            line = self._lines[ticket.tenant]
            line.waiting.remove(ticket)
            if not line.waiting:
                self._leave(line)
            self._go_round()
        raise Crowded(f"not granted within {longest_s:g} s")

    def give_back(self, ticket: Ticket) -> None:
        """Make room again for others."""
        with self._lock:
            self._used -= ticket.size
            left = self._mine[ticket.tenant] - ticket.size
            if left:
                self._mine[ticket.tenant] = left
            else:
                del self._mine[ticket.tenant]
            if self._circle:
                self._go_round()

    def _fits(self, ticket: Ticket) -> bool:
        used, mine = self._used, self._mine.get(ticket.tenant, 0)
        return (used == 0 or used + ticket.size <= self._limit) and self._fits_share(ticket, mine)

    def _fits_share(self, ticket: Ticket, mine: int) -> bool:
        return mine == 0 or mine + ticket.size <= self._share

    def _grant(self, ticket: Ticket) -> None:
        self._used += ticket.size
        self._mine[ticket.tenant] = self._mine.get(ticket.tenant, 0) + ticket.size
        ticket.granted_at = self._granted
        self._granted += 1
        if ticket.woken is not None:
            ticket.woken.set()

    def _go_round(self) -> None:
        """Grant what can be granted. A line that its own share holds up is passed over."""
        passed = 0
        while self._circle and passed < len(self._circle):
            line = self._circle[0]
            if line.fresh:
                line.credit += self._quantum
                line.fresh = False
            if self._serve(line):
                return
            if not line.waiting:
                self._leave(line)
                continue
            head = line.waiting[0]
            held_up = not self._fits_share(head, self._mine.get(line.tenant, 0))
            # No credit is saved up meanwhile: it would come out as a flood.
            line.credit = min(line.credit, self._quantum) if held_up else line.credit
            passed = passed + 1 if held_up else 0
            line.fresh = True
            self._circle.rotate(-1)

    def _serve(self, line: _Line) -> bool:
        """Grant a line what its credit allows; True if the limit of all is reached and this one is next."""
        while line.waiting and line.waiting[0].size <= line.credit:
            head = line.waiting[0]
            if not self._fits_share(head, self._mine.get(line.tenant, 0)):
                return False
            if not self._fits(head):
                # It keeps its turn: small requests of others must not starve a large one.
                return True
            line.waiting.popleft()
            line.credit -= head.size
            self._grant(head)
        return False

    def _leave(self, line: _Line) -> None:
        self._circle.remove(line)
        del self._lines[line.tenant]
