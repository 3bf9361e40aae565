"""Monthly statements: made once the month is over, numbered, chained by digest, never changed afterwards.

What was wrong in one is made good by correction lines in the next.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select

from tundish_platform.audit import record_of
from tundish_platform.audit.chain import canonical
from tundish_platform.marketplace.billing.charges import Line, lines_of
from tundish_platform.marketplace.billing.invoices import draft_invoice
from tundish_platform.marketplace.billing.models import Redemption, Statement
from tundish_platform.marketplace.billing.usage import UsageDay, usage_of_month
from tundish_platform.marketplace.billing.vouchers import take, taken_for
from tundish_platform.marketplace.days import day_start, month_after, zone_of
from tundish_platform.marketplace.models import Subscription
from tundish_platform.store.lifecycle.policy import lock_tenant
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace.billing.vouchers import Taken
    from tundish_platform.marketplace.catalogue import Catalogue
    from tundish_platform.tenancy import TenantScope

CORRECTED: Final = 3
"""So many statements before a new one are computed again, to make good what came late."""

Key = tuple[str, int, str, str, int]


class NotOver(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The month is not over on the plant's clock, or another comes before it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DayUsed(_Part):
    """`usage.UsageDay` in a statement."""

    subscription: int
    app: str
    day: date
    state: str
    plan: str
    plan_kind: str
    fen: int
    runs: int
    accepted: int
    rows: int
    signals: int


class Late(_Part):
    """Runs of an earlier month that its statement had not counted, or had counted too much."""

    month: str
    subscription: int
    runs: int


class Redeemed(_Part):
    """What was taken of a voucher."""

    voucher: int
    code: str
    fen: int


class Content(_Part):
    """All that a statement says; amounts in fen.

    Attributes:
        names: of each app in both languages, as they were then.
        charges_fen, corrections_fen: sums of the lines of either kind.
        brought_fen: credit taken over from the statement before, 0 or less.
        vouchers_fen: sum of what was redeemed.
        total_fen: to be paid, 0 or more; ``carried_fen``: credit for the next statement, 0 or less.
    """

    tenant: str
    name_zh: str
    name_en: str
    number: int
    month: str
    timezone: str
    names: dict[str, tuple[str, str]]
    lines: list[Line]
    redeemed: list[Redeemed]
    late: list[Late]
    usage: list[DayUsed]
    charges_fen: int
    corrections_fen: int
    brought_fen: int
    vouchers_fen: int
    total_fen: int
    carried_fen: int


@dataclass(frozen=True, slots=True)
class StatementView:
    """A statement with its number's seal."""

    id: int
    number: int
    month: date
    issued_at: datetime
    total_fen: int
    digest: str
    content: Content


def issue_due(
    session: Session, scope: TenantScope, catalogue: Catalogue, upto: date, now: datetime
) -> list[StatementView]:
    """Issue every statement that is due up to a month, each once, the oldest first.

    Args:
        session: that reaches the tenant.
        scope: of the tenant, with the permission to operate.
        catalogue: for names and industries of apps.
        upto: any day of the last month wanted.
        now: the platform's clock.

    Raises:
        AccessDenied: the scope may not operate.
        NotOver: that month is not over on the plant's clock.
    """
    scope.require(Permission.OPERATE)
    lock_tenant(session, scope.tenant_id)
    zone = zone_of(session, scope)
    if now < day_start(month_after(upto), zone):
        raise NotOver(f"{upto:%Y-%m} is not over at {scope.slug}")
    found = []
    month = _first_due(session, scope, zone)
    while month is not None and month <= upto:
        found.append(_issue(session, scope, catalogue, month, zone, now))
        month = month_after(month)
    return found


