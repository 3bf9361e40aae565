"""Vouchers as the bureau may see them: what it gave, and sums in which no enterprise can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from tundish_platform.api.adoption import UnknownEnterprise
from tundish_platform.api.errors import Problem
from tundish_platform.marketplace.billing.models import Voucher
from tundish_platform.marketplace.billing.vouchers import issue_voucher
from tundish_platform.programme.models import Enterprise
from tundish_platform.programme.published.crossed import ALL
from tundish_platform.programme.published.magnitudes import Amounts, sum_tables

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.billing.vouchers import VoucherTerms
    from tundish_platform.programme.published.magnitudes import SumCell
    from tundish_platform.tenancy import Principal

_MEASURES: Final = ("issued", "redeemed", "expired")


@dataclass(frozen=True, slots=True)
class IssuedVoucher:
    """A voucher with the enterprise it was given to, and nothing of what became of it."""

    id: int
    code: str
    uscc: str
    name_zh: str
    name_en: str
    amount_fen: int
    valid_from: date
    valid_to: date
    apps: tuple[str, ...]
    industries: tuple[str, ...]
    purpose: str
    issued_at: datetime
    issued_by: str


@dataclass(frozen=True, slots=True)
class VoucherCell:
    """Sums of one cell, rounded; None where withheld."""

    key: str
    suppressed: bool
    enterprises: int | None = None
    issued_fen: int | None = None
    redeemed_fen: int | None = None
    expired_fen: int | None = None


def give_voucher(
    session: Session, officer: Principal, uscc: str, terms: VoucherTerms, now: datetime
) -> IssuedVoucher:
    """Issue a voucher to the enterprise with that code.

    Raises:
        UnknownEnterprise: none is registered.
        Problem: it has no tenant here, so nothing could be paid with it.
    """
    found = session.scalar(select(Enterprise).where(Enterprise.uscc == uscc))
    if found is None:
        raise UnknownEnterprise(uscc)
    if found.tenant is None:
        raise Problem(
            409, "That enterprise is not on the platform, so it could not use a voucher.",
            "该企业尚未入驻平台, 无法使用云券。", "no_tenant",
        )  # fmt: skip
    made = issue_voucher(session, officer, found.tenant, terms, now)
    return next(one for one in vouchers_issued(session, made.id - 1, 1))


def vouchers_issued(
    session: Session, after: int = 0, limit: int = 500, tenant: int | None = None
) -> list[IssuedVoucher]:
    """Vouchers in the order in which they were issued, a page at a time; of all enterprises, or of one."""
    query = (
        select(Voucher, Enterprise.uscc, Enterprise.name_zh, Enterprise.name_en)
        .join(Enterprise, Enterprise.tenant == Voucher.tenant_id)
        .where(Voucher.id > after)
    )
    if tenant is not None:
        query = query.where(Voucher.tenant_id == tenant)
    return [
        IssuedVoucher(
            row.id, row.code, uscc, name_zh, name_en, row.amount_fen, row.valid_from, row.valid_to,
            tuple(row.apps), tuple(row.industries), row.purpose, row.issued_at, row.issued_by,
        )
        for row, uscc, name_zh, name_en in session.execute(query.order_by(Voucher.id).limit(limit))
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class VoucherTotals:
    """Sums in all, by county and by industry: rounded, small cells withheld.

    Attributes:
        rounded_to_fen: what amounts are multiples of.
    """

    rounded_to_fen: int
    total: VoucherCell
    by_region: tuple[VoucherCell, ...]
    by_industry: tuple[VoucherCell, ...]


def voucher_sums(session: Session, today: date, secret: bytes | None) -> VoucherTotals:
    """Issued, redeemed and expired in all, by county and by industry.

    Args:
        session: above tenants.
        today: vouchers that ended before it have expired.
        secret: of the rounding; without one all is withheld.
    """
    query = select(
        Enterprise.uscc, Enterprise.region, Enterprise.industry, Voucher.amount_fen, Voucher.left_fen,
        Voucher.valid_to,
    ).join(Enterprise, Enterprise.tenant == Voucher.tenant_id)  # fmt: skip
    sums: dict[tuple[str, str, str], list[int]] = {}
    for uscc, region, industry, amount, left, ends in session.execute(query):
        of = sums.setdefault((uscc, region, industry), [0, 0, 0])
        for place, fen in enumerate((amount, amount - left, left if ends < today else 0)):
            of[place] += fen
    members = [Amounts((region, industry), (a, b, c)) for (_, region, industry), (a, b, c) in sums.items()]
    tables = sum_tables(members, _MEASURES, secret)
    return VoucherTotals(
        tables.base,
        _cell("", tables.cells[ALL, ALL]),
        tuple(_cell(r, one) for (r, i), one in tables.cells.items() if r != ALL and i == ALL),
        tuple(_cell(i, one) for (r, i), one in tables.cells.items() if r == ALL and i != ALL),
    )


def _cell(key: str, one: SumCell) -> VoucherCell:
    fen = {f"{name}_fen": one.sums.get(name) for name in _MEASURES}
    return VoucherCell(key, suppressed=one.enterprises is None, enterprises=one.enterprises, **fen)
