"""Vouchers (云券): issued by the bureau to an enterprise, redeemed against its statements, expiring."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select, update

from tundish_platform.audit import record
from tundish_platform.marketplace.billing.models import Voucher
from tundish_platform.marketplace.days import days_of
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.billing.charges import Line
    from tundish_platform.tenancy import Principal, TenantScope

MAX_FEN: Final = 1_000_000_000
_APP = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
_INDUSTRY = Annotated[str, Field(pattern=r"^[A-T][0-9]{0,4}$")]


class VoucherTerms(BaseModel):
    """What a voucher is for.

    Attributes:
        valid_from, valid_to: both included; it serves statements of months that it overlaps.
        apps, industries: apps by id, and apps made for GB/T 4754 industries; both empty: any app.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount_fen: Annotated[int, Field(gt=0, le=MAX_FEN)]
    valid_from: date
    valid_to: date
    apps: Annotated[tuple[_APP, ...], Field(max_length=50)] = ()
    industries: Annotated[tuple[_INDUSTRY, ...], Field(max_length=50)] = ()
    purpose: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f]*$")]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.valid_from > self.valid_to:
            raise ValueError("a voucher ends on the day it begins, or later")
        return self


@dataclass(frozen=True, slots=True)
class VoucherView:
    """A voucher as its enterprise sees it; attributes as in `models.Voucher`."""

    id: int
    code: str
    amount_fen: int
    left_fen: int
    valid_from: date
    valid_to: date
    apps: tuple[str, ...]
    industries: tuple[str, ...]
    purpose: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What a statement takes of a voucher."""

    voucher: int
    code: str
    fen: int


def issue_voucher(
    session: Session, officer: Principal, tenant_id: int, terms: VoucherTerms, now: datetime
) -> VoucherView:
    """Give a voucher to the enterprise whose tenant that is.

    Args:
        session: above tenants.
        officer: of the bureau, which the caller has checked.
        tenant_id: of the enterprise.
        terms: what it is for.
        now: the platform's clock.
    """
    slug = session.scalars(select(Tenant.slug).where(Tenant.id == tenant_id)).one()
    row = Voucher(
        tenant_id=tenant_id, code=f"YQ-{secrets.token_hex(6).upper()}", left_fen=terms.amount_fen,
        issued_at=now, issued_by=officer.name[:200], **terms.model_dump(),
    )  # fmt: skip
    row.apps, row.industries = list(terms.apps), list(terms.industries)
    session.add(row)
    session.flush()
    detail = {"fen": terms.amount_fen, "to": terms.valid_to.isoformat(), "purpose": terms.purpose}
    record(session, officer.name, "voucher.issued", row.code, tenant=slug, now=now, detail=detail)
    return _view(row)


def vouchers_of(session: Session, scope: TenantScope, after: int = 0, limit: int = 500) -> list[VoucherView]:
    """The tenant's own vouchers with what is left of each, in the order in which they were issued.

    Raises:
        AccessDenied: the scope may not subscribe, so money is not its business.
    """
    scope.require(Permission.SUBSCRIBE)
    scope.require_all_signals()
    query = select(Voucher).where(Voucher.tenant_id == scope.tenant_id, Voucher.id > after)
    return [_view(row) for row in session.scalars(query.order_by(Voucher.id).limit(limit))]


def taken_for(
    session: Session, scope: TenantScope, month: date, lines: Sequence[Line], owed: int,
    made_for: Mapping[str, Sequence[str]],
) -> list[Taken]:  # fmt: skip
    """What the tenant's vouchers pay of a month's lines: those that expire first go first.

    Args:
        session: of the metadata database.
        scope: of the tenant.
        month: of the statement.
        lines: with what each owes.
        owed: in all, and never more is taken.
        made_for: by app the industries that its manifest names.
    """
    days = days_of(month)
    query = select(Voucher).where(
        Voucher.tenant_id == scope.tenant_id, Voucher.left_fen > 0,
        Voucher.valid_from <= days[-1], Voucher.valid_to >= days[0],
    )  # fmt: skip
    due: dict[str, int] = {}
    for line in lines:
        due[line.app] = due.get(line.app, 0) + line.amount_fen
    found = []
    for row in session.scalars(query.order_by(Voucher.valid_to, Voucher.id)):
        fen = min(owed, row.left_fen, sum(_covered(row, due, made_for).values()))
        if fen > 0:
            found.append(Taken(row.id, row.code, fen))
            owed -= fen
            _pay(due, _covered(row, due, made_for), fen)
    return found


def take(session: Session, scope: TenantScope, taken: Iterable[Taken]) -> None:
    """Lower what is left of the vouchers; the database refuses what would go below zero."""
    for one in taken:
        session.execute(
            update(Voucher)
            .where(Voucher.tenant_id == scope.tenant_id, Voucher.id == one.voucher)
            .values(left_fen=Voucher.left_fen - one.fen)
        )


def _covered(row: Voucher, due: Mapping[str, int], made_for: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {app: fen for app, fen in due.items() if fen > 0 and _covers(row, app, made_for.get(app))}


def _covers(row: Voucher, app: str, made_for: Sequence[str] | None) -> bool:
    if not (row.apps or row.industries) or app in row.apps:
        return True
    if made_for is None or not row.industries:
        return False
    # An app made for no industry in particular serves each. A prefix stands for all below it.
    return not made_for or any(
        code.startswith(wanted) or wanted.startswith(code) for code in made_for for wanted in row.industries
    )


def _pay(due: dict[str, int], covered: Mapping[str, int], fen: int) -> None:
    for app, owed in covered.items():
        paid = min(fen, owed)
        due[app] -= paid
        fen -= paid


def _view(row: Voucher) -> VoucherView:
    return VoucherView(
        row.id, row.code, row.amount_fen, row.left_fen, row.valid_from, row.valid_to, tuple(row.apps),
        tuple(row.industries), row.purpose, row.issued_at,
    )  # fmt: skip