def preview(
    session: Session, scope: TenantScope, month: date, now: datetime
) -> tuple[list[UsageDay], list[Line]]:
    """A month's usage by day and its lines as they stand, before vouchers; also of a month under way.

    Raises:
        AccessDenied: the scope may not read the whole tenant.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    days = usage_of_month(session, scope, month, zone_of(session, scope), now)
    return days, lines_of(days, month)


def statements_of(
    session: Session, scope: TenantScope, before: int = 0, limit: int = 100
) -> list[StatementView]:
    """The tenant's statements, the newest first, a page at a time.

    Raises:
        AccessDenied: the scope may neither subscribe nor operate.
    """
    allowed(scope)
    query = select(Statement).where(Statement.tenant_id == scope.tenant_id)
    if before:
        query = query.where(Statement.number < before)
    rows = session.scalars(query.order_by(Statement.number.desc()).limit(limit))
    return [view_of(row) for row in rows]


def allowed(scope: TenantScope) -> None:
    """Money is for who may subscribe, and for the operator.

    Raises:
        AccessDenied: the scope is neither's.
    """
    if Permission.OPERATE not in scope.permissions:
        scope.require(Permission.SUBSCRIBE)
        scope.require_all_signals()


def digest_of(previous: str, content: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, over the digest before and the content."""
    return hashlib.sha256(f"{previous}\n{canonical(dict(content))}".encode()).hexdigest()


def view_of(row: Statement) -> StatementView:
    """A row as people see it."""
    content = Content.model_validate(row.content)
    return StatementView(row.id, row.number, row.month, row.issued_at, row.total_fen, row.digest, content)


def summed(lines: Iterable[Line]) -> dict[Key, tuple[int, int]]:
    """Quantity and amount of each thing that is charged, by month and `Line.key`."""
    found: dict[Key, tuple[int, int]] = {}
    for line in lines:
        if line.kind in {"plan", "correction"}:
            key = (line.month, *line.key)
            quantity, amount = found.get(key, (0, 0))
            found[key] = quantity + line.quantity, amount + line.amount_fen
    return found


def _first_due(session: Session, scope: TenantScope, zone: ZoneInfo) -> date | None:
    last = session.scalar(select(func.max(Statement.month)).where(Statement.tenant_id == scope.tenant_id))
    if last is not None:
        return month_after(last)
    first = select(func.min(Subscription.started_at)).where(Subscription.tenant_id == scope.tenant_id)
    began = session.scalar(first)
    return None if began is None else began.astimezone(zone).date().replace(day=1)


def _issue(
    session: Session, scope: TenantScope, catalogue: Catalogue, month: date, zone: ZoneInfo, now: datetime
) -> StatementView:
    before = session.scalars(
        select(Statement).where(Statement.tenant_id == scope.tenant_id).order_by(Statement.number.desc())
        .limit(CORRECTED)
    ).all()  # fmt: skip
    days = usage_of_month(session, scope, month, zone, now)
    corrections, late = _made_good(session, scope, before, now)
    lines = [*lines_of(days, month), *corrections]
    brought = before[0].carried_fen if before else 0
    owed = brought + sum(line.amount_fen for line in lines)
    apps = catalogue.apps
    made_for = {app_id: app.manifest.industries for app_id, app in apps.items()}
    taken = taken_for(session, scope, month, lines, max(owed, 0), made_for)
    content = _content(session, scope, catalogue, month, zone, days, lines, late, brought, taken, before)
    row = _kept(session, scope, content, month, before, now)
    take(session, scope, taken)
    session.add_all(
        Redemption(tenant_id=scope.tenant_id, voucher_id=one.voucher, statement_id=row.id, fen=one.fen)
        for one in taken
    )
    if row.total_fen:
        draft_invoice(session, scope, row.id, row.total_fen, now)
    detail = {"month": content.month, "fen": row.total_fen, "sha256": row.digest}
    record_of(session, scope, "statement.issued", f"statement/{row.number}", now, detail)
    return view_of(row)


