"""What the API answers about upgrades of subscriptions."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Upgrade(TypedDict):
    """One way of a subscription from a version to another."""

    id: int
    app: str
    from_version: str
    to_version: str
    state: str
    automatic: bool
    asked_by: str
    asked_at: str
    agreed: list[str]
    signals: list[int]
    fresh: list[int]
    inputs: dict[str, list[int]] | None
    tries: int
    try_at: str
    shadow: dict[str, Any] | None
    taken_at: str | None
    ended_at: str | None
    ended_by: str | None
    reason: str


class Newer(TypedDict):
    """A newer version on the shelf, and what taking it would be."""

    version: str
    approved_at: str | None
    said: dict[str, str] | None
    changed: list[str]
    more: list[str]
    signals: list[int]
    fresh: list[int]
    missing: list[str]
    plans: list[dict[str, Any]]
    resources: dict[str, float]


class Versions(TypedDict):
    """How a subscription stands between versions."""

    version: str
    follow: str
    newer: Newer | None
    waiting: Upgrade | None
    former: str | None


class Followed(TypedDict):
    """Which newer versions come without being asked for."""

    follow: str


class Begun(TypedDict):
    """Upgrades that began."""

    upgrades: list[Upgrade]
