"""Tenants take turns: who asks for much makes nobody else wait. Counted in jobs, not in seconds."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, text

from tundish_platform import jobs
from tundish_platform.jobs.models import JobRow
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from conftest import Queue

MANY = 10_000


def flood(queue: Queue, tenant: str, count: int) -> None:
    """So many jobs more, put in at once: asking one by one would take a minute."""
    queue.ask(tenant)
    scope = queue.engineers[tenant]
    row: dict[str, Any] = {
        "tenant_id": scope.tenant_id, "kind": "train", "arguments": {"line": "S"}, "path": "S",
        "state": "queued",
        "attempts": 0, "max_attempts": 3, "not_before": queue.now, "lease": "", "worker": "", "share": 0.0,
        "words_zh": "", "words_en": "", "failure_zh": "", "failure_en": "", "asked_by": "x",
        "asked_at": queue.now, "cancelled_by": "",
    }  # fmt: skip
    with queue.metadata.of(scope).session() as session:
        session.execute(insert(JobRow), [row] * (count - 1))


def test_ten_thousand_jobs_of_one_tenant_delay_the_first_of_another_by_no_more_than_one(
    queue: Queue,
) -> None:
    flood(queue, "steel", MANY)
    held = [queue.claim(), queue.claim()]
    assert [job and job.tenant for job in held] == ["steel", "steel"]
    first = queue.ask("power")
    # Both workers are busy; the one that ends first takes the newcomer's.
    ended = held[1]
    assert ended is not None
    queue.done(ended)
    job = queue.claim()
    assert job is not None
    assert job.id == first.id
    assert len(queue.listed("steel", jobs.JobState.QUEUED)) == jobs.MAX_PAGE, "the flood still waits"


def test_tenants_get_equal_shares_while_all_have_work(queue: Queue) -> None:
    flood(queue, "steel", 200)
    flood(queue, "power", 40)
    flood(queue, "glass", 5)
    served = []
    for _ in range(24):
        job = queue.claim()
        assert job is not None
        served.append(job.tenant)
        queue.done(job)
    assert [Counter(served[:n]) for n in (3, 15)] == [
        {"steel": 1, "power": 1, "glass": 1},
        {"steel": 5, "power": 5, "glass": 5},
    ]
    # What the third does not need is shared by the others.
    assert Counter(served[15:23]) == {"steel": 4, "power": 4}


def test_long_jobs_of_one_tenant_do_not_take_all_workers(queue: Queue) -> None:
    """Whoever has work on a worker already comes after who has none, however long ago it was served."""
    flood(queue, "steel", 50)
    long = [queue.claim() for _ in range(3)]
    assert {job and job.tenant for job in long} == {"steel"}
    flood(queue, "power", 50)
    served = []
    for _ in range(4):  # one more worker, with short jobs of whoever is next
        job = queue.claim()
        assert job is not None
        served.append(job.tenant)
        queue.done(job)
    assert served == ["power"] * 4


def test_a_tenant_of_which_nothing_is_due_is_passed_over(queue: Queue) -> None:
    queue.ask("steel")
    job = queue.claim()
    assert job is not None
    queue.failed(job)
    queue.ask("power")
    queue.ask("power")
    served = [queue.claim(), queue.claim(), queue.claim()]
    assert [one and one.tenant for one in served] == ["power", "power", None]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_two_workers_that_claim_at_once_get_jobs_of_two_tenants(queue: Queue) -> None:
    """The second one waits for the first: else both would see the same tenant as the next."""
    for tenant in ("steel", "power"):
        flood(queue, tenant, 2)
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    kinds, lease = list(jobs.JobKind), timedelta(seconds=60)
    with ThreadPoolExecutor(1) as threads:
        with queue.metadata.above(Above.JOBS).session() as session:
            first = jobs.claim_job(session, queue.tenants, kinds, "w", lease, queue.now)
            later = threads.submit(queue.claim)
            with queue.metadata.engine.connect() as watching:
                while not later.done() and not watching.scalar(waiting):
                    time.sleep(0.01)
        second = later.result()
    assert first is not None
    assert second is not None
    assert {first.tenant, second.tenant} == {"steel", "power"}
