"""What the API answers about jobs."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Job(TypedDict):
    """A job as it stands."""

    id: int
    kind: str
    arguments: dict[str, Any]
    state: str
    attempts: int
    max_attempts: int
    not_before: str
    worker: str
    share: float
    words_zh: str
    words_en: str
    result: dict[str, Any] | None
    failure_zh: str
    failure_en: str
    asked_by: str
    asked_at: str
    begun_at: str | None
    ended_at: str | None
    cancelled_by: str
    schedule_id: int | None


class Claimed(Job):
    """A job that a worker holds now: whose it is, and what it shows with every report."""

    tenant: str
    lease: str


class JobPlan(TypedDict):
    """A job that is asked for whenever its cron expression says so."""

    id: int
    kind: str
    arguments: dict[str, Any]
    cron: str
    next_at: str
    made_by: str
    made_at: str
