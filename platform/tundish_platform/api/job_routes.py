"""Routes of jobs: asked for and watched by people, taken and reported on by workers."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from flask import Blueprint
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tundish_platform import jobs
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import authenticated, guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, whole, word
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from tundish_platform.tenancy import Principal, TenantScope

_ALL: Final = "all"
STATE: Final = word("state", (_ALL, *jobs.JobState), _ALL, "Only jobs that stand so.")
KIND: Final = word("kind", (_ALL, *jobs.JobKind), _ALL, "Only jobs of this kind.")
BEFORE: Final = whole("before", 0, MAX_ID, 0, "Id of the last job of the page before; 0 for the newest.")
LIMIT: Final = page(jobs.MAX_PAGE, 100)

MAX_RESULT: Final = 16_000
_LONGEST_WAIT_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.5
# Each claim that waits has a thread of the server; beyond so many they are answered at once.
_waiting = threading.BoundedSemaphore(2)

routes = Blueprint("jobs", __name__)


def _small(result: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(orjson.dumps(result))
    except TypeError as error:
        raise ValueError("a result has whole numbers of at most 64 bits") from error
    if size > MAX_RESULT:
        raise ValueError(f"a result has at most {MAX_RESULT} bytes as JSON")
    return result


Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Reason = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]
Seconds = Annotated[float, Field(ge=5, le=600)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClaimAsked(_Body):
    """What a worker can do, how it is called, how long it may be silent and would wait for a job."""

    kinds: Annotated[list[jobs.JobKind], Field(min_length=1, max_length=20)]
    worker: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = ""
    lease_s: Seconds = 60.0
    wait_s: Annotated[float, Field(ge=0, le=_LONGEST_WAIT_S)] = 0.0


class _Report(_Body):
    lease: Annotated[str, Field(min_length=10, max_length=40, pattern=r"^[!-~]*$")]

    def hold(self, job: int) -> jobs.Hold:
        return jobs.Hold(known_id(job), self.lease)


class Progress(_Report):
    """How far a job is, and how long its worker may be silent from now on."""

    share: Annotated[float, Field(ge=0, le=1)]
    words_zh: Words = ""
    words_en: Words = ""
    lease_s: Seconds = 60.0


class Done(_Report):
    """What came of a job."""

    result: Annotated[dict[str, Any], AfterValidator(_small)]


class Failed(_Report):
    """Why a job failed, and whether trying again makes sense."""

    zh: Reason
    en: Reason
    again: bool = True


@routes.get("/tenants/<tenant>/jobs")
@guarded(Permission.READ)
@described(STATE, KIND, BEFORE, LIMIT, answer=list[jobs.JobInfo], headers=(LINK,))
def listed(scope: TenantScope) -> ResponseReturnValue:
    """Jobs, the newest first."""
    limit, state, kind = LIMIT.read(), STATE.read(), KIND.read()
    with platform().metadata.session() as session:
        found = jobs.list_jobs(
            session, scope, state=None if state == _ALL else jobs.JobState(state),
            kind=None if kind == _ALL else jobs.JobKind(kind), before=BEFORE.read() or None, limit=limit,
        )  # fmt: skip
    return paged([job.model_dump(mode="json") for job in found], "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/jobs")
@guarded(Permission.CONFIGURE)
@described(body=jobs.JobSpec, answer=jobs.JobInfo, status=201)
def ask(scope: TenantScope, body: jobs.JobSpec) -> ResponseReturnValue:
    """Ask for a job."""
    with platform().metadata.session() as session:
        return jobs.ask_job(session, scope, body, datetime.now(UTC)).model_dump(mode="json"), 201


@routes.get("/tenants/<tenant>/jobs/<int:job>")
@guarded(Permission.READ)
@described(answer=jobs.JobInfo)
def one(scope: TenantScope, job: int) -> ResponseReturnValue:
    """One job as it stands."""
    with platform().metadata.session() as session:
        return jobs.find_job(session, scope, known_id(job)).model_dump(mode="json")


@routes.post("/tenants/<tenant>/jobs/<int:job>/cancel")
@guarded(Permission.CONFIGURE)
@described(answer=jobs.JobInfo)
def cancel(scope: TenantScope, job: int) -> ResponseReturnValue:
    """Not want a job any more; one that runs ends with its worker's next report."""
    with platform().metadata.session() as session:
        return jobs.cancel_job(session, scope, known_id(job), datetime.now(UTC)).model_dump(mode="json")


@routes.post("/jobs/claim")
@authenticated
@described(body=ClaimAsked, answer=list[jobs.ClaimedJob])
def claim(principal: Principal, body: ClaimAsked) -> ResponseReturnValue:
    """Take the next job of the tenants in which the key may analyse and ingest; none if nothing is due."""
    found = _claimed(principal, body)
    if found is None and body.wait_s and _waiting.acquire(blocking=False):
        try:
            found = _awaited(principal, body)
        finally:
            _waiting.release()
    return [] if found is None else [found.model_dump(mode="json")]


