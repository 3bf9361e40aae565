"""Answers in JSON as the OpenAPI document tells them; a test holds each route's answer against its shape."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from tundish_platform import planning
from tundish_platform.assets import Instance
from tundish_platform.programme.rules import Check
from tundish_platform.samples.semantics import SemanticKind
from tundish_platform.samples.units import EngineeringUnit
from tundish_platform.sdk import Manifest

# JSON has neither NaN nor infinity; where a figure is unknown there is null.
Number = float | None
Value = float | int | str | list[Number] | None


class Shape(BaseModel):
    """An object of which every member is told."""

    model_config = ConfigDict(extra="forbid")


class StoreHealth(Shape):
    """Whether samples are taken, and how many things are wrong."""

    ready: bool
    problems: int


class Health(Shape):
    """How the platform stands."""

    status: Literal["ready", "starting"]
    store: StoreHealth


class Vocabulary(Shape):
    """The units and semantic kinds there are."""

    units: list[EngineeringUnit]
    semantic_kinds: list[SemanticKind]


class TenantOfMine(Shape):
    """A tenant that the token may enter, and what it may do there."""

    slug: str
    name_zh: str
    name_en: str
    timezone: str
    permissions: list[str]
    places: dict[str, list[str]]


class Me(Shape):
    """Whose token it is."""

    name: str
    roles: list[str]
    tenants: list[TenantOfMine]


class Numbers(Shape):
    """Number of each declared path."""

    ids: dict[str, int]


class Named(Shape):
    """What was written."""

    name: str


class Stored(Shape):
    """Rows on disk, and rows left out because retention keeps no days that old."""

    rows: int
    expired: int


class Latest(Shape):
    """Newest sample of a signal."""

    signal: int
    ts: datetime
    value: Value
    status: int
    arrival: datetime


class Sample(Shape):
    """A sample as it is kept."""

    signal: int
    ts: datetime
    value: Value
    status: int
    arrival: datetime


class Point(Shape):
    """A point of a trend."""

    ts: datetime
    value: Number
    status: int


class Trend(Shape):
    """A signal's points, thinned for the eye."""

    signal: int
    path: str
    unit: str
    step: bool
    points: list[Point]


class Summary(Shape):
    """Figures of a signal over a window; the mean is weighted by time."""

    signal: int
    mean: Number
    min: Number
    max: Number
    count: int
    good_share: Number
    completeness: Number


class Aggregate(Shape):
    """Figures of a signal in a window, weighted by time."""

    signal: int
    start: datetime
    end: datetime
    day: date | None
    shift: str | None
    mean: Number
    min: Number
    max: Number
    first: Number
    last: Number
    count: int
    integral: Number
    good_share: Number
    good_s: Number
    completeness: Number
    percent_good: Number


class StateTime(Shape):
    """Time a signal spent in a state within a window; null is time of which nothing is known."""

    signal: int
    start: datetime
    end: datetime
    day: date | None
    shift: str | None
    state: str | None
    seconds: float
    entries: int
    completeness: float


class Gap(Shape):
    """A stretch of which nothing is known."""

    signal: int
    ts: datetime
    end: datetime
    reason: str


class Line(Shape):
    """A line at a glance, at its own now."""

    line: str
    now: datetime | None
    arrival: datetime | None
    completeness: Number
    silent: list[int]
    signals: list[int]
    states: dict[str, Value]
    sources: list[str]


class Owed(Shape):
    """An acknowledgement that the source has to be told."""

    alarm: int
    key: str


class Settled(Shape):
    """Whether there was something to settle."""

    settled: bool


class Removed(Shape):
    """Whether there was something to remove."""

    removed: bool


class Anchor(Shape):
    """End of the audit trail."""

    number: int
    digest: str


class App(Manifest):
    """A manifest with its model cards."""

    card_zh: str
    card_en: str


class Fit(Shape):
    """What of an app's inputs a tenant serves."""

    found: list[str]
    absent: list[str]
    missing: list[str]
    usable: bool
    signals: list[int]


