"""What the API answers about the model registry, as types of its JSON; see `answers`."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class ModelInfo(TypedDict):
    """A version in a list; ``levels`` are the newest report's of each kind."""

    id: int
    line: str
    model: str
    version: str
    digest: str
    state: str
    approved_by: str
    approved_at: str | None
    registered_by: str
    registered_at: str
    trained_from: str
    trained_to: str
    cases: int
    metrics: dict[str, float | None]
    levels: dict[str, str]


class ModelDetail(ModelInfo):
    """A version with its card, the version it took the place of, and what can be decided about it now."""

    replaces: str | None
    possible: list[str]
    card: dict[str, Any]


class ModelRoles(TypedDict):
    """Which versions of a line's model run; ``champion`` is null where people retired it."""

    id: int
    line: str
    model: str
    champion: str | None
    shadow: list[str]


class ModelDecision(TypedDict):
    """One thing that was decided about a version; ``from_state`` is null for its registration."""

    id: int
    at: str
    by: str
    what: str
    from_state: str | None
    to_state: str
    reason: str


class ModelReport(TypedDict):
    """What the worker found out about a version."""

    id: int
    kind: str
    level: str
    moment: str
    evidence: dict[str, Any]
    reported_by: str
    reported_at: str
