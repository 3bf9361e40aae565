"""A job's way through the queue: taken once, tried again, given back, cancelled, forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from tundish_platform import jobs
from tundish_platform.jobs import asking
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal

if TYPE_CHECKING:
    from conftest import Queue

SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=60)


def test_a_job_is_asked_taken_watched_and_done(queue: Queue) -> None:
    asked = queue.ask("steel")
    assert (asked.state, asked.attempts, asked.asked_by) == ("queued", 0, "job:engineer")
    job = queue.claim()
    assert job is not None
    assert (job.id, job.tenant, job.arguments, job.attempts) == (asked.id, "steel", {"line": "S/A/L"}, 1)
    assert queue.claim() is None
    queue.progress(job, 0.25)
    seen = queue.job("steel", job.id)
    assert (seen.state, seen.share, seen.words_zh, seen.words_en) == ("running", 0.25, "半", "half")
    queue.done(job, {"models": 2})
    seen = queue.job("steel", job.id)
    assert (seen.state, seen.share, seen.result, seen.ended_at) == ("done", 1.0, {"models": 2}, queue.now)
    assert queue.done(job).result == {"models": 2}, "a repeated report changes nothing"
    assert queue.claim() is None


def test_a_worker_gets_only_what_it_can_do_of_whom_it_serves(queue: Queue) -> None:
    queue.ask("steel", "evaluate")
    assert queue.claim(["train"]) is None
    assert queue.claim(tenants=["power"]) is None
    assert queue.claim(["train", "evaluate"], ["steel"]) is not None


def test_a_failed_job_waits_ever_longer_and_is_given_up(queue: Queue) -> None:
    queue.ask("steel", max_attempts=3)
    for pause in (30, 60):
        job = queue.claim()
        assert job is not None
        told = queue.failed(job)
        assert (told.state, told.failure_en, told.not_before - queue.now) == ("queued", "bad", pause * SECOND)
        queue.now += (pause - 1) * SECOND
        assert queue.claim() is None
        queue.now += SECOND
    job = queue.claim()
    assert job is not None
    assert job.attempts == 3
    told = queue.failed(job)
    assert (told.state, told.failure_zh) == ("failed", "坏")
    queue.now += timedelta(days=1)
    assert queue.claim() is None
    assert jobs.pause_after(100) == timedelta(hours=1)


def test_what_makes_no_sense_again_fails_at_once(queue: Queue) -> None:
    queue.ask("steel")
    job = queue.claim()
    assert job is not None
    assert queue.failed(job, again=False).state == "failed"


def test_a_silent_workers_job_goes_to_another_and_its_late_reports_are_refused(queue: Queue) -> None:
    queue.ask("steel")
    first = queue.claim()
    assert first is not None
    queue.now += LEASE - SECOND
    queue.progress(first)
    queue.now += LEASE
    # Nobody has it yet, and still it is no longer the first worker's.
    for report in (queue.progress, queue.done, queue.failed):
        with pytest.raises(jobs.LeaseLost):
            report(first)
    assert queue.claim() is None, "given back, to be tried after a pause"
    queue.now += timedelta(seconds=30)
    second = queue.claim()
    assert second is not None
    assert (second.id, second.attempts) == (first.id, 2)
    for report in (queue.progress, queue.done, queue.failed):
        with pytest.raises(jobs.LeaseLost):
            report(first)
    assert queue.done(second).state == "done"


def test_a_job_that_kills_its_workers_is_given_up(queue: Queue) -> None:
    asked = queue.ask("steel", max_attempts=2)
    taken = 0
    for _ in range(10):
        taken += queue.claim() is not None
        queue.now += timedelta(minutes=5)
    seen = queue.job("steel", asked.id)
    assert (taken, seen.state, seen.attempts) == (2, "failed", 2)
    assert "silent" in seen.failure_en


def test_cancelling_ends_what_waits_at_once_and_what_runs_at_its_next_report(queue: Queue) -> None:
    waits, runs = queue.ask("steel"), queue.ask("steel")
    job = queue.claim()
    assert job is not None
    assert queue.cancel("steel", runs.id).state == "cancelled"
    told = queue.cancel("steel", job.id)
    assert (job.id, told.state, told.cancelled_by) == (waits.id, "running", "job:engineer")
    assert queue.progress(job).state == "cancelled"
    assert queue.progress(job).state == "cancelled", "whoever asks again is told again"
    assert queue.done(job).state == "cancelled", "and cannot bring it back"
    assert queue.claim() is None


def test_what_is_done_is_done_also_when_nobody_wants_it_any_more(queue: Queue) -> None:
    queue.ask("steel")
    job = queue.claim()
    assert job is not None
    queue.cancel("steel", job.id)
    assert queue.done(job).state == "done"
    assert queue.cancel("steel", job.id).state == "done"


@pytest.mark.parametrize("how", ["fails", "falls silent", "fell silent"])
def test_a_cancelled_job_is_not_tried_again(queue: Queue, how: str) -> None:
    asked = queue.ask("steel")
    job = queue.claim()
    assert job is not None
    if how == "fell silent":
        queue.now += LEASE
    queue.cancel("steel", asked.id)
    if how == "fails":
        queue.failed(job)
    queue.now += timedelta(hours=2)
    assert queue.claim() is None
    assert queue.job("steel", asked.id).state == "cancelled"


def test_a_tenant_may_have_only_so_many_waiting(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MAX_QUEUED", 2)
    first, _ = queue.ask("steel"), queue.ask("steel")
    with pytest.raises(jobs.TooManyJobs):
        queue.ask("steel")
    queue.ask("power")
    queue.cancel("steel", first.id)
    queue.ask("steel")


def test_what_is_over_for_long_is_forgotten(queue: Queue) -> None:
    old = queue.ask("steel")
    queue.cancel("steel", old.id)
    waits = queue.ask("steel")
    queue.now += jobs.KEPT + SECOND
    new = queue.ask("steel")
    assert [job.id for job in queue.listed("steel")] == [new.id, waits.id]


def test_only_who_configures_asks_and_only_who_analyses_and_ingests_works(queue: Queue) -> None:
    queue.ask("steel")
    with queue.metadata.session() as session:
        people = {role: job_principal(session, role.value, role) for role in Role}
        spec = jobs.JobSpec.model_validate({"kind": "train", "arguments": {"line": "S/A/L"}})
        viewer = access_tenant(people[Role.VIEWER], "steel", Permission.READ)
        with pytest.raises(AccessDenied):
            jobs.ask_job(session, viewer, spec, queue.now)
        with pytest.raises(AccessDenied):
            jobs.cancel_job(session, viewer, 1, queue.now)
        with pytest.raises(AccessDenied):
            jobs.report_done(session, viewer, jobs.Hold(1, "x"), {}, queue.now)
    serving = {role for role, person in people.items() if jobs.tenants_served(person)}
    assert serving == {Role.ANALYST}


def test_a_neighbours_job_is_not_there(queue: Queue) -> None:
    asked = queue.ask("steel")
    job = queue.claim()
    assert job is not None
    for act in (queue.job, queue.cancel):
        with pytest.raises(jobs.UnknownJob):
            act("power", asked.id)
    with pytest.raises(jobs.UnknownJob):
        queue.progress(job.model_copy(update={"tenant": "power"}))
    assert queue.listed("power") == []
    assert queue.job("steel", asked.id).state == "running"


def test_who_is_limited_to_a_line_asks_for_and_sees_what_is_about_it(queue: Queue) -> None:
    placed = frozenset({(Role.ENGINEER, "S/A")})
    number = queue.engineers["steel"].tenant_id
    person = Principal(1, "li", {"steel": (number, frozenset())}, placed={"steel": placed}, person=True)
    scope = access_tenant(person, "steel", Permission.CONFIGURE)
    whole = queue.ask("steel", "train-machines")
    with queue.metadata.of(scope).session() as session:
        here, there = (
            jobs.JobSpec.model_validate({"kind": "train", "arguments": {"line": line}})
            for line in ("S/A/L", "S/AB/L")
        )
        asked = jobs.ask_job(session, scope, here, queue.now)
        assert [job.id for job in jobs.list_jobs(session, scope)] == [asked.id]
        for refused in (there, jobs.JobSpec(kind=whole.kind, arguments=whole.arguments)):
            with pytest.raises(AccessDenied):
                jobs.ask_job(session, scope, refused, queue.now)
        with pytest.raises(jobs.UnknownJob):
            jobs.find_job(session, scope, whole.id)
        with pytest.raises(AccessDenied):
            jobs.cancel_job(session, scope, whole.id, queue.now)
        assert jobs.cancel_job(session, scope, asked.id, queue.now).state == "cancelled"


def test_work_is_checked_when_it_is_asked_for() -> None:
    for wrong in (
        {"kind": "dance", "arguments": {}},
        {"kind": "train", "arguments": {}},
        {"kind": "train", "arguments": {"line": "S", "more": 1}},
        {"kind": "train", "arguments": {"line": "S\0"}},
        {"kind": "train-machines", "arguments": {"target": "x", "days": 0}},
    ):
        with pytest.raises(ValidationError):
            jobs.JobSpec.model_validate(wrong)
    full = jobs.JobSpec.model_validate({"kind": "train-machines", "arguments": {"target": "x"}})
    assert full.arguments == {"target": "x", "days": 30, "step_minutes": 5}


def test_workers_that_claim_at_once_never_get_the_same_job(queue: Queue) -> None:
    for number in range(24):
        queue.ask(("steel", "power", "glass")[number % 3])
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: queue.claim(), range(36)))
    taken = [job.id for job in found if job is not None]
    # On PostgreSQL too: claims take turns, so none of them comes back empty while jobs wait.
    assert len(taken) == len(set(taken)) == 24
    assert {job.attempts for job in found if job is not None} == {1}
