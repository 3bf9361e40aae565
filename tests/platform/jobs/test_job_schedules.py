"""Schedules: on the plant's clock through clock changes, missed times once, never two at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform import jobs
from tundish_platform.jobs import schedules
from tundish_platform.tenancy import AccessDenied, Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import job_principal

if TYPE_CHECKING:
    from conftest import Queue

NIGHTLY = "30 2 * * *"


def make(queue: Queue, cron: str, tenant: str = "steel") -> jobs.Schedule:
    work = {"kind": "evaluate", "arguments": {"line": "S/A/L"}, "cron": cron}
    scope = queue.engineers[tenant]
    with queue.metadata.of(scope).session() as session:
        return jobs.make_schedule(session, scope, jobs.ScheduleSpec.model_validate(work), queue.now)


def standing(queue: Queue, tenant: str = "steel") -> list[jobs.Schedule]:
    scope = queue.engineers[tenant]
    with queue.metadata.of(scope).session() as session:
        return jobs.list_schedules(session, scope)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_times_are_the_plants_and_clock_changes_neither_skip_nor_double_them() -> None:
    # The clocks of Berlin went from 2:00 to 3:00 on 29 March 2026 and go from 3:00 to 2:00 on 25 October.
    spring = [utc(2026, 3, 28)]
    autumn = [utc(2026, 10, 24)]
    for times in (spring, autumn):
        for _ in range(3):
            times.append(jobs.next_time(NIGHTLY, "Europe/Berlin", times[-1]))
    assert spring[1:] == [utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1, 0), utc(2026, 3, 30, 0, 30)]
    assert autumn[1:] == [utc(2026, 10, 24, 0, 30), utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)]
    assert jobs.next_time("0 3 * * 1", "Asia/Shanghai", utc(2026, 3, 1)) == utc(2026, 3, 1, 19)


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "* * * * * *", "@daily", "61 * * * *", "x y z a b"])
def test_what_is_no_time_is_refused(queue: Queue, cron: str) -> None:
    with pytest.raises((jobs.CronRefused, ValueError)):
        make(queue, cron)
    assert standing(queue) == []


def test_a_schedule_asks_when_it_is_due_and_once_for_all_it_missed(queue: Queue) -> None:
    made = make(queue, NIGHTLY)
    assert made.next_at == utc(2026, 3, 2, 1, 30)
    queue.now = made.next_at - timedelta(seconds=1)
    assert queue.claim() is None
    queue.now = made.next_at + timedelta(days=5)
    job = queue.claim()
    assert job is not None
    assert (job.kind, job.tenant, job.schedule_id, job.asked_by) == (
        "evaluate",
        "steel",
        made.id,
        "job:engineer",
    )
    assert queue.claim() is None, "five missed nights are one job"
    assert standing(queue)[0].next_at == utc(2026, 3, 8, 1, 30)


def test_while_its_last_job_is_not_over_a_schedule_asks_for_no_other(queue: Queue) -> None:
    made = make(queue, NIGHTLY)
    queue.now = made.next_at
    job = queue.claim()
    assert job is not None
    for day in (1, 2):
        queue.now = made.next_at + timedelta(days=day) - timedelta(seconds=30)
        queue.now += timedelta(seconds=30)
        queue.cancel("steel", queue.ask("steel").id)
        assert len(queue.listed("steel", jobs.JobState.RUNNING)) == 1
        assert queue.claim(tenants=["power"]) is None
    queue.now = made.next_at + timedelta(days=2)
    with pytest.raises(jobs.LeaseLost):
        queue.done(job)
    assert queue.claim() is None
    assert [one.schedule_id for one in queue.listed("steel", jobs.JobState.QUEUED)] == [made.id]


def test_only_who_configures_makes_and_removes_and_neighbours_see_none(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(queue, NIGHTLY)
    assert standing(queue, "power") == []
    with queue.metadata.session() as session:
        viewer = access_tenant(job_principal(session, "v", Role.VIEWER), "steel", Permission.READ)
        with pytest.raises(AccessDenied):
            jobs.remove_schedule(session, viewer, made.id, queue.now)
        with pytest.raises(jobs.UnknownSchedule):
            jobs.remove_schedule(session, queue.engineers["power"], made.id, queue.now)
    monkeypatch.setattr(schedules, "MAX_SCHEDULES", 1)
    with pytest.raises(jobs.TooManyJobs):
        make(queue, NIGHTLY)
    with queue.metadata.session() as session:
        jobs.remove_schedule(session, queue.engineers["steel"], made.id, queue.now)
    assert standing(queue) == []
