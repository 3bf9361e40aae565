"""Tables of apps that read records: who agreed to what, what was answered, and what was sealed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime

_STANDS = text("withdrawn_at IS NULL")


class RecordGrant(TenantOwned, Base):
    """One kind of records that a subscription may read, from a person's consent until its withdrawal.

    Attributes:
        fields: the columns that were agreed to; a later version of the app gets no others.
    """

    __tablename__ = "record_grant"
    __table_args__ = (
        Index(
            "record_grant_standing", "subscription_id", "kind",
            unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(30))
    fields: Mapped[list[Any]] = mapped_column(JSON)
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    granted_by: Mapped[str] = mapped_column(String(200))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(200))


class AnswerSheet(TenantOwned, Base):
    """All answers to an app's questionnaire as a person gave them; never changed, the newest counts.

    Attributes:
        version: of the questionnaire.
        answers: by key of the question.
    """

    __tablename__ = "answer_sheet"
    __table_args__ = (Index("answer_sheet_by_app", "tenant_id", "app_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[str] = mapped_column(String(60))
    version: Mapped[str] = mapped_column(String(40))
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said_by: Mapped[str] = mapped_column(String(200))


class SealedDocument(TenantOwned, Base):
    """A document of an app, signed by the platform.

    Attributes:
        key: which of the app's documents, and the ``subject`` it is about.
        kinds: the records that were granted when it was made; what it says rests on them.
        content: the whole file.
        code: by which whoever has it may fetch the file, while it is shared; None until then.
    """

    __tablename__ = "sealed_document"
    __table_args__ = (Index("sealed_document_by_app", "tenant_id", "app_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(
        ForeignKey("subscription.id", ondelete="CASCADE"), index=True
    )
    app_id: Mapped[str] = mapped_column(String(60))
    app_version: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(200))
    kinds: Mapped[list[Any]] = mapped_column(JSON)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    content: Mapped[str] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(String(40), unique=True)
    shared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    shared_by: Mapped[str | None] = mapped_column(String(200))
    shared_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
