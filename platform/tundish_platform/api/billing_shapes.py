"""Answers about subscriptions' lives and about money as the OpenAPI document tells them; amounts in fen."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter

from tundish_platform.api.shapes import Shape
from tundish_platform.marketplace.billing.charges import Line
from tundish_platform.marketplace.billing.invoices import InvoiceState
from tundish_platform.marketplace.billing.statements import Content, DayUsed


class SubscriptionChange(Shape):
    """Something that happened to a subscription, and how it stood from then on."""

    id: int
    subscription: int
    app: str
    at: datetime
    by: str
    act: str
    running: bool
    plan: str
    plan_kind: str
    fen: int
    trial_until: datetime | None
    detail: dict[str, Any]


class Cancelled(Shape):
    """Number of the removal of what the app wrote; null where that is kept."""

    removal: int | None


class Usage(Shape):
    """A month's use by day and the lines that follow from it, before vouchers."""

    month: str
    days: list[DayUsed]
    lines: list[Line]


class Statement(Shape):
    """A statement without its content."""

    number: int
    month: date
    issued_at: datetime
    total_fen: int
    digest: str


class StatementWhole(Statement):
    """A statement with its content."""

    content: Content


class Voucher(Shape):
    """One of the tenant's own vouchers."""

    id: int
    code: str
    amount_fen: int
    left_fen: int
    valid_from: date
    valid_to: date
    apps: list[str]
    industries: list[str]
    purpose: str
    issued_at: datetime


class VoucherIssued(Shape):
    """A voucher as the bureau sees what it gave; what became of it is the enterprise's."""

    id: int
    code: str
    uscc: str
    name_zh: str
    name_en: str
    amount_fen: int
    valid_from: date
    valid_to: date
    apps: list[str]
    industries: list[str]
    purpose: str
    issued_at: datetime
    issued_by: str


class VoucherCell(Shape):
    """Vouchers of a county or an industry, null where they could tell of a single enterprise."""

    key: str
    suppressed: bool
    enterprises: int | None
    issued_fen: int | None
    redeemed_fen: int | None
    expired_fen: int | None


class VoucherSums(Shape):
    """Sums of all vouchers, by county and by industry; every one is rounded to ``rounded_to_fen``."""

    rounded_to_fen: int
    total: VoucherCell
    by_region: list[VoucherCell]
    by_industry: list[VoucherCell]


class Invoice(Shape):
    """An invoice and how far it has come."""

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


class Difference(Shape):
    """Something billed that is not what was run."""

    tenant: str
    where: str
    what: str
    billed: str
    counted: str


class Reconciled(Shape):
    """How many statements were compared with the runs, and what did not agree."""

    statements: int
    differences: list[Difference]


def told(shape: Any, found: object) -> Any:  # noqa: ANN401 - whatever the shape makes of it
    """What was found, as JSON of a shape."""
    adapter = TypeAdapter(shape)
    return adapter.dump_python(adapter.validate_python(found, from_attributes=True), mode="json")
