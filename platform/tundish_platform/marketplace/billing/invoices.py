"""Invoices: drafted with a statement, issued, then declared paid or cancelled with a credit note."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, update

from tundish_platform.audit import record_of
from tundish_platform.marketplace.billing.models import Invoice, Statement
from tundish_platform.marketplace.billing.payments import Due
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.billing.payments import PaymentProvider
    from tundish_platform.tenancy import TenantScope


class InvoiceState(StrEnum):
    """How far it has come."""

    DRAFT = "draft"
    ISSUED = "issued"
    PAID = "paid"
    CANCELLED = "cancelled"


class InvoiceAct(StrEnum):
    """What the operator does."""

    ISSUE = "issue"
    PAID = "paid"
    CANCEL = "cancel"


MOVES: Final = {
    (InvoiceState.DRAFT, InvoiceAct.ISSUE): InvoiceState.ISSUED,
    (InvoiceState.DRAFT, InvoiceAct.CANCEL): InvoiceState.CANCELLED,
    (InvoiceState.ISSUED, InvoiceAct.PAID): InvoiceState.PAID,
    (InvoiceState.ISSUED, InvoiceAct.CANCEL): InvoiceState.CANCELLED,
}


class InvoiceRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """There is no such invoice, its state does not allow that, or something is missing; in words."""

    def __init__(self, en: str, zh: str, status: int = 409) -> None:
        super().__init__(en)
        self.message_en, self.message_zh, self.status = en, zh, status


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """An invoice as people see it; attributes as in `models.Invoice`.

    Attributes:
        label: unique over all tenants; what a payer writes on the transfer.
    """

    id: int
    tenant: str
    label: str
    number: int
    statement: int
    month: str
    fen: int
    state: InvoiceState
    drafted_at: datetime
    issued_at: datetime | None
    settled_at: datetime | None
    settled_by: str
    provider: str
    asked: str
    reference: str
    credit_number: int | None
    reason: str


def draft_invoice(session: Session, scope: TenantScope, statement: int, fen: int, now: datetime) -> None:
    """Draft the invoice of a statement that leaves something to pay."""
    newest = select(func.max(Invoice.number)).where(Invoice.tenant_id == scope.tenant_id)
    session.add(
        Invoice(
            tenant_id=scope.tenant_id, statement_id=statement, number=(session.scalar(newest) or 0) + 1,
            fen=fen, state=InvoiceState.DRAFT.value, drafted_at=now,
        )
    )  # fmt: skip
    session.flush()


def decide_invoice(
    session: Session, scope: TenantScope, provider: PaymentProvider, number: int, act: InvoiceAct, said: str,
    now: datetime,
) -> InvoiceView:  # fmt: skip
    """Issue an invoice, declare it paid, or cancel it with a credit note.

    Args:
        session: that reaches the tenant.
        scope: of the tenant, with the permission to operate.
        provider: by which payments go.
        number: of the tenant's invoice.
        act: what is done.
        said: the payment's reference, or the reason of a cancellation.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope may not operate.
        InvoiceRefused: there is none, its state does not allow it, or no reason is given.
        PaymentUnknown: the provider knows of no such payment.
    """
    scope.require(Permission.OPERATE)
    found = _one(session, scope, number)
    state = MOVES.get((found.state, act))
    if state is None:
        raise InvoiceRefused(
            f"{found.label} is {found.state}; that is not possible now.",
            f"{found.label} 当前状态为 {found.state}, 不能执行此操作。",
        )
    due = Due(scope.slug, found.label, found.fen)
    values = _changes(session, scope, provider, due, act, said, now)
    mine = Invoice.tenant_id == scope.tenant_id, Invoice.number == number, Invoice.state == found.state.value
    moved = session.scalar(
        update(Invoice).where(*mine).values(state=state.value, **values).returning(Invoice.id)
    )
    if moved is None:
        raise InvoiceRefused(f"{found.label} has changed meanwhile.", f"{found.label} 状态已变化, 请刷新。")
    detail = {"state": state.value, "fen": found.fen, "said": said}
    record_of(session, scope, f"invoice.{state.value}", found.label, now, detail)
    return _one(session, scope, number)


def invoices_of(session: Session, scope: TenantScope, before: int = 0, limit: int = 100) -> list[InvoiceView]:
    """The tenant's invoices that were issued, the newest first; drafts are the operator's alone.

    Raises:
        AccessDenied: the scope may neither subscribe nor operate.
    """
    query = _asked(scope)
    if Permission.OPERATE not in scope.permissions:
        scope.require(Permission.SUBSCRIBE)
        scope.require_all_signals()
        query = query.where(Invoice.issued_at.is_not(None))
    if before:
        query = query.where(Invoice.number < before)
    found = session.execute(query.order_by(Invoice.number.desc()).limit(limit))
    return [_view(*row) for row in found]


def all_invoices(
    session: Session, state: InvoiceState | None = None, before: int = 0, limit: int = 100
) -> list[InvoiceView]:
    """Every tenant's invoices, newest first, for the operator.

    Args:
        session: above tenants.
        state: only those that stand so.
        before: id of the last one of the page before; 0 for the first page.
        limit: at most so many.
    """
    query = (
        select(Invoice, Statement.number, Statement.month, Tenant.slug)
        .join(Statement, (Statement.id == Invoice.statement_id) & (Statement.tenant_id == Invoice.tenant_id))
        .join(Tenant, Tenant.id == Invoice.tenant_id)
    )
    if state is not None:
        query = query.where(Invoice.state == state.value)
    if before:
        query = query.where(Invoice.id < before)
    return [_view(*row) for row in session.execute(query.order_by(Invoice.id.desc()).limit(limit))]


def _changes(
    session: Session, scope: TenantScope, provider: PaymentProvider, due: Due, act: InvoiceAct, said: str,
    now: datetime,
) -> dict[str, object]:  # fmt: skip
    if act is InvoiceAct.ISSUE:
        return {"issued_at": now, "provider": provider.name, "asked": provider.ask(due)[:400]}
    settled: dict[str, object] = {"settled_at": now, "settled_by": scope.principal[:200]}
    if act is InvoiceAct.PAID:
        provider.confirm(due, said)
        return settled | {"reference": said.strip()[:120]}
    if not said.strip():
        raise InvoiceRefused("Give a reason; the enterprise reads it.", "请写明理由, 企业会看到。", 422)
    provider.cancel(due)
    newest = select(func.max(Invoice.credit_number)).where(Invoice.tenant_id == scope.tenant_id)
    return settled | {"reason": said.strip()[:400], "credit_number": (session.scalar(newest) or 0) + 1}


def _one(session: Session, scope: TenantScope, number: int) -> InvoiceView:
    row = session.execute(
        _asked(scope).where(Invoice.number == number).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise InvoiceRefused("There is no such invoice.", "没有该账单。", 404)
    return _view(*row)


def _asked(scope: TenantScope) -> Select[Invoice, int, date, str]:
    return (
        select(Invoice, Statement.number, Statement.month, Tenant.slug)
        .join(Statement, (Statement.id == Invoice.statement_id) & (Statement.tenant_id == scope.tenant_id))
        .join(Tenant, Tenant.id == Invoice.tenant_id)
        .where(Invoice.tenant_id == scope.tenant_id)
    )


def _view(row: Invoice, statement: int, month: date, slug: str) -> InvoiceView:
    return InvoiceView(
        id=row.id, tenant=slug, label=f"{slug}-{row.number:05d}", number=row.number, statement=statement,
        month=f"{month:%Y-%m}", fen=row.fen, state=InvoiceState(row.state), drafted_at=row.drafted_at,
        issued_at=row.issued_at, settled_at=row.settled_at, settled_by=row.settled_by,
        provider=row.provider, asked=row.asked, reference=row.reference, credit_number=row.credit_number,
        reason=row.reason,
    )  # fmt: skip
