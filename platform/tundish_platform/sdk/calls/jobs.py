"""The part of `Client` about jobs: asked for and watched, taken and reported on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tundish_platform.sdk.calls.paths import given, of
from tundish_platform.sdk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tundish_platform.sdk.calls.job_answers import Claimed, Job, JobPlan


class JobCalls(Transport):
    """One queue for all tenants, in which they take turns."""

    def ask_job(self, tenant: str, kind: str, arguments: Mapping[str, Any], max_attempts: int = 3) -> Job:
        """Ask for a job of a kind: ``train``, ``train-machines`` or ``evaluate``."""
        body = {"kind": kind, "arguments": dict(arguments), "max_attempts": max_attempts}
        asked: Job = self._post(of(tenant, "jobs"), body)
        return asked

    def jobs(self, tenant: str, state: str | None = None, kind: str | None = None) -> Iterator[Job]:
        """The tenant's jobs, the newest first, or those of a state or kind, fetched page by page."""
        return self._every(of(tenant, "jobs"), given(state=state, kind=kind))

    def job(self, tenant: str, number: int) -> Job:
        """One job as it stands."""
        found: Job = self._json("GET", of(tenant, "jobs", number))
        return found

    def cancel_job(self, tenant: str, number: int) -> Job:
        """Not want a job any more; one that runs ends with its worker's next report."""
        cancelled: Job = self._post(of(tenant, "jobs", number, "cancel"))
        return cancelled

    def claim_job(
        self, kinds: Sequence[str], worker: str = "", lease_s: float = 60.0, wait_s: float = 0.0
    ) -> list[Claimed]:
        """Take the next job of the tenants that the key serves; an empty list where nothing is due.

        Args:
            kinds: what the worker can do.
            worker: its name, for people; the key's by default.
            lease_s: after so many seconds without a report the job goes to another worker.
            wait_s: at most 20 s that the answer may wait for a job.
        """
        body = {"kinds": list(kinds), "worker": worker, "lease_s": lease_s, "wait_s": wait_s}
        claimed: list[Claimed] = self._json("POST", "/jobs/claim", json=body)
        return claimed

    def job_progress(
        self, job: Claimed, share: float, zh: str = "", en: str = "", lease_s: float = 60.0
    ) -> Job:
        """Say how far a claimed job is, 0 to 1, and hold it for longer.

        Returns:
            The job; where its ``state`` is ``cancelled``, stop.

        Raises:
            ApiError: ``lease_lost`` where it is another worker's by now.
        """
        body = {"lease": job["lease"], "share": share, "words_zh": zh, "words_en": en, "lease_s": lease_s}
        told: Job = self._post(of(job["tenant"], "jobs", job["id"], "progress"), body)
        return told

    def finish_job(self, job: Claimed, result: Mapping[str, Any]) -> Job:
        """Say that a claimed job is done, with what came of it, at most 16,000 bytes of JSON."""
        body = {"lease": job["lease"], "result": dict(result)}
        told: Job = self._post(of(job["tenant"], "jobs", job["id"], "done"), body)
        return told

    def fail_job(self, job: Claimed, zh: str, en: str, *, again: bool = True) -> Job:
        """Say why a claimed job failed; it is tried again after a pause, unless that makes no sense."""
        body = {"lease": job["lease"], "zh": zh, "en": en, "again": again}
        told: Job = self._post(of(job["tenant"], "jobs", job["id"], "failed"), body)
        return told

    def job_schedules(self, tenant: str) -> list[JobPlan]:
        """What the tenant asks for again and again, the soonest first."""
        return self._list(of(tenant, "job-schedules"))

    def schedule_job(self, tenant: str, kind: str, arguments: Mapping[str, Any], cron: str) -> JobPlan:
        """Ask for a job again and again, by a cron expression on the plant's clock."""
        body = {"kind": kind, "arguments": dict(arguments), "cron": cron}
        made: JobPlan = self._post(of(tenant, "job-schedules"), body)
        return made

    def remove_job_schedule(self, tenant: str, number: int) -> None:
        """Ask for the jobs of a schedule no more."""
        self._send("DELETE", of(tenant, "job-schedules", number))
