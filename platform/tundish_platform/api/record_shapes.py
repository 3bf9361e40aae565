"""Answers about records of apps as the OpenAPI document tells them, and the bodies that ask for them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from tundish_platform.api.shapes import Shape
from tundish_platform.sdk import Document, RecordKind, Texts
from tundish_platform.sdk.questionnaire import Questionnaire


class Wish(Shape):
    """Records an app asks for, and what was agreed to; without ``granted_at`` nothing was."""

    kind: RecordKind
    need: Literal["required", "optional"]
    fields: list[str]
    days: int
    purpose: Texts
    granted_fields: list[str]
    granted_at: datetime | None
    granted_by: str | None


class Wishes(Shape):
    """All that an app asks for beside signals, and the questions it asks people."""

    records: list[Wish]
    questionnaire: Questionnaire | None


class KeptDocuments(Shape):
    """Numbers of documents that were sealed."""

    ids: list[int]


class Unshared(Shape):
    """Whether there was a code to take back."""

    unshared: bool


class DocumentKey(Shape):
    """The key that seals documents: compare its fingerprint on another way than the one a file came by."""

    public_key: str
    fingerprint: str


class TakenFigures(Shape):
    """Figures that were taken for the comparison of the month that lasts."""

    taken: list[str]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ConsentBody(_Body):
    """The kinds an app may read from now on; those left out it may not."""

    kinds: Annotated[list[RecordKind], Field(max_length=10)]


class AnswersBody(_Body):
    """Answers by key of the question: a choice's key, or a number."""

    answers: Annotated[dict[str, float | Annotated[str, Field(max_length=60)]], Field(max_length=200)]


class DocumentsBody(_Body):
    """What an app handed back to be sealed."""

    documents: Annotated[list[Document], Field(max_length=50)]


class ShareBody(_Body):
    """Until when whoever has the code may fetch the document."""

    until: AwareDatetime


class FiguresBody(_Body):
    """A tenant's figures of the month that lasts."""

    figures: Annotated[dict[str, Annotated[float, Field(allow_inf_nan=False)]], Field(max_length=20)]
    size: Annotated[str, Field(max_length=10)] = ""


class SealedFile(Shape):
    """A sealed document; verify the bytes as they came, not this."""

    public_key: str
    signature: str
    statement: dict[str, JsonValue]
