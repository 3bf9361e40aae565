"""Answers about the catalogue and the matching of inputs."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Shelf(TypedDict):
    """An industry of GB/T 4754 or a problem, and how many apps suit it."""

    code: str
    name: dict[str, Any]
    apps: int


class Shelves(TypedDict):
    """By what the catalogue is divided."""

    industries: list[Shelf]
    problems: list[Shelf]


class FoundApp(TypedDict):
    """An app, and what it would find at the tenant."""

    id: str
    version: str
    name: dict[str, Any]
    description: dict[str, Any]
    publisher: str
    industries: list[str]
    problems: list[str]
    approved_at: str | None
    inputs: int
    found: int
    usable: bool
    subscribed: bool


class Release(TypedDict):
    """An approved version: the publisher's words, and which parts of the manifest changed."""

    version: str
    at: str | None
    said: dict[str, Any] | None
    changed: list[str]


class MatchedInput(TypedDict):
    """One input: what fits, what looks like it, what cannot serve and why, what was confirmed."""

    key: str
    name: dict[str, Any]
    semantic: str
    need: str
    unit: str
    max_period_s: float | None
    fits: int
    signals: list[dict[str, Any]]
    suggestions: list[dict[str, Any]]
    near: list[dict[str, Any]]
    confirmed: list[dict[str, Any]]


class Matching(TypedDict):
    """An app's inputs against the tenant's signals."""

    app: str
    version: str
    lines: list[str]
    found: int
    missing: list[str]
    confirmed: bool
    inputs: list[MatchedInput]


class Mapped(TypedDict):
    """What an app reads from now on."""

    inputs: dict[str, list[int]]
    signals: list[int]
    missing: list[str]
