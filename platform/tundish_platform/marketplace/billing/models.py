"""Tables of money, in fen: monthly statements, vouchers and what was redeemed of them, invoices."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from tundish_platform.tenancy.metadata import Base, TenantOwned, UtcDateTime


class Statement(TenantOwned, Base):
    """What a tenant owes for a month. A row is written once and never changed.

    Attributes:
        number: counts the tenant's statements from 1.
        month: its first day, on the clock of ``content``'s time zone.
        total_fen: to be paid; ``carried_fen``: a credit that the next statement takes over, 0 or less.
        content: `statements.Content` as JSON: lines, usage by day, what was redeemed.
        previous: digest of the statement before; empty for the first.
        digest: SHA-256 over ``previous`` and the canonical content.
    """

    __tablename__ = "statement"
    __table_args__ = (UniqueConstraint("tenant_id", "number"), UniqueConstraint("tenant_id", "month"))

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    month: Mapped[date] = mapped_column(Date)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issued_by: Mapped[str] = mapped_column(String(200))
    total_fen: Mapped[int]
    carried_fen: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class Voucher(TenantOwned, Base):
    """An amount that the bureau gave an enterprise for apps; the tenant is the enterprise's.

    Attributes:
        left_fen: not redeemed yet; the database keeps it between 0 and ``amount_fen``.
        valid_from, valid_to: both included.
        apps: ids of apps it is for; ``industries``: GB/T 4754 codes of apps it is for; both empty: any app.
    """

    __tablename__ = "voucher"
    __table_args__ = (
        CheckConstraint("left_fen >= 0 AND left_fen <= amount_fen", name="voucher_left"),
        CheckConstraint("amount_fen > 0 AND valid_from <= valid_to", name="voucher_sound"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    amount_fen: Mapped[int]
    left_fen: Mapped[int]
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)
    apps: Mapped[list[str]] = mapped_column(JSON)
    industries: Mapped[list[str]] = mapped_column(JSON)
    purpose: Mapped[str] = mapped_column(String(400))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issued_by: Mapped[str] = mapped_column(String(200))


class Redemption(TenantOwned, Base):
    """What a statement took of a voucher; a statement takes of each voucher once."""

    __tablename__ = "voucher_redemption"
    __table_args__ = (
        PrimaryKeyConstraint("voucher_id", "statement_id"),
        CheckConstraint("fen > 0", name="voucher_redemption_positive"),
    )

    voucher_id: Mapped[int] = mapped_column(ForeignKey("voucher.id", ondelete="CASCADE"))
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id", ondelete="CASCADE"), index=True)
    fen: Mapped[int]


class Invoice(TenantOwned, Base):
    """The demand for what a statement leaves to pay.

    Attributes:
        number: counts the tenant's invoices from 1; ``credit_number`` likewise its credit notes.
        state: `invoices.InvoiceState`.
        provider: by which the payment goes; ``asked`` is what it told the payer.
        reference: of the payment.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number"),
        UniqueConstraint("tenant_id", "credit_number"),
        UniqueConstraint("statement_id"),
        CheckConstraint("fen > 0", name="invoice_positive"),
        Index("invoice_by_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id", ondelete="CASCADE"))
    number: Mapped[int]
    fen: Mapped[int]
    state: Mapped[str] = mapped_column(String(20))
    drafted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[str] = mapped_column(String(200), default="")
    provider: Mapped[str] = mapped_column(String(40), default="")
    asked: Mapped[str] = mapped_column(String(400), default="")
    reference: Mapped[str] = mapped_column(String(120), default="")
    credit_number: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(400), default="")
