"""The table of consents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime

_STANDS = text("withdrawn_at IS NULL")


class ShareConsent(TenantOwned, Base):
    """One purpose that an enterprise agreed to, until it was withdrawn; rows are never removed.

    Attributes:
        purpose: `purposes.Purpose`.
        version: of the words that were agreed to.
    """

    __tablename__ = "share_consent"
    __table_args__ = (
        Index(
            "share_consent_standing", "tenant_id", "purpose",
            unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS,
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(30))
    version: Mapped[str] = mapped_column(String(10))
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    given_by: Mapped[str] = mapped_column(String(200))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(200))
