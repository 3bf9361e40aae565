"""What the API answers about alarms, equipment and apps, as types of its JSON; see `answers`."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class App(TypedDict):
    """A manifest with its model cards."""

    id: str
    version: str
    entry: str
    name: dict[str, Any]
    description: dict[str, Any]
    publisher: str
    industries: list[str]
    problems: list[str]
    inputs: list[dict[str, Any]]
    records: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    documents: list[dict[str, Any]]
    parameters: list[dict[str, Any]]
    schedule_s: float
    window_s: float
    resources: dict[str, Any]
    price: dict[str, Any]
    plans: list[dict[str, Any]]
    data_use: dict[str, Any]
    changes: dict[str, Any] | None
    card_zh: str
    card_en: str


class LineKit(TypedDict):
    """What a line of one kind has."""

    id: str
    name_zh: str
    name_en: str
    line: str
    signals: list[dict[str, Any]]
    names: dict[str, list[Any]]
    rules: list[dict[str, Any]]
    dashboards: list[str]
    apps: list[str]
    models: list[str]


class Channel(TypedDict):
    """A channel as it may be shown."""

    id: int
    kind: str
    name: str
    settings: dict[str, Any]
    enabled: bool
    version: int
    changed_by: str
    changed_at: str


class Contact(TypedDict):
    """A contact as it is listed."""

    mail: str
    mobile: str
    user: int
    name: str
    member: bool
    policies: list[int]


class DeliveryView(TypedDict):
    """A message as the log shows it."""

    id: int
    key: str
    channel: int
    kind: str
    state: str
    alarms: list[int]
    count: int
    subject: str
    attempts: int
    made_at: str
    due_at: str
    sent_at: str | None
    fault: str
    fault_zh: str
    fault_en: str
    detail: str


class Step(TypedDict):
    """One step of an escalation."""

    after_minutes: int
    channels: list[int]
    people: list[int]
    roles: list[str]
    least_priority: int
    hours: list[dict[str, Any]]


class Policy(TypedDict):
    """A policy as it is kept."""

    name: str
    path: str
    least_priority: int
    steps: list[Step]
    stops_when_cleared: bool
    stops_when_shelved: bool
    enabled: bool
    id: int
    version: int
    changed_by: str
    changed_at: str


class Rule(TypedDict):
    """A rule as it is kept."""

    signal: int
    kind: str
    threshold: float
    deadband: float
    on_delay_s: float
    off_delay_s: float
    priority: int
    name_zh: str
    name_en: str
    advice_zh: str
    advice_en: str
    hours: list[dict[str, Any]]
    enabled: bool
    id: int
    version: int
    changed_by: str
    changed_at: str


class AlarmView(TypedDict):
    """An alarm as lists show it; its state is that of the moment of the question."""

    id: int
    source: str
    key: str
    path: str
    priority: int
    name_zh: str
    name_en: str
    message_zh: str
    message_en: str
    value: float | None
    state: str
    active: bool
    acknowledged: bool
    shelved_until: str | None
    reason: str
    raised_ts: str | None
    cleared_ts: str | None
    occurrences: int


class EventView(TypedDict):
    """An event as lists show it."""

    id: int
    alarm: int
    transition: str
    at: str
    ts: str
    late: bool
    by: str
    comment: str
    value: float | None


class Flood(TypedDict):
    """A stretch of too many alarms."""

    start: str
    end: str
    alarms: int


class Fit(TypedDict):
    """What of an app's inputs a tenant serves."""

    found: list[str]
    absent: list[str]
    missing: list[str]
    usable: bool
    signals: list[int]


class TypeInfo(TypedDict):
    """A version of a type."""

    key: str
    version: int
    base: list[Any] | None
    name_zh: str
    name_en: str
    created_at: str
    created_by: str
    declared: dict[str, Any]
    resolved: dict[str, Any]


class AssetInfo(TypedDict):
    """An asset as the tenant sees it."""

    id: int
    parent: int | None
    path: str
    level: str
    name_zh: str
    name_en: str
    position: int
    retired_at: str | None
    version: int
    signals: int


class Instance(TypedDict):
    """An asset of a type."""

    asset: int
    path: str
    type: str
    type_version: int
    overrides: dict[str, Any]
    resolved: dict[str, Any]
    overridden: list[str]


class Change(TypedDict):
    """What happens, or would happen, to an asset, signal or rule."""

    path: str
    change: str
    id: int | None
    name_en: str


class Changes(TypedDict):
    """Everything that happens, or would happen."""

    assets: list[Change]
    signals: list[Change]
    rules: list[Change]


class Typed(Instance, Changes):
    """An asset of a type, and what was made for it."""


class Kit(Changes):
    """What a line kit makes."""

    kit: str
    line: str
    applied: bool
    dashboards: list[str]
    apps: list[str]
    models: list[str]


class Window(TypedDict):
    """A window as it is kept."""

    path: str
    starts_at: str
    ends_at: str
    reason: str
    id: int
    made_by: str
    made_at: str
    ended_by: str


class Annotation(TypedDict):
    """A note on a stretch of source time; the end is the start for a moment."""

    id: int
    path: str
    starts_at: str
    ends_at: str
    text: str
    said_at: str
    said_by: str


class MaintenanceRecord(TypedDict):
    """Work that was done on a machine; the end is the start where nobody said how long it took."""

    id: int
    path: str
    kind: str
    started_at: str
    ended_at: str
    text: str
    done_by: str
    said_at: str
    said_by: str


class RecordedRun(TypedDict):
    """A run with the number under which it was recorded."""

    app: str
    version: str
    started_at: str
    window_start: str
    window_end: str
    seconds: float
    rows_in: int
    values_out: int
    isolation: str
    filtered: bool
    outcome: str
    message_zh: str
    message_en: str
    screen: dict[str, Any] | None
    cpu_s: float | None
    memory_mb: int | None
    error_type: str
    error_place: str
    id: int


class Recorded(TypedDict):
    """Number of what was recorded."""

    id: int


class Owed(TypedDict):
    """An acknowledgement that the source has to be told."""

    alarm: int
    key: str


class Taken(TypedDict):
    """What became of reports."""

    changed: int
    late: int
    repeated: int


class Halted(TypedDict):
    """Since when an app stands still because it failed again and again, and why."""

    version: str
    failures: int
    since: str
    reason_zh: str
    reason_en: str


class RunHeld(TypedDict):
    """Until when nobody else may run the app."""

    until: str


class Restarted(TypedDict):
    """Whether there was something to start again."""

    restarted: bool


class Trying(TypedDict):
    """A newer version that waits for its shadow run, as the worker needs it."""

    id: int
    version: str
    signals: list[int]
    inputs: dict[str, list[int]] | None
    try_at: str


class Subscription(TypedDict):
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
    started_at: str
    started_by: str
    stopped_at: str | None
    stopped_because: str | None
    signals: list[int]
    records: list[str]
    inputs: dict[str, list[int]] | None
    last_run_at: str | None
    paused_at: str | None
    trial_until: str | None
    state: str
    active: bool
    due: bool
    halted: Halted | None
    follow: str
    upgrade: Trying | None
