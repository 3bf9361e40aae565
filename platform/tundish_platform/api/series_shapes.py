"""Answers about months, targets, external facts and declared figures as the OpenAPI document tells them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from tundish_platform.api.shapes import Shape
from tundish_platform.programme import external
from tundish_platform.programme.declared import DeclaredFigures
from tundish_platform.programme.series.targets import Kind

__all__ = ["DeclaredFigures"]

Counts = dict[str, list[int | None]]


class StageName(Shape):
    """A stage of the rule."""

    key: str
    name_zh: str
    name_en: str


class Funnel(Shape):
    """Enterprises by month: on the register, and by stage now, ever and new; null where withheld."""

    enterprises: list[int | None]
    current: Counts
    ever: Counts
    new: Counts


class Range(Shape):
    """Median and interval by month."""

    low: list[int]
    middle: list[int]
    high: list[int]


class Projection(Shape):
    """All stages to the end of the year; the interval holds so large a share of futures."""

    months: list[str]
    level: float
    current: dict[str, Range]
    ever: dict[str, Range]


class FunnelCell(Shape):
    """The same of a county, an industry or a park; null where few enterprises lie in it.

    Multiples of five; a count is renewed when five or more have moved, so that no month gives one away.
    """

    key: str
    suppressed: bool
    figures: Funnel | None
    projection: Projection | None


class Series(Shape):
    """Figures of all frozen months under one version of the rules.

    ``digest`` is of the facts they were computed from; ``simulated`` names months that a simulation made.
    """

    rule_version: str
    rule_name_zh: str
    rule_name_en: str
    stages: list[StageName]
    computed_at: datetime | None
    digest: str
    months: list[str]
    simulated: list[str]
    total: Funnel | None
    by_region: list[FunnelCell]
    by_industry: list[FunnelCell]
    by_park: list[FunnelCell]
    projection: Projection | None


class Failing(Shape):
    """A condition that keeps an enterprise out of the next stage, and for how many months it held."""

    text_zh: str
    text_en: str
    unbroken: int
    needed: int


class StalledOne(Shape):
    """An enterprise that has not moved, with the step it is stuck on; suspicions stand beside."""

    id: int
    uscc: str
    name_zh: str
    name_en: str
    region: str
    industry: str
    park: str
    demo: bool
    stage: str
    next: str
    months: int
    failing: list[Failing]
    suspicions: list[str]


class StalledStep(Shape):
    """How many stalled enterprises a condition keeps out of a stage; of a part of the city about how many.

    Null where few enterprises lie in the part.
    """

    stage: str
    text_zh: str
    text_en: str
    enterprises: int | None


class MonthEnd(Shape):
    """What had come of a target at the end of a month."""

    month: str
    actual: int | None
    completion: float | None


class YearEnd(Shape):
    """What is projected for December, with its interval."""

    level: float
    low: int
    middle: int
    high: int
    completion_low: float | None
    completion: float | None
    completion_high: float | None


class Progress(Shape):
    """How far a target is met; nothing is told where few enterprises lie in its scope.

    ``rounded``: the scope is a part of the city, and is told in multiples of five.
    """

    suppressed: bool
    rounded: bool
    actual: int | None
    completion: float | None
    elapsed: float
    trend: list[MonthEnd]
    year_end: YearEnd | None


class TargetVersion(Shape):
    """A version of a target as it was entered; a value of null took it back."""

    id: int
    year: int
    stage: str
    kind: Kind
    region: str
    industry: str
    park: str
    version: int
    value: int | None
    source: str
    entered_by: str
    entered_at: datetime


class TargetStanding(TargetVersion):
    """A target in force beside what was measured; completion is never clamped."""

    progress: Progress | None
    completion_percent: str | None


class External(Shape):
    """An external fact of an enterprise; it makes no stage."""

    id: int
    kind: external.Kind
    name: str
    number: str
    issuer: str
    issued_on: date
    valid_until: date | None
    file_name: str
    media_type: str
    size: int
    digest: str
    entered_by: str
    entered_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_because: str | None


class ExternalCount(Shape):
    """Enterprises with a standing external fact of a kind: in force today, and all."""

    kind: external.Kind
    in_force: int
    ever: int


class ExternalEntry(external.ExternalSpec):
    """An external fact with its document in base64, PDF, PNG or JPEG of at most 5 MB."""

    document: Annotated[str, Field(max_length=8_000_000)]


class Withdrawal(Shape):
    """Why an external fact is taken back."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]*$")]
