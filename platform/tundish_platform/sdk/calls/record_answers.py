"""Answers about records of apps, questionnaires and sealed documents, as the JSON has them."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Wish(TypedDict):
    """Records an app asks for, and what was agreed to."""

    kind: str
    need: str
    fields: list[str]
    days: int
    purpose: dict[str, Any]
    granted_fields: list[str]
    granted_at: str | None
    granted_by: str | None


class Wishes(TypedDict):
    """All that an app asks for beside signals."""

    records: list[Wish]
    questionnaire: dict[str, Any] | None


class Sheet(TypedDict):
    """One sheet of answers."""

    id: int
    version: str
    answers: dict[str, str]
    said_at: str
    said_by: str


class DocumentInfo(TypedDict):
    """A document as its tenant sees it."""

    id: int
    app: str
    version: str
    key: str
    subject: str
    kinds: list[str]
    made_at: str
    code: str | None
    shared_by: str | None
    shared_until: str | None


class DocumentKey(TypedDict):
    """The key that seals documents."""

    public_key: str
    fingerprint: str
