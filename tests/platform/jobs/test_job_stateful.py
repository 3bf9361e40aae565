"""Any order of asking, claiming, reporting, crashing and cancelling, held against a model of a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete

from tundish_platform import jobs
from tundish_platform.jobs.models import JobRow, JobTurn

if TYPE_CHECKING:
    from conftest import Queue

LEASE = timedelta(seconds=60)
PLANTS = st.sampled_from(["steel", "power", "glass"])


@dataclass
class Known:
    """What the model knows of a job."""

    tenant: str
    max_attempts: int
    due: datetime
    state: str = "queued"
    attempts: int = 0
    until: datetime | None = None
    unwanted: bool = False


class Jobs(RuleBasedStateMachine):
    """Workers are what they hold: each claim stays in `held`, dead or alive, and may be reported on later."""

    queue: Queue

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, Known] = {}
        self.held: list[jobs.ClaimedJob] = []
        self.served: dict[str, int] = {}
        with self.queue.metadata.session() as session:
            session.execute(delete(JobRow))
            session.execute(delete(JobTurn))

    @rule(tenant=PLANTS, attempts=st.integers(1, 3))
    def ask(self, tenant: str, attempts: int) -> None:
        asked = self.queue.ask(tenant, max_attempts=attempts)
        self.known[asked.id] = Known(tenant, attempts, self.queue.now)
        self.served.setdefault(tenant, 0)

    @rule()
    def claim(self) -> None:
        self._give_back()
        waiting = self._waiting()
        job = self.queue.claim()
        if job is None:
            assert waiting == {}
            return
        assert job.id == min(waiting[job.tenant]), "the oldest of its tenant's"
        assert self._turn(job.tenant) == min(self._turn(tenant) for tenant in waiting)
        known = self.known[job.id]
        known.state, known.attempts, known.until = "running", known.attempts + 1, self.queue.now + LEASE
        self.served[job.tenant] = max(self.served.values()) + 1
        assert job.attempts == known.attempts
        self.held.append(job)

    @rule(data=st.data(), what=st.sampled_from(["progress", "done", "failed", "hopeless"]))
    def report(self, data: st.DataObject, what: str) -> None:
        if not self.held:
            return
        job = data.draw(st.sampled_from(self.held))
        known = self.known[job.id]
        mine = known.attempts == job.attempts and known.state != "queued"
        if not mine or (known.until is not None and known.until <= self.queue.now):
            with pytest.raises(jobs.LeaseLost):
                self.queue.done(job)
            return
        if what == "progress":
            told = self.queue.progress(job)
        elif what == "done":
            told = self.queue.done(job)
        else:
            told = self.queue.failed(job, again=what == "failed")
        if known.state == "running":
            self._after(known, what)
        assert told.state == known.state

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if not self.known:
            return
        number = data.draw(st.sampled_from(sorted(self.known)))
        known = self.known[number]
        if known.state in {"queued", "running"}:
            known.unwanted = True
            silent = known.until is not None and known.until <= self.queue.now
            if (known.state == "queued" or silent) and not self._asked_before(number, known):
                known.state, known.until = "cancelled", None
        assert self.queue.cancel(known.tenant, number).state == known.state

    @rule(seconds=st.sampled_from([1, 31, 61, 4_000]))
    def time_goes_by(self, seconds: int) -> None:
        self.queue.now += timedelta(seconds=seconds)

    @invariant()
    def nothing_is_lost_and_all_is_as_the_model_says(self) -> None:
        found = {job.id: job for tenant in ("steel", "power", "glass") for job in self.queue.listed(tenant)}
        assert found.keys() == self.known.keys()
        for number, known in self.known.items():
            assert (found[number].state, found[number].attempts) == (known.state, known.attempts), number

    def teardown(self) -> None:
        """Whatever happened: with a worker that does its work, every job comes to an end."""
        for _ in range(5 * len(self.known) + 5):
            self.queue.now += timedelta(hours=2)
            job = self.queue.claim()
            if job is not None:
                self.queue.done(job)
        for number, known in self.known.items():
            seen = self.queue.job(known.tenant, number)
            assert seen.state in jobs.ENDED
            assert seen.attempts <= known.max_attempts
            assert not (known.unwanted and seen.state == "queued")

    def _asked_before(self, number: int, known: Known) -> bool:
        """Who cancels for a second time changes nothing; a silent job's end then waits for the next claim."""
        return known.state == "running" and bool(self.queue.job(known.tenant, number).cancelled_by)

    def _waiting(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, known in self.known.items():
            if known.state == "queued" and known.due <= self.queue.now:
                found.setdefault(known.tenant, []).append(number)
        return found

    def _turn(self, tenant: str) -> tuple[int, int]:
        running = sum(one.tenant == tenant and one.state == "running" for one in self.known.values())
        return running, self.served[tenant]

    def _after(self, known: Known, what: str) -> None:
        now = self.queue.now
        if what == "done":
            known.state, known.until = "done", None
        elif known.unwanted:
            known.state, known.until = "cancelled", None
        elif what == "progress":
            known.until = now + LEASE
        else:
            self._put_back(known, hopeless=what == "hopeless")

    def _put_back(self, known: Known, *, hopeless: bool = False) -> None:
        known.until = None
        if hopeless or known.attempts == known.max_attempts:
            known.state = "failed"
        else:
            known.state = "queued"
            known.due = self.queue.now + timedelta(seconds=30 * 2 ** (known.attempts - 1))

    def _give_back(self) -> None:
        for known in self.known.values():
            if known.state == "running" and known.until is not None and known.until <= self.queue.now:
                self._put_back(known)
                if known.unwanted:
                    known.state = "cancelled"


def test_jobs_are_neither_lost_nor_held_twice(queue: Queue) -> None:
    machine = type("JobsOfThisDatabase", (Jobs,), {"queue": queue})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
