"""What the API takes and tells of upgrades."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tundish_platform.api.shapes import Shape
from tundish_platform.marketplace.upgrades import Follow, Shadow
from tundish_platform.sdk import Texts
from tundish_platform.sdk.manifest import Plan, Resources


class Upgrade(Shape):
    """One way of a subscription from a version to another."""

    id: int
    app: str
    from_version: str
    to_version: str
    state: Literal["trying", "differs", "taken", "refused", "given_up", "returned"]
    automatic: bool
    asked_by: str
    asked_at: datetime
    agreed: list[str]
    signals: list[int]
    fresh: list[int]
    inputs: dict[str, list[int]] | None
    tries: int
    try_at: datetime
    shadow: Shadow | None
    taken_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    reason: str


class Newer(Shape):
    """A newer version on the shelf, and what taking it would be."""

    version: str
    approved_at: datetime | None
    said: Texts | None
    changed: list[str]
    more: list[str]
    signals: list[int]
    fresh: list[int]
    missing: list[str]
    plans: list[Plan]
    resources: Resources


class Versions(Shape):
    """How a subscription stands between versions."""

    version: str
    follow: Follow
    newer: Newer | None
    waiting: Upgrade | None
    former: str | None


class UpgradeAsked(Shape):
    """Which version is to be taken, and what of its data use a person agreed to: all of ``more``."""

    version: Annotated[str, Field(max_length=40)]
    agreed: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=80, default_factory=list)]


class Decision(Shape):
    """Whether a version is taken although it tells other values, or an upgrade given up."""

    take: bool


class Followed(Shape):
    """Which newer versions may come without being asked for."""

    follow: Follow


class Begun(Shape):
    """Upgrades that began."""

    upgrades: list[Upgrade]
