"""Answers about publishers, their keys and versions as the OpenAPI document tells them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from tundish_platform.api.shapes import Shape
from tundish_platform.marketplace import Outcome
from tundish_platform.marketplace.publishing import Report, State

KeyState = Literal["waiting", "active", "retired", "revoked"]


class SigningKey(Shape):
    """A publisher's public key."""

    publisher: str
    fingerprint: str
    public_key: str
    state: KeyState
    added_at: datetime
    added_by: str
    vouched_by: str
    confirmed_by: str | None
    revoked_since: datetime | None
    reason: str


class Publisher(Shape):
    """As what a tenant publishes; null while it does not."""

    name: str | None
    keys: list[SigningKey]


class Version(Shape):
    """A version of an app as it was sent."""

    id: int
    app: str
    version: str
    publisher: str
    state: State
    suspect: bool
    digest: str
    size: int
    signature: str
    key: str
    public_key: str
    manifest: dict[str, Any]
    report: Report | None
    uploaded_at: datetime
    uploaded_by: str
    decided_at: datetime | None
    decided_by: str | None
    reason: str


class FieldRun(Shape):
    """A run of a publisher's app somewhere, without anything of that tenant's own."""

    id: int
    tenant: int
    version: str
    day: date
    outcome: Outcome
    seconds: float
    cpu_s: float | None
    memory_mb: int | None
    rows_below: int
    error_type: str
    error_place: str


class FieldUpgrade(Shape):
    """How many upgrades to a version stand so, over all tenants."""

    version: str
    state: str
    reason: str
    upgrades: int


class FieldHalt(Shape):
    """How many tenants' runs of a version stand still because it failed again and again."""

    version: str
    tenants: int


class Revoked(Shape):
    """How many versions fell with a key."""

    withdrawn: int
