"""What the API answers about the programme's months, targets and documents, as types; see `answers`."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class StageName(TypedDict):
    """A stage of the rule."""

    key: str
    name_zh: str
    name_en: str


class Funnel(TypedDict):
    """Enterprises by month: on the register, and by stage now, ever and new; null where withheld."""

    enterprises: list[int | None]
    current: dict[str, list[int | None]]
    ever: dict[str, list[int | None]]
    new: dict[str, list[int | None]]


class Range(TypedDict):
    """Median and interval by month."""

    low: list[int]
    middle: list[int]
    high: list[int]


class Projection(TypedDict):
    """All stages to the end of the year."""

    months: list[str]
    level: float
    current: dict[str, Range]
    ever: dict[str, Range]


class FunnelCell(TypedDict):
    """The same of a county, an industry or a park; null where few enterprises lie in it."""

    key: str
    suppressed: bool
    figures: Funnel | None
    projection: Projection | None


class Series(TypedDict):
    """Figures of all frozen months under one version of the rules."""

    rule_version: str
    rule_name_zh: str
    rule_name_en: str
    stages: list[StageName]
    computed_at: str | None
    digest: str
    months: list[str]
    simulated: list[str]
    total: Funnel | None
    by_region: list[FunnelCell]
    by_industry: list[FunnelCell]
    by_park: list[FunnelCell]
    projection: Projection | None


class Failing(TypedDict):
    """A condition that keeps an enterprise out of the next stage."""

    text_zh: str
    text_en: str
    unbroken: int
    needed: int


class StalledOne(TypedDict):
    """An enterprise that has not moved, with the step it is stuck on."""

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


class StalledStep(TypedDict):
    """How many stalled enterprises a condition keeps out of a stage."""

    stage: str
    text_zh: str
    text_en: str
    enterprises: int | None


class MonthEnd(TypedDict):
    """What had come of a target at the end of a month."""

    month: str
    actual: int | None
    completion: float | None


class YearEnd(TypedDict):
    """What is projected for December, with its interval."""

    level: float
    low: int
    middle: int
    high: int
    completion_low: float | None
    completion: float | None
    completion_high: float | None


class Progress(TypedDict):
    """How far a target is met."""

    suppressed: bool
    rounded: bool
    actual: int | None
    completion: float | None
    elapsed: float
    trend: list[MonthEnd]
    year_end: YearEnd | None


class TargetVersion(TypedDict):
    """A version of a target as it was entered; a value of null took it back."""

    id: int
    year: int
    stage: str
    kind: str
    region: str
    industry: str
    park: str
    version: int
    value: int | None
    source: str
    entered_by: str
    entered_at: str


class TargetStanding(TargetVersion):
    """A target in force beside what was measured; completion is never clamped."""

    progress: Progress | None
    completion_percent: str | None


class External(TypedDict):
    """An external fact of an enterprise; it makes no stage."""

    id: int
    kind: str
    name: str
    number: str
    issuer: str
    issued_on: str
    valid_until: str | None
    file_name: str
    media_type: str
    size: int
    digest: str
    entered_by: str
    entered_at: str
    withdrawn_at: str | None
    withdrawn_by: str | None
    withdrawn_because: str | None


class ExternalCount(TypedDict):
    """Enterprises with a standing external fact of a kind: in force today, and all."""

    kind: str
    in_force: int
    ever: int


class DeclaredFigures(TypedDict):
    """Figures that cities published, with their documents."""

    sources: list[dict[str, Any]]
    figures: list[dict[str, Any]]


class ReportIssue(TypedDict):
    """An issued monthly report; ``digest`` is of what it says."""

    id: int
    month: str
    issue: int
    rule_version: str
    issued_at: str
    issued_by: str
    reason: str
    digest: str


class ReportWhole(ReportIssue):
    """The same with everything it says."""

    content: dict[str, Any]


class StagedEnterprise(TypedDict):
    """An enterprise with its stage at the end of the newest frozen month."""

    id: int
    uscc: str
    name_zh: str
    name_en: str
    region: str
    industry: str
    demo: bool
    stage: str
    months: int
