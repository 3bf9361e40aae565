"""What the API answers about samples, sources and people, as types of its JSON.

Times are texts in ISO 8601. A test holds each type against the OpenAPI document and against real answers.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class StoreHealth(TypedDict):
    """Whether samples are taken, and how many things are wrong."""

    ready: bool
    problems: int


class Health(TypedDict):
    """How the platform stands."""

    status: str
    store: StoreHealth


class TenantOfMine(TypedDict):
    """A tenant that the token may enter, and what it may do there."""

    slug: str
    name_zh: str
    name_en: str
    timezone: str
    permissions: list[str]
    places: dict[str, list[str]]


class Me(TypedDict):
    """Whose token it is."""

    name: str
    roles: list[str]
    tenants: list[TenantOfMine]


class Passkey(TypedDict):
    """One of one's passkeys."""

    id: int
    name: str
    created_at: str
    last_used_at: str | None


class PasskeyOptions(TypedDict):
    """What a browser asks its authenticator, and the token to come back with."""

    token: str
    options: dict[str, Any]


class SecondFactor(TypedDict):
    """Whether log-in asks for a code, and how many recovery codes are left."""

    confirmed: bool
    codes_left: int


class Enrolled(TypedDict):
    """What an authenticator has to learn, shown this once."""

    secret: str
    uri: str


class OwnSession(TypedDict):
    """One of one's open sessions."""

    number: int
    opened_at: str
    seen_at: str
    expires_at: str
    agent: str
    current: bool


class SessionOpened(TypedDict):
    """A session to send as the bearer token, shown this once."""

    session: str
    name: str
    expires_at: str


class Gap(TypedDict):
    """A stretch of which nothing is known."""

    signal: int
    ts: str
    end: str
    reason: str


class HeldRole(TypedDict):
    """A role in the tenant."""

    role: str
    place: str


class Invitation(TypedDict):
    """An invitation; its token is not kept."""

    id: int
    login: str
    roles: list[HeldRole]
    created_by: str
    created_at: str
    expires_at: str
    state: str


class InvitationMade(Invitation):
    """A new invitation with what to send to whom it is for, shown this once."""

    token: str
    path: str


class Key(TypedDict):
    """An API key; its text is not kept."""

    id: int
    name: str
    roles: list[HeldRole]
    created_by: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    own: bool


class KeyMade(Key):
    """A new key with its text, shown this once."""

    key: str


class Latest(TypedDict):
    """Newest sample of a signal."""

    signal: int
    ts: str
    value: float | int | str | list[float | None] | None
    status: int
    arrival: str


class Line(TypedDict):
    """A line at a glance, at its own now."""

    line: str
    now: str | None
    arrival: str | None
    completeness: float | None
    silent: list[int]
    signals: list[int]
    states: dict[str, float | int | str | list[float | None] | None]
    sources: list[str]


class MemberOfTenant(TypedDict):
    """A person of the tenant, and their roles here."""

    person: int
    login: str
    name: str
    roles: list[HeldRole]
    second_factor: bool
    disabled: bool


class EvidenceItem(TypedDict):
    """One signal that moved the prediction: what it was, and what it is when all is well."""

    signal: str
    name_zh: str
    name_en: str
    value: float | str | None
    expected: float | str | None
    unit: str
    contribution: float | None


class Prediction(TypedDict):
    """Evidence with where and when it stands in the store."""

    model: str
    target: str
    version: str
    label_zh: str
    label_en: str
    value: float | str | None
    unit: str
    low: float | None
    high: float | None
    probability: float | None
    window_start: str | None
    window_end: str | None
    completeness: float | None
    evidence: list[EvidenceItem]
    check_zh: str
    check_en: str
    trained_from: str | None
    trained_to: str | None
    cases: int | None
    path: str
    line: str
    signal: int
    value_signal: int | None
    ts: str
    arrival: str


class Counts(TypedDict):
    """Samples since the source started, stage by stage: what came in must be found in one of the others."""

    received: int
    queued: int
    dropped: int
    sent: int
    thinned: int


class FailedSignal(TypedDict):
    """A signal the source could not subscribe to, and the reason in its own words."""

    path: str
    reason: str


class SourceSignals(TypedDict):
    """How the source's signals are."""

    subscribed: int
    failed: list[FailedSignal]
    silent: list[str]


class SourceInfo(TypedDict):
    """A source as the tenant sees it."""

    state: str
    message_zh: str
    message_en: str
    counts: Counts
    spool_hours_left: float | None
    signals: SourceSignals
    name: str
    seen_at: str
    stale: bool


class Summary(TypedDict):
    """Figures of a signal over a window; the mean is weighted by time."""

    signal: int
    mean: float | None
    min: float | None
    max: float | None
    count: int
    good_share: float | None
    completeness: float | None


class Point(TypedDict):
    """A point of a trend."""

    ts: str
    value: float | None
    status: int


class Trend(TypedDict):
    """A signal's points, thinned for the eye."""

    signal: int
    path: str
    unit: str
    step: bool
    points: list[Point]


class EngineeringUnit(TypedDict):
    """A unit in the spellings that a server, a screen and arithmetic need."""

    ucum: str
    unece: str
    unit_id: int
    symbol: str
    name_zh: str
    name_en: str
    quantity: str
    pint: str
    difference: str


class SemanticKind(TypedDict):
    """A kind of the vocabulary."""

    name: str
    unit: str
    name_zh: str
    name_en: str
    difference: bool


class Vocabulary(TypedDict):
    """The units and semantic kinds there are."""

    units: list[EngineeringUnit]
    semantic_kinds: list[SemanticKind]
