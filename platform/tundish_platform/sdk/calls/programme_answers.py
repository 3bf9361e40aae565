"""What the API answers about the programme and the audit trail, as types of its JSON; see `answers`."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Anchor(TypedDict):
    """End of the audit trail."""

    number: int
    digest: str


class Figure(TypedDict):
    """A published figure; see the log of figures."""

    number: int
    name: str
    value: int | None
    exact: bool
    region: str
    industry: str
    rule_version: str
    moment: str
    published_at: str
    evidence: str
    demo: bool
    simulated: bool
    corrects: int | None
    reason: str
    format: str


class Head(TypedDict):
    """The signed state of the log of figures."""

    size: int
    root: str
    at: str
    signature: str


class FigureProof(TypedDict):
    """A figure and the path from it to a signed head."""

    format: str
    public_key: str
    figure: Figure
    path: list[str]
    head: Head


class Growth(TypedDict):
    """The path that proves that one log is the beginning of another."""

    earlier: int
    later: int
    path: list[str]


class Verdict(TypedDict):
    """What became of verifying the trail."""

    entries: int
    last: int
    digest: str
    faults: list[str]


class Stage(TypedDict):
    """Enterprises of a stage."""

    stage: str
    name_zh: str
    name_en: str
    current: int
    ever: int


class Cell(TypedDict):
    """Enterprises of a county or industry, null where they could tell of a single one."""

    key: str
    suppressed: bool
    enterprises: int | None
    stages: dict[str, int] | None


class AdoptionFigures(TypedDict):
    """The programme's figures under one version of the rules."""

    rule_version: str
    rule_name_zh: str
    rule_name_en: str
    demo_rule: bool
    as_of: str | None
    enterprises: int
    demo_enterprises: int
    stages: list[Stage]
    by_region: list[Cell]
    by_industry: list[Cell]
    register_change: int
    simulated: bool


class Registered(TypedDict):
    """An enterprise of the register with its stage."""

    uscc: str
    name_zh: str
    name_en: str
    industry: str
    region: str
    demo: bool
    registered_at: str
    stage: str
    since: str | None


class Check(TypedDict):
    """One condition as it was judged, in the words and figures the evidence shows."""

    stage: str
    text_zh: str
    text_en: str
    held: bool
    unbroken: int
    needed: int


class EvidenceOf(TypedDict):
    """Why an enterprise is in its stage."""

    uscc: str
    name_zh: str
    name_en: str
    demo: bool
    rule_version: str
    rule_name_zh: str
    rule_name_en: str
    demo_rule: bool
    as_of: str
    assessed_at: str
    since: str
    stage: str
    facts: dict[str, Any] | None
    facts_withheld: bool
    facts_hash: str
    replays: bool
    next: str
    checks: list[Check]
    suspicions: list[str]


class ProgrammeRule(TypedDict):
    """One published version of the adoption rules."""

    version: str
    demo: bool
    name: dict[str, Any]
    window_s: int
    bin_s: int
    machine_window_s: int
    app_delay_s: int
    alert_within_s: int
    monthly: bool
    stages: list[dict[str, Any]]


class Suspected(TypedDict):
    """An enterprise whose connection resembles a ghost, why, and what was measured."""

    uscc: str
    name_zh: str
    name_en: str
    region: str
    demo: bool
    reason: str
    risk: float
    signals: int
    figures: dict[str, float | None]
    since: str
    looked_at: str


class Entry(TypedDict):
    """A link of the audit trail."""

    number: int
    at: str
    actor: str
    tenant: str
    action: str
    subject: str
    detail: str | None
    detail_digest: str
    digest: str


class UpcomingFigure(TypedDict):
    """A figure that would be published."""

    name: str
    region: str
    industry: str
    value: int
    exact: bool


class UpcomingFigures(TypedDict):
    """What a publication would say; ``mark`` names exactly that when it is confirmed."""

    rule_version: str
    moment: str
    figures: list[UpcomingFigure]
    stands: bool
    mark: str
