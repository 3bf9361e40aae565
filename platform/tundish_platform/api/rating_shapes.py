"""Answers about ratings as the OpenAPI document tells them."""

from __future__ import annotations

from datetime import datetime

from tundish_platform.api.shapes import Shape


class StarCounts(Shape):
    """How many tenants gave one star, two, … five; the mean is null while nobody has."""

    mean: float | None
    counts: list[int]


class RatingFigures(Shape):
    """What came of an app's alerts over at least five tenants.

    ``key`` is a version, a division of GB/T 4754 or empty for all. Shares come with 95 % intervals by Wilson.
    ``missed`` and the recall are null where nobody reports failures. The median lead time lies between
    ``lead_from_s`` and ``lead_to_s``, of which null is open, where ``lead_known``. Costs are CNY, rounded.
    """

    key: str
    at_least: int
    confirmed: int
    refuted: int
    unclear: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    missed: int | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    lead_known: bool
    lead_from_s: float | None
    lead_to_s: float | None
    avoided_cost: float | None


class Rating(Shape):
    """What an app was worth: measured up to the end of ``month``, and as its users say.

    ``total`` is null while too few tenants contribute. What is missing of versions and industries could tell
    of few tenants.
    """

    app: str
    month: str
    total: RatingFigures | None
    versions: list[RatingFigures]
    industries: list[RatingFigures]
    stars: StarCounts


class SaidOfApp(Shape):
    """Stars and a text, without whose they are; ``hidden_because`` is told to the operator and the author."""

    id: int
    stars: int
    text: str
    version: str
    said_at: datetime
    hidden_because: str | None


class OwnStars(Shape):
    """What the tenant itself said of an app, and whether it may: its first run has to have gone well."""

    may: bool
    said: SaidOfApp | None


class MissedFailure(Shape):
    """A failure of a machine that no alert announced."""

    id: int
    path: str
    failed_at: datetime
    note: str
    said_at: datetime
    said_by: str


class AppUse(Shape):
    """Subscribers of a month, rounded down, and their runs, rounded; ``*`` is all industries."""

    month: str
    industry: str
    at_least: int
    runs: float | None
