"""What the API answers about publishers and their apps, as types of its JSON; see `answers`."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class SigningKey(TypedDict):
    """A publisher's public key; its fingerprint is the SHA-256 of its DER form."""

    publisher: str
    fingerprint: str
    public_key: str
    state: Literal["waiting", "active", "retired", "revoked"]
    added_at: str
    added_by: str
    vouched_by: str
    confirmed_by: str | None
    revoked_since: str | None
    reason: str


class Publisher(TypedDict):
    """As what a tenant publishes; None while it does not."""

    name: str | None
    keys: list[SigningKey]


class Finding(TypedDict):
    """One thing that is wrong with a version."""

    check: Literal["texts", "semantics", "upgrade", "conformance"]
    problem: str


class Report(TypedDict):
    """What the automatic checks found."""

    isolation: str
    findings: list[Finding]


class Version(TypedDict):
    """A version of an app as it was sent."""

    id: int
    app: str
    version: str
    publisher: str
    state: Literal["uploaded", "in_review", "approved", "rejected", "withdrawn"]
    suspect: bool
    digest: str
    size: int
    signature: str
    key: str
    public_key: str
    manifest: dict[str, Any]
    report: Report | None
    uploaded_at: str
    uploaded_by: str
    decided_at: str | None
    decided_by: str | None
    reason: str


class Revoked(TypedDict):
    """How many versions fell with a key."""

    withdrawn: int


class FieldRun(TypedDict):
    """A run of a publisher's app somewhere, without anything of that tenant's own."""

    id: int
    tenant: int
    version: str
    day: str
    outcome: str
    seconds: float
    cpu_s: float | None
    memory_mb: int | None
    rows_below: int
    error_type: str
    error_place: str


class FieldUpgrade(TypedDict):
    """How many upgrades to a version stand so, over all tenants."""

    version: str
    state: str
    reason: str
    upgrades: int


class FieldHalt(TypedDict):
    """How many tenants' runs of a version stand still because it failed again and again."""

    version: str
    tenants: int
