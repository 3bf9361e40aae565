"""What the API answers about the shift hand-over, as types of its JSON; see `answers`."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class ShiftPlan(TypedDict):
    """The shifts of a place, what is measured there, and who gets its reports."""

    id: int
    path: str
    zone: str
    shifts: list[dict[str, Any]]
    exceptions: list[dict[str, Any]]
    state: str
    total: str
    rejects: str
    ideal_s: float | None
    target: float | None
    mail: dict[str, Any] | None
    since: str
    version: int
    changed_by: str
    changed_at: str


class HandoverIssue(TypedDict):
    """An edition of a shift's report."""

    id: int
    path: str
    starts_at: str
    ends_at: str
    number: int
    digest: str
    made_at: str


class HandoverWhole(HandoverIssue):
    """An edition with everything that was measured."""

    facts: dict[str, Any]


class HandoverSaid(TypedDict):
    """A note, or an open point."""

    id: int
    path: str
    starts_at: str
    text: str
    point: bool
    follows: int | None
    said_by: str
    said_at: str
    taken_by: str
    taken_at: str | None
    closed_by: str
    closed_at: str | None


class HandoverNotes(TypedDict):
    """Notes of a shift, and the open points that were carried into it."""

    notes: list[HandoverSaid]
    carried: list[HandoverSaid]


class HandoverLetter(TypedDict):
    """A mail with an edition to one person."""

    id: int
    edition: int
    path: str
    starts_at: str
    number: int
    person: int
    state: str
    attempts: int
    made_at: str
    due_at: str
    sent_at: str | None
    fault: str
    fault_zh: str
    fault_en: str
    detail: str
