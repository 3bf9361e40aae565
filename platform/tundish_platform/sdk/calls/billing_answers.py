"""What the API answers about subscriptions' lives and money, as types of its JSON; amounts in fen."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class SubscriptionChange(TypedDict):
    """Something that happened to a subscription, and how it stood from then on."""

    id: int
    subscription: int
    app: str
    at: str
    by: str
    act: str
    running: bool
    plan: str
    plan_kind: str
    fen: int
    trial_until: str | None
    detail: dict[str, Any]


class Cancelled(TypedDict):
    """Number of the removal of what the app wrote; null where that is kept."""

    removal: int | None


class Usage(TypedDict):
    """A month's use by day and the lines that follow from it, before vouchers."""

    month: str
    days: list[dict[str, Any]]
    lines: list[dict[str, Any]]


class Statement(TypedDict):
    """A statement without its content."""

    number: int
    month: str
    issued_at: str
    total_fen: int
    digest: str


class StatementWhole(Statement):
    """A statement with its content."""

    content: dict[str, Any]


class Voucher(TypedDict):
    """One of the tenant's own vouchers."""

    id: int
    code: str
    amount_fen: int
    left_fen: int
    valid_from: str
    valid_to: str
    apps: list[str]
    industries: list[str]
    purpose: str
    issued_at: str


class VoucherIssued(TypedDict):
    """A voucher as the bureau sees what it gave; what became of it is the enterprise's."""

    id: int
    code: str
    uscc: str
    name_zh: str
    name_en: str
    amount_fen: int
    valid_from: str
    valid_to: str
    apps: list[str]
    industries: list[str]
    purpose: str
    issued_at: str
    issued_by: str


class VoucherCell(TypedDict):
    """Vouchers of a county or an industry, null where they could tell of a single enterprise."""

    key: str
    suppressed: bool
    enterprises: int | None
    issued_fen: int | None
    redeemed_fen: int | None
    expired_fen: int | None


class VoucherSums(TypedDict):
    """Sums of all vouchers, by county and by industry; every one is rounded to ``rounded_to_fen``."""

    rounded_to_fen: int
    total: VoucherCell
    by_region: list[VoucherCell]
    by_industry: list[VoucherCell]


class Invoice(TypedDict):
    """An invoice and how far it has come."""

    id: int
    tenant: str
    label: str
    number: int
    statement: int
    month: str
    fen: int
    state: str
    drafted_at: str
    issued_at: str | None
    settled_at: str | None
    settled_by: str
    provider: str
    asked: str
    reference: str
    credit_number: int | None
    reason: str


class Difference(TypedDict):
    """Something billed that is not what was run."""

    tenant: str
    where: str
    what: str
    billed: str
    counted: str


class Reconciled(TypedDict):
    """How many statements were compared with the runs, and what did not agree."""

    statements: int
    differences: list[Difference]
