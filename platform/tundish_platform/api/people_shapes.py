"""Answers about people, keys and log-in as the OpenAPI document tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from tundish_platform.api.shapes import Shape
from tundish_platform.people.grants import HeldRole


class MemberOfTenant(Shape):
    """A person of the tenant, and their roles here."""

    person: int
    login: str
    name: str
    roles: list[HeldRole]
    second_factor: bool
    disabled: bool


class Given(Shape):
    """Whether something was given that was not held before."""

    given: bool


class Taken(Shape):
    """Whether it was held until now."""

    taken: bool


class AllTaken(Shape):
    """How many roles were taken."""

    taken: int


class Invitation(Shape):
    """An invitation; its token is not kept."""

    id: int
    login: str
    roles: list[HeldRole]
    created_by: str
    created_at: datetime
    expires_at: datetime
    state: Literal["open", "accepted", "withdrawn", "expired"]


class InvitationMade(Invitation):
    """A new invitation with what to send to whom it is for, shown this once."""

    token: str
    path: str


class Withdrawn(Shape):
    """Whether it was open until now."""

    withdrawn: bool


class CameIn(Shape):
    """Number of the new person."""

    person: int


class Entered(Shape):
    """Name of the tenant that may be entered now."""

    tenant: str


class Key(Shape):
    """An API key; its text is not kept."""

    id: int
    name: str
    roles: list[HeldRole]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    own: bool


class KeyMade(Key):
    """A new key with its text, shown this once."""

    key: str


class Revoked(Shape):
    """Whether it stood until now."""

    revoked: bool


class SessionOpened(Shape):
    """A session to send as the bearer token, shown this once."""

    session: str
    name: str
    expires_at: datetime


class PasskeyOptions(Shape):
    """What a browser asks its authenticator, and the token to come back with."""

    token: str
    options: dict[str, Any]


class OwnSession(Shape):
    """One of one's open sessions."""

    number: int
    opened_at: datetime
    seen_at: datetime
    expires_at: datetime
    agent: str
    current: bool


class Ended(Shape):
    """How many sessions were ended."""

    ended: int


class SecondFactor(Shape):
    """Whether log-in asks for a code, and how many recovery codes are left."""

    confirmed: bool
    codes_left: int


class Enrolled(Shape):
    """What an authenticator has to learn, shown this once."""

    secret: str
    uri: str


class RecoveryCodes(Shape):
    """Codes that open once each, shown this once."""

    recovery_codes: list[str]


class Passkey(Shape):
    """One of one's passkeys."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None
