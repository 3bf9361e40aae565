"""The table of answers that are kept for repeated requests."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class KeptAnswer(TenantOwned, Base):
    """A request with an idempotency key, and how it was answered.

    Attributes:
        key_digest: SHA-256 over who asked and the key; keys are free text and may say more than they should.
        request_digest: SHA-256 over the address and the body.
        begun_at: when it came.
        status: HTTP status of the answer; null while it is under way.
        media: its content type.
        body: its bytes; null for a secret that is shown once only.
    """

    __tablename__ = "kept_answer"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "key_digest"),
        Index("kept_answer_by_age", "tenant_id", "begun_at"),
    )

    key_digest: Mapped[str] = mapped_column(String(64))
    request_digest: Mapped[str] = mapped_column(String(64))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[int | None]
    media: Mapped[str] = mapped_column(String(120), default="")
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