@routes.post("/tenants/<tenant>/jobs/<int:job>/progress")
@guarded(Permission.ANALYSE)
@described(body=Progress, answer=jobs.JobInfo)
def progress(scope: TenantScope, job: int, body: Progress) -> ResponseReturnValue:
    """Say how far a job is and hold it for longer; where the answer says cancelled, stop."""
    words, more = (body.words_zh, body.words_en), timedelta(seconds=body.lease_s)
    with platform().metadata.session() as session:
        return jobs.report_progress(
            session, scope, body.hold(job), body.share, words, more, datetime.now(UTC)
        ).model_dump(mode="json")


@routes.post("/tenants/<tenant>/jobs/<int:job>/done")
@guarded(Permission.ANALYSE)
@described(body=Done, answer=jobs.JobInfo)
def done(scope: TenantScope, job: int, body: Done) -> ResponseReturnValue:
    """Say that a job is done; saying it twice is no error."""
    with platform().metadata.session() as session:
        return jobs.report_done(session, scope, body.hold(job), body.result, datetime.now(UTC)).model_dump(
            mode="json"
        )


@routes.post("/tenants/<tenant>/jobs/<int:job>/failed")
@guarded(Permission.ANALYSE)
@described(body=Failed, answer=jobs.JobInfo)
def failed(scope: TenantScope, job: int, body: Failed) -> ResponseReturnValue:
    """Say that a job failed; it is tried again after a pause, unless that makes no sense."""
    with platform().metadata.session() as session:
        return jobs.report_failed(
            session, scope, body.hold(job), (body.zh, body.en), datetime.now(UTC), again=body.again
        ).model_dump(mode="json")


@routes.get("/tenants/<tenant>/job-schedules")
@guarded(Permission.READ)
@described(answer=list[jobs.Schedule])
def schedules(scope: TenantScope) -> ResponseReturnValue:
    """What is asked for again and again, the soonest first."""
    with platform().metadata.session() as session:
        return [one.model_dump(mode="json") for one in jobs.list_schedules(session, scope)]


@routes.post("/tenants/<tenant>/job-schedules")
@guarded(Permission.CONFIGURE)
@described(body=jobs.ScheduleSpec, answer=jobs.Schedule, status=201)
def schedule_make(scope: TenantScope, body: jobs.ScheduleSpec) -> ResponseReturnValue:
    """Have a job asked for by a cron expression on the plant's clock."""
    with platform().metadata.session() as session:
        return jobs.make_schedule(session, scope, body, datetime.now(UTC)).model_dump(mode="json"), 201


@routes.delete("/tenants/<tenant>/job-schedules/<int:schedule>")
@guarded(Permission.CONFIGURE)
@described(status=204)
def schedule_remove(scope: TenantScope, schedule: int) -> ResponseReturnValue:
    """Ask for its jobs no more."""
    with platform().metadata.session() as session:
        jobs.remove_schedule(session, scope, known_id(schedule), datetime.now(UTC))
    return "", 204


def _awaited(principal: Principal, body: ClaimAsked) -> jobs.ClaimedJob | None:
    until = time.monotonic() + body.wait_s
    found = None
    while found is None and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
        found = _claimed(principal, body)
    return found


def _claimed(principal: Principal, body: ClaimAsked) -> jobs.ClaimedJob | None:
    tenants, now = jobs.tenants_served(principal), datetime.now(UTC)
    metadata = platform().metadata.above(Above.JOBS)
    # Most of the time nothing is due, and a look costs no write.
    with metadata.session() as session:
        if not tenants or not jobs.anything_due(session, tenants, body.kinds, now):
            return None
    name, lease = body.worker or principal.name, timedelta(seconds=body.lease_s)
    with metadata.session() as session:
        return jobs.claim_job(session, tenants, body.kinds, name, lease, now)


@routes.errorhandler(jobs.UnknownJob)
def _unknown_job(error: jobs.UnknownJob) -> ResponseReturnValue:
    return Problem(404, f"There is no job {error}.", f"没有任务 {error}。", "unknown_job").response()


@routes.errorhandler(jobs.UnknownSchedule)
def _unknown_schedule(error: jobs.UnknownSchedule) -> ResponseReturnValue:
    return Problem(
        404, f"There is no schedule {error}.", f"没有定时任务 {error}。", "unknown_schedule"
    ).response()


@routes.errorhandler(jobs.TooManyJobs)
def _too_many(error: jobs.TooManyJobs) -> ResponseReturnValue:
    return Problem(
        422, f"There are {error} already. Wait until some are over, or cancel what nobody needs.",
        f"数量已达上限 {error}。请等待部分任务结束, 或取消不再需要的任务。", "too_many_jobs",
    ).response()  # fmt: skip


@routes.errorhandler(jobs.LeaseLost)
def _lease_lost(error: jobs.LeaseLost) -> ResponseReturnValue:
    return Problem(
        409, f"Job {error} is no longer this worker's: it was silent for too long. Drop what was done.",
        f"任务 {error} 已不属于该执行进程: 超时未上报。请放弃已完成的部分。", "lease_lost",
    ).response()  # fmt: skip


@routes.errorhandler(jobs.CronRefused)
def _cron(error: jobs.CronRefused) -> ResponseReturnValue:
    return Problem(
        422, f"{error} is no cron expression with a next time. Five fields are needed, such as 0 3 * * 1.",
        f"{error} 不是可用的 cron 表达式。需要五个字段, 例如 0 3 * * 1。", "cron_refused",
    ).response()  # fmt: skip
