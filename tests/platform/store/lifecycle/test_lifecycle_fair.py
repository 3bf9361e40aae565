"""Taking turns: order is counted in grants, never in time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.lifecycle.fair import Crowded, FairQueue

if TYPE_CHECKING:
    from tundish_platform.store.lifecycle.fair import Ticket

NOISY, QUIET = 1, 2


def granted(*tickets: Ticket) -> list[bool]:
    return [ticket.granted_at >= 0 for ticket in tickets]


def test_what_fits_is_granted_at_once_and_leaves_nothing_behind() -> None:
    queue = FairQueue(limit=10, share=10, quantum=4, most_waiting=2)
    tickets = [queue.ask(tenant, 2) for tenant in range(5)]
    assert all(granted(*tickets))
    assert (queue.used, queue.known) == (10, 5)
    for ticket in tickets:
        queue.give_back(ticket)
    assert (queue.used, queue.known, queue.waiting) == (0, 0, 0)


def test_a_share_and_the_limit_hold() -> None:
    queue = FairQueue(limit=10, share=6, quantum=4, most_waiting=9)
    first, second, third = (queue.ask(NOISY, 3) for _ in range(3))
    assert granted(first, second, third) == [True, True, False]
    quiet = [queue.ask(QUIET, 2) for _ in range(3)]
    assert granted(*quiet) == [True, True, False], "a tenant behind its share holds nobody else up"
    assert queue.used == 10
    queue.give_back(first)
    assert queue.used <= 10
    assert all(granted(third, quiet[2])) or queue.used + 2 > 10


def test_a_request_beyond_the_limit_passes_alone() -> None:
    queue = FairQueue(limit=10, share=6, quantum=4, most_waiting=9)
    small = queue.ask(QUIET, 1)
    large = queue.ask(NOISY, 50)
    behind = queue.ask(QUIET, 1)
    assert granted(large, behind) == [False, False], "small ones must not starve a large one"
    queue.give_back(small)
    assert granted(large) == [True]
    queue.give_back(large)
    assert granted(behind) == [True]


def test_a_tenant_may_not_fill_the_waiting_room() -> None:
    queue = FairQueue(limit=1, share=1, quantum=1, most_waiting=2)
    for _ in range(3):
        queue.ask(NOISY, 1)
    with pytest.raises(Crowded):
        queue.ask(NOISY, 1)
    queue.ask(QUIET, 1)


def drain(queue: FairQueue, waiting: list[Ticket]) -> None:
    """Give back whatever is granted, in the order of the grants, until nothing waits."""
    left = list(waiting)
    while left:
        ready = sorted((t for t in left if t.granted_at >= 0), key=lambda t: t.granted_at)
        assert ready, "nothing is under way and nothing is granted: a deadlock"
        queue.give_back(ready[0])
        left.remove(ready[0])


@pytest.mark.parametrize(("quantum", "holds"), [(4, True), (10_000, False)])
def test_a_quiet_tenant_waits_for_a_few_turns_behind_a_flood(quantum: int, *, holds: bool) -> None:
    # With a quantum beyond the flood, a turn is the whole flood: the control that shows what is measured.
    queue = FairQueue(limit=8, share=100, quantum=quantum, most_waiting=10_000)
    flood = [queue.ask(NOISY, 1) for _ in range(1000)]
    quiet = [queue.ask(tenant, 1) for tenant in range(10, 20)]
    drain(queue, flood + quiet)
    worst = max(ticket.granted_at - ticket.asked for ticket in quiet)
    # One turn of the flood may be under way, and each of the quiet ones may be before this one.
    assert (worst <= 4 + len(quiet)) is holds
    assert queue.known == 0


def test_bytes_and_not_requests_are_shared_out() -> None:
    queue = FairQueue(limit=4, share=100, quantum=4, most_waiting=10_000)
    first = queue.ask(3, 4)
    large = [queue.ask(NOISY, 4) for _ in range(400)]
    small = [queue.ask(QUIET, 1) for _ in range(400)]
    drain(queue, [first, *large, *small])
    last = max(ticket.granted_at for ticket in small)
    before = sum(ticket.granted_at < last for ticket in large)
    assert before == pytest.approx(100, abs=2), "four small ones a large one, until there are no small ones"


def test_who_waits_too_long_leaves_the_line() -> None:
    queue = FairQueue(limit=1, share=1, quantum=1, most_waiting=2)
    first = queue.ask(NOISY, 1)
    second = queue.ask(QUIET, 1)
    with pytest.raises(Crowded):
        queue.wait(second, 0.0)
    assert queue.waiting == 0
    queue.give_back(first)
    assert queue.known == 0


def test_threads_of_a_noisy_tenant_delay_no_others() -> None:
    queue = FairQueue(limit=4, share=3, quantum=2, most_waiting=64)
    stop = threading.Event()
    overtaken: list[int] = []
    flooding = threading.Semaphore(0)

    def flood() -> None:
        while not stop.is_set():
            ticket = queue.ask(NOISY, 1)
            queue.wait(ticket, 60)
            flooding.release()
            queue.give_back(ticket)

    def quiet(tenant: int) -> None:
        for _ in range(200):
            ticket = queue.ask(tenant, 1)
            queue.wait(ticket, 60)
            overtaken.append(ticket.granted_at - ticket.asked)
            queue.give_back(ticket)

    noisy = [threading.Thread(target=flood) for _ in range(12)]
    others = [threading.Thread(target=quiet, args=(tenant,)) for tenant in (10, 11, 12)]
    for thread in noisy:
        thread.start()
    flooding.acquire()
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    stop.set()
    for thread in noisy:
        thread.join()
    assert len(overtaken) == 600
    # A turn of the noisy one, begun or to come, and one request of each other tenant.
    assert max(overtaken) <= 2 * 2 + 3
    assert queue.known == 0
