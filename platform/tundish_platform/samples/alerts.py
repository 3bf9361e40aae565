"""What a model's watch says of one alert: the shape that the worker sends and the platform takes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from tundish_platform.samples.alarms import AlarmPriority

if TYPE_CHECKING:
    from datetime import datetime

MAX_EVIDENCE = 5

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]
# A zero character is the one thing JSON may carry and PostgreSQL cannot keep.
# Together they name an alert and its alarm, whose key has room for 400 characters.
_Word = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
_Path = Annotated[str, Field(min_length=1, max_length=240, pattern=r"^[^\x00]*$")]
_Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
_Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


class Sureness(StrEnum):
    """What the confidence of an alert is.

    The label's calibrated probability; the level of the interval; the share of good windows that were less
    unusual, which is no probability of a fault; or nothing but an app's own rule, which is always 1.
    """

    PROBABILITY = "probability"
    INTERVAL = "interval"
    RANK = "rank"
    RULE = "rule"


class AlertEvidence(BaseModel):
    """One signal that speaks for an alert, as in the prediction's evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signal: Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]
    name_zh: _Name
    name_en: _Name
    value: _Finite | None
    expected: _Finite | None
    unit: Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]
    contribution: _Finite | None


class Horizon(BaseModel):
    """When the failure is expected, with the ends of the interval where the model gives one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expected_at: AwareDatetime
    earliest: AwareDatetime | None = None
    latest: AwareDatetime | None = None


class AlertReport(BaseModel):
    """One alert as it stands after its newest judged window. May be sent again and in any order.

    Model, line, target and `opened_at` name it: the same alert always has the same.

    Attributes:
        version: of the model that opened it.
        target_zh, target_en: what is predicted, such as "cooler condition".
        since: source time at which the first window begins in which the condition held.
        opened_at: end of the window in which it had held often enough.
        closed_at: end of the window in which it had cleared; ``None`` while it holds.
        judged_to: end of the newest window that was judged; a report with an earlier one says nothing new.
        priority: the gravest so far.
        label_zh, label_en, value, low, high, unit: the newest statement for which the condition held.
        confidence: see `Sureness`.
        horizon: ``None`` means now: the condition is there already.
        check_zh, check_en: what a person should look at.
        window_start, window_end, completeness, evidence: of that statement.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: _Word
    version: _Word
    line: _Path
    target: _Word
    target_zh: _Name
    target_en: _Name
    since: AwareDatetime
    opened_at: AwareDatetime
    closed_at: AwareDatetime | None = None
    judged_to: AwareDatetime
    priority: AlarmPriority
    label_zh: _Name
    label_en: _Name
    value: _Finite | None = None
    low: _Finite | None = None
    high: _Finite | None = None
    unit: Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")] = ""
    confidence: _Share
    sureness: Sureness
    horizon: Horizon | None = None
    check_zh: _Text
    check_en: _Text
    window_start: AwareDatetime
    window_end: AwareDatetime
    completeness: _Share
    evidence: Annotated[tuple[AlertEvidence, ...], Field(max_length=MAX_EVIDENCE)] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.since <= self.opened_at <= self.judged_to:
            raise ValueError("since, opened_at and judged_to must follow each other")
        if self.closed_at is not None and not self.opened_at < self.closed_at <= self._latest_end():
            raise ValueError("closed_at must come after opened_at and not after judged_to")
        return self

    def _latest_end(self) -> datetime:
        """When it may have been closed at the latest: whoever judges cannot know what it has not judged."""
        return self.judged_to
