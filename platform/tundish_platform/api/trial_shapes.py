"""What the API takes and tells of trials."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from tundish_platform.api.shapes import Shape
from tundish_platform.jobs import JobState
from tundish_platform.sdk import Texts
from tundish_platform.trials import TrialReport, TrialResult


class TrialAsked(Shape):
    """Body of a new trial: which app, and its settings."""

    app: Annotated[str, Field(max_length=60)]
    parameters: Annotated[dict[str, float | str], Field(default_factory=dict)]


class TrialDone(Shape):
    """What came of the runs, from the worker that holds the trial's job."""

    lease: Annotated[str, Field(min_length=10, max_length=40, pattern=r"^[!-~]*$")]
    result: TrialResult


class TrialRow(Shape):
    """A trial as lists show it."""

    id: int
    app: str
    version: str
    name: Texts
    parameters: dict[str, float | str]
    signals: list[int]
    inputs: dict[str, list[int]] | None
    start: datetime
    end: datetime
    step_s: float
    schedule_s: float
    window_s: float
    asked_by: str
    asked_at: datetime
    ended_at: datetime | None
    state: JobState
    share: float
    words_zh: str
    words_en: str
    failure_zh: str
    failure_en: str
    ending: bool


class TrialTold(TrialRow):
    """A trial with its report, once there is one."""

    report: TrialReport | None
