"""What the API answers about shadow trials."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class TrialRow(TypedDict):
    """A trial as lists show it."""

    id: int
    app: str
    version: str
    name: dict[str, str]
    parameters: dict[str, float | str]
    signals: list[int]
    inputs: dict[str, list[int]] | None
    start: str
    end: str
    step_s: float
    schedule_s: float
    window_s: float
    asked_by: str
    asked_at: str
    ended_at: str | None
    state: str
    share: float
    words_zh: str
    words_en: str
    failure_zh: str
    failure_en: str
    ending: bool


class Trial(TrialRow):
    """A trial with its report, which docs/reference/trials.md explains, once there is one."""

    report: dict[str, Any] | None
