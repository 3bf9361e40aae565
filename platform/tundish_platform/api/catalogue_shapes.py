"""Answers about the catalogue and the matching of inputs as the OpenAPI document tells them."""

from __future__ import annotations

from datetime import datetime

from tundish_platform.api.shapes import Shape
from tundish_platform.marketplace.mapping import Standing
from tundish_platform.sdk import Need, Texts
from tundish_platform.sdk.fit import Why


class Shelf(Shape):
    """An industry of GB/T 4754 or a problem, and how many apps suit it."""

    code: str
    name: Texts
    apps: int


class Shelves(Shape):
    """By what the catalogue is divided."""

    industries: list[Shelf]
    problems: list[Shelf]


class FoundApp(Shape):
    """An app, and what it would find at the tenant."""

    id: str
    version: str
    name: Texts
    description: Texts
    publisher: str
    industries: list[str]
    problems: list[str]
    approved_at: datetime | None
    inputs: int
    found: int
    usable: bool
    subscribed: bool


class Release(Shape):
    """An approved version: the publisher's words, and which parts of the manifest changed."""

    version: str
    at: datetime | None
    said: Texts | None
    changed: list[str]


class MatchedSignal(Shape):
    """A signal that fits an input, or looks like it: then with a score from 0 to 1."""

    id: int
    path: str
    name: Texts
    unit: str
    score: float | None = None


class Obstacle(Shape):
    """What does not fit, what the signal has, and what is asked for."""

    why: Why
    found: str
    wanted: str


class NearMiss(MatchedSignal):
    """A signal of the right kind that cannot serve all the same."""

    obstacles: list[Obstacle]


class ConfirmedSignal(Shape):
    """A signal that a person confirmed, and whether it still is what it was."""

    id: int
    path: str
    by: str
    at: datetime
    standing: Standing
    changed: list[str]


class MatchedInput(Shape):
    """One input: what fits, at most 500 named; what looks like it; what cannot serve; what was confirmed."""

    key: str
    name: Texts
    semantic: str
    need: Need
    unit: str
    max_period_s: float | None
    fits: int
    signals: list[MatchedSignal]
    suggestions: list[MatchedSignal]
    near: list[NearMiss]
    confirmed: list[ConfirmedSignal]


class Matching(Shape):
    """An app's inputs against the tenant's signals.

    ``found`` counts inputs with a signal that would be granted; without those in ``missing`` it cannot work.
    """

    app: str
    version: str
    lines: list[str]
    found: int
    missing: list[str]
    confirmed: bool
    inputs: list[MatchedInput]


class Mapped(Shape):
    """What an app reads from now on."""

    inputs: dict[str, list[int]]
    signals: list[int]
    missing: list[str]
