"""Answers about ratings."""

from __future__ import annotations

from typing_extensions import TypedDict


class StarCounts(TypedDict):
    """How many tenants gave one star, two, … five."""

    mean: float | None
    counts: list[int]


class RatingFigures(TypedDict):
    """What came of an app's alerts over at least five tenants; ``key`` is a version or an industry."""

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


class Rating(TypedDict):
    """What an app was worth, measured up to the end of ``month`` and as its users say."""

    app: str
    month: str
    total: RatingFigures | None
    versions: list[RatingFigures]
    industries: list[RatingFigures]
    stars: StarCounts


class SaidOfApp(TypedDict):
    """Stars and a text, without whose they are."""

    id: int
    stars: int
    text: str
    version: str
    said_at: str
    hidden_because: str | None


class OwnStars(TypedDict):
    """What the tenant itself said, and whether it may."""

    may: bool
    said: SaidOfApp | None


class MissedFailure(TypedDict):
    """A failure of a machine that no alert announced."""

    id: int
    path: str
    failed_at: str
    note: str
    said_at: str
    said_by: str


class AppUse(TypedDict):
    """Subscribers of a month, rounded down, and their runs, rounded; ``*`` is all industries."""

    month: str
    industry: str
    at_least: int
    runs: float | None
