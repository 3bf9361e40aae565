"""Vouchers as the bureau may see them: what it gave, and sums in which no enterprise can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.api.adoption import UnknownEnterprise
from tundish_platform.api.errors import Problem
from tundish_platform.marketplace.billing.models import Voucher
from tundish_platform.marketplace.billing.vouchers import issue_voucher
from tundish_platform.programme.disclosure import LEAST_ENTERPRISES, hidden_cells
from tundish_platform.programme.models import Enterprise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.billing.vouchers import VoucherTerms
    from tundish_platform.tenancy import Principal


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
    """Sums of one cell; None where it is suppressed."""

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


def vouchers_issued(session: Session, after: int = 0, limit: int = 500) -> list[IssuedVoucher]:
    """Vouchers of all enterprises in the order in which they were issued, a page at a time."""
    query = (
        select(Voucher, Enterprise.uscc, Enterprise.name_zh, Enterprise.name_en)
        .join(Enterprise, Enterprise.tenant == Voucher.tenant_id)
        .where(Voucher.id > after)
    )
    return [
        IssuedVoucher(
            row.id, row.code, uscc, name_zh, name_en, row.amount_fen, row.valid_from, row.valid_to,
            tuple(row.apps), tuple(row.industries), row.purpose, row.issued_at, row.issued_by,
        )
        for row, uscc, name_zh, name_en in session.execute(query.order_by(Voucher.id).limit(limit))
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class VoucherTotals:
    """Sums in all, by county and by industry."""

    total: VoucherCell
    by_region: tuple[VoucherCell, ...]
    by_industry: tuple[VoucherCell, ...]


def voucher_sums(session: Session, today: date) -> VoucherTotals:
    """Issued, redeemed and expired in all, by county and by industry, small cells suppressed."""
    query = select(
        Enterprise.uscc, Enterprise.region, Enterprise.industry, Voucher.amount_fen, Voucher.left_fen,
        Voucher.valid_to,
    ).join(Enterprise, Enterprise.tenant == Voucher.tenant_id)  # fmt: skip
    rows = [
        (uscc, region, industry, amount, amount - left, left if ends < today else 0)
        for uscc, region, industry, amount, left, ends in session.execute(query)
    ]
    return VoucherTotals(
        _cell("", ((row[0], *row[3:]) for row in rows), suppressed=_few(row[0] for row in rows)),
        tuple(_cells((row[1], row[0], *row[3:]) for row in rows)),
        tuple(_cells((row[2], row[0], *row[3:]) for row in rows)),
    )


def _few(enterprises: Iterable[str]) -> bool:
    return len(set(enterprises)) < LEAST_ENTERPRISES


def _cells(rows: Iterable[tuple[str, str, int, int, int]]) -> list[VoucherCell]:
    by_key: dict[str, list[tuple[str, int, int, int]]] = {}
    for key, uscc, issued, redeemed, expired in rows:
        by_key.setdefault(key, []).append((uscc, issued, redeemed, expired))
    sizes: Mapping[str, int] = {key: len({row[0] for row in of}) for key, of in by_key.items()}
    hidden = hidden_cells(sizes)
    return [_cell(key, by_key[key], suppressed=key in hidden) for key in sorted(by_key)]


def _cell(key: str, rows: Iterable[tuple[str, int, int, int]], *, suppressed: bool) -> VoucherCell:
    if suppressed:
        return VoucherCell(key, suppressed=True)
    of = list(rows)
    sums = [sum(amounts) for amounts in zip(*(row[1:] for row in of), strict=True)]
    return VoucherCell(key, False, len({row[0] for row in of}), *sums)  # noqa: FBT003 - in the fields' order