def _made_good(
    session: Session, scope: TenantScope, before: Sequence[Statement], now: datetime
) -> tuple[list[Line], list[Late]]:
    """What earlier statements should have had otherwise, as it is known now."""
    contents = [Content.model_validate(row.content) for row in before]
    lines: list[Line] = []
    late: list[Late] = []
    for row, content in zip(before, contents, strict=True):
        days = usage_of_month(session, scope, row.month, ZoneInfo(content.timezone), now)
        fresh = lines_of(days, row.month)
        told = [line for one in contents for line in one.lines if line.month == content.month]
        lines += _differing(fresh, told)
        late += _late(content, contents, days)
    return lines, late


def _differing(fresh: Sequence[Line], told: Sequence[Line]) -> list[Line]:
    wanted, had = summed(fresh), summed(told)
    patterns = {(line.month, *line.key): line for line in (*told, *fresh)}
    found = []
    for key in sorted({*wanted, *had}):
        quantity, amount = (a - b for a, b in zip(wanted.get(key, (0, 0)), had.get(key, (0, 0)), strict=True))
        if quantity or amount:
            told_as = {"kind": "correction", "quantity": quantity, "amount_fen": amount}
            found.append(patterns[key].model_copy(update=told_as))
    return found


def _late(content: Content, contents: Sequence[Content], days: Sequence[UsageDay]) -> list[Late]:
    """By how many runs of a month the statements so far are wrong."""
    told = [(one.subscription, one.runs) for one in content.usage]
    told += [(x.subscription, x.runs) for one in contents for x in one.late if x.month == content.month]
    wrong = Counter[int]()
    for day in days:
        wrong[day.subscription] += day.runs
    for subscription, runs in told:
        wrong[subscription] -= runs
    return [Late(month=content.month, subscription=of, runs=n) for of, n in sorted(wrong.items()) if n]


def _content(  # noqa: PLR0913, PLR0917 - everything that a statement says comes together here
    session: Session, scope: TenantScope, catalogue: Catalogue, month: date, zone: ZoneInfo,
    days: Sequence[UsageDay], lines: Sequence[Line], late: Sequence[Late], brought: int,
    taken: Sequence[Taken], before: Sequence[Statement],
) -> Content:  # fmt: skip
    tenant = session.scalars(select(Tenant).where(Tenant.id == scope.tenant_id)).one()
    apps = catalogue.apps
    names = {
        line.app: (apps[line.app].manifest.name.zh, apps[line.app].manifest.name.en)
        if line.app in apps else (line.app, line.app)
        for line in lines
    }  # fmt: skip
    corrections = sum(line.amount_fen for line in lines if line.kind == "correction")
    charges = sum(line.amount_fen for line in lines) - corrections
    owed = charges + corrections + brought
    vouchers = sum(one.fen for one in taken)
    return Content(
        tenant=tenant.slug, name_zh=tenant.name_zh, name_en=tenant.name_en,
        number=(before[0].number if before else 0) + 1, month=f"{month:%Y-%m}", timezone=zone.key,
        names=names, lines=list(lines), late=list(late),
        redeemed=[Redeemed(voucher=one.voucher, code=one.code, fen=one.fen) for one in taken],
        usage=[DayUsed(**{name: getattr(day, name) for name in DayUsed.model_fields}) for day in days],
        charges_fen=charges, corrections_fen=corrections, brought_fen=brought, vouchers_fen=vouchers,
        total_fen=max(owed, 0) - vouchers, carried_fen=min(owed, 0),
    )  # fmt: skip


def _kept(
    session: Session, scope: TenantScope, content: Content, month: date, before: Sequence[Statement],
    now: datetime,
) -> Statement:  # fmt: skip
    told = content.model_dump(mode="json")
    previous = before[0].digest if before else ""
    row = Statement(
        tenant_id=scope.tenant_id, number=content.number, month=month, issued_at=now,
        issued_by=scope.principal[:200], total_fen=content.total_fen, carried_fen=content.carried_fen,
        content=told, previous=previous, digest=digest_of(previous, told),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row