class Halted(Shape):
    """Since when an app stands still because it failed again and again, and why."""

    version: str
    failures: int
    since: datetime
    reason_zh: str
    reason_en: str


class RunHeld(Shape):
    """Until when nobody else may run the app."""

    until: datetime


class Restarted(Shape):
    """Whether there was something to start again."""

    restarted: bool


class Trying(Shape):
    """A newer version that waits for its shadow run, as the worker needs it."""

    id: int
    version: str
    signals: list[int]
    inputs: dict[str, list[int]] | None
    try_at: datetime


class Subscription(Shape):
    """A subscription with its grants."""

    id: int
    app: str
    version: str
    plan: str
    plan_kind: str
    fen: int
    schedule_s: float
    window_s: float
    parameters: dict[str, float | str]
    started_at: datetime
    started_by: str
    stopped_at: datetime | None
    stopped_because: str | None
    signals: list[int]
    records: list[str]
    inputs: dict[str, list[int]] | None
    last_run_at: datetime | None
    paused_at: datetime | None
    trial_until: datetime | None
    state: Literal["trial", "active", "paused", "stopped"]
    active: bool
    due: bool
    halted: Halted | None
    follow: Literal["none", "patches"]
    upgrade: Trying | None


class Stopped(Shape):
    """Whether there was something to stop."""

    stopped: bool


class Change(Shape):
    """What happens, or would happen, to an asset, signal or rule."""

    path: str
    change: planning.Change
    id: int | None
    name_en: str


class Changes(Shape):
    """Everything that happens, or would happen."""

    assets: list[Change]
    signals: list[Change]
    rules: list[Change]


class Kit(Changes):
    """What a line kit makes."""

    kit: str
    line: str
    applied: bool
    dashboards: list[str]
    apps: list[str]
    models: list[str]


class Typed(Instance, Changes):
    """An asset of a type, and what was made for it."""


class Trial(Shape):
    """Number of a test message in the log of messages."""

    delivery: int


class Granted(Shape):
    """Numbers of signals that an app may read."""

    signals: list[int]


class Recorded(Shape):
    """Number of what was recorded."""

    id: int


class Stage(Shape):
    """Enterprises of a stage."""

    stage: str
    name_zh: str
    name_en: str
    current: int
    ever: int


class Cell(Shape):
    """Enterprises of a county or industry, null where they could tell of a single one."""

    key: str
    suppressed: bool
    enterprises: int | None
    stages: dict[str, int] | None


class AdoptionFigures(Shape):
    """The programme's figures under one version of the rules."""

    rule_version: str
    rule_name_zh: str
    rule_name_en: str
    demo_rule: bool
    as_of: datetime | None
    enterprises: int
    demo_enterprises: int
    stages: list[Stage]
    by_region: list[Cell]
    by_industry: list[Cell]
    register_change: int
    simulated: bool


class Registered(Shape):
    """An enterprise of the register with its stage."""

    uscc: str
    name_zh: str
    name_en: str
    industry: str
    region: str
    demo: bool
    registered_at: datetime
    stage: str
    since: datetime | None


class Suspected(Shape):
    """An enterprise whose connection resembles a ghost, why, and what was measured."""

    uscc: str
    name_zh: str
    name_en: str
    region: str
    demo: bool
    reason: str
    risk: float
    signals: int
    figures: dict[str, Number]
    since: datetime
    looked_at: datetime


class EvidenceOf(Shape):
    """Why an enterprise is in its stage."""

    uscc: str
    name_zh: str
    name_en: str
    demo: bool
    rule_version: str
    rule_name_zh: str
    rule_name_en: str
    demo_rule: bool
    as_of: datetime
    assessed_at: datetime
    since: datetime
    stage: str
    facts: dict[str, Any] | None
    facts_withheld: bool
    facts_hash: str
    replays: bool
    next: str
    checks: list[Check]
    suspicions: list[str]
