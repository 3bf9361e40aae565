"""Tables of the audit trail: its entries, and the one row that holds its end."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, UtcDateTime


class AuditEntry(Base):
    """Somebody did something; a link of the chain, see `tundish_platform.audit.chain`.

    The tenant's slug is no reference: the trail outlives the tenant whose removal it records.

    Attributes:
        number: without holes; given by `AuditHead`.
        tenant: slug; empty for what stands above tenants.
        detail: canonical JSON; the chain runs over its digest.
        digest: of this entry and, through it, of all before; hexadecimal SHA-256.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index("audit_entry_by_tenant", "tenant", "number"),)

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(200))
    tenant: Mapped[str] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(400))
    detail: Mapped[str] = mapped_column(Text)
    detail_digest: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The last entry's number and digest, and those of the last entry that was let go for its age."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))
    kept_after: Mapped[int] = mapped_column(BigInteger)
    kept_digest: Mapped[str] = mapped_column(String(64))
