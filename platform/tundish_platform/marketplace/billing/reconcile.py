"""Whether what was billed is what was run: statements against the runs, counted anew in another way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from tundish_platform.marketplace.billing.charges import lines_of
from tundish_platform.marketplace.billing.models import Invoice, Redemption, Statement, Voucher
from tundish_platform.marketplace.billing.statements import Content, allowed, digest_of, summed
from tundish_platform.marketplace.billing.usage import counted_one_by_one, with_plans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


class Unreconciled(RuntimeError):  # noqa: N818 - reads as what it is where it is caught
    """What was billed is not what was run."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        super().__init__("; ".join(one.words for one in differences))
        self.differences = tuple(differences)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not agree.

    Attributes:
        where: the statement's month, or a voucher's code.
        what: what was compared.
        billed, counted: what each side says.
    """

    tenant: str
    where: str
    what: str
    billed: str
    counted: str

    @property
    def words(self) -> str:
        """For a log or a terminal."""
        return f"{self.tenant} {self.where}: {self.what} is {self.billed}, counted anew {self.counted}"


def reconcile(session: Session, scope: TenantScope, now: datetime) -> int:
    """Compare all statements of a tenant with its runs, plans and vouchers; returns how many there are.

    Raises:
        AccessDenied: the scope may neither subscribe nor operate.
        Unreconciled: something differs; all differences are told at once.
    """
    rows, found = differences(session, scope, now)
    if found:
        raise Unreconciled(found)
    return rows


def differences(session: Session, scope: TenantScope, now: datetime) -> tuple[int, list[Difference]]:
    """How many statements there are, and everything about them that does not agree."""
    allowed(scope)
    query = select(Statement).where(Statement.tenant_id == scope.tenant_id).order_by(Statement.number)
    rows = session.scalars(query).all()
    contents = [Content.model_validate(row.content) for row in rows]
    found = [
        *_chain(scope, rows),
        *(one for content in contents for one in _sums(scope, content)),
        *_runs(session, scope, rows, contents, now),
        *_money(session, scope, rows, contents),
    ]
    return len(rows), found


def _chain(scope: TenantScope, rows: Sequence[Statement]) -> Iterator[Difference]:
    previous = ""
    for number, row in enumerate(rows, start=1):
        counted = digest_of(previous, row.content)
        told = row.number, row.previous, row.digest, row.total_fen, row.carried_fen
        content = row.content["total_fen"], row.content["carried_fen"]
        if told != (number, previous, counted, *content):
            yield Difference(scope.slug, f"{row.month:%Y-%m}", "the seal", row.digest[:12], counted[:12])
        previous = row.digest


def _sums(scope: TenantScope, content: Content) -> Iterator[Difference]:
    corrections = sum(line.amount_fen for line in content.lines if line.kind == "correction")
    charges = sum(line.amount_fen for line in content.lines if line.kind != "correction")
    vouchers = sum(one.fen for one in content.redeemed)
    total = charges + corrections + content.brought_fen - vouchers
    sums = {
        "the sum of charges": (content.charges_fen, charges),
        "the sum of corrections": (content.corrections_fen, corrections),
        "the sum of vouchers": (content.vouchers_fen, vouchers),
        "the total": (content.total_fen + content.carried_fen, total),
    }
    for what, (billed, counted) in sums.items():
        if billed != counted:
            yield Difference(scope.slug, content.month, what, str(billed), str(counted))


def _runs(
    session: Session,
    scope: TenantScope,
    rows: Sequence[Statement],
    contents: Sequence[Content],
    now: datetime,
) -> Iterator[Difference]:
    told = summed(line for content in contents for line in content.lines)
    late = [one for content in contents for one in content.late]
    for row, content in zip(rows, contents, strict=True):
        zone = ZoneInfo(content.timezone)
        counted = counted_one_by_one(session, scope, row.month, zone)
        wanted = summed(lines_of(with_plans(session, scope, row.month, zone, now, counted), row.month))
        billed = {key: value for key, value in told.items() if key[0] == content.month}
        for key in sorted({*wanted, *billed}):
            sides = [of.get(key, (0, 0)) for of in (billed, wanted)]
            if sides[0] != sides[1]:
                what = f"subscription {key[1]}, plan {key[2]} (quantity, fen)"
                yield Difference(scope.slug, content.month, what, str(sides[0]), str(sides[1]))
        runs = sum(day.runs for day in content.usage)
        runs += sum(one.runs for one in late if one.month == content.month)
        anew = sum(one.runs for one in counted.values())
        if runs != anew:
            yield Difference(scope.slug, content.month, "the number of runs", str(runs), str(anew))


def _money(
    session: Session, scope: TenantScope, rows: Sequence[Statement], contents: Sequence[Content]
) -> Iterator[Difference]:
    taken = select(Redemption).where(Redemption.tenant_id == scope.tenant_id)
    kept = {(one.voucher_id, one.statement_id): one.fen for one in session.scalars(taken)}
    said = {
        (one.voucher, row.id): one.fen
        for row, content in zip(rows, contents, strict=True)
        for one in content.redeemed
    }
    if kept != said:
        yield Difference(
            scope.slug, "vouchers", "what was redeemed", str(sum(said.values())), str(sum(kept.values()))
        )
    for row in session.scalars(select(Voucher).where(Voucher.tenant_id == scope.tenant_id)):
        left = row.amount_fen - sum(fen for (voucher, _), fen in kept.items() if voucher == row.id)
        if row.left_fen != left:
            yield Difference(scope.slug, row.code, "what is left", str(row.left_fen), str(left))
    drafted = select(func.sum(Invoice.fen)).where(Invoice.tenant_id == scope.tenant_id)
    invoiced, owed = session.scalar(drafted) or 0, sum(row.total_fen for row in rows)
    if invoiced != owed:
        yield Difference(scope.slug, "invoices", "the sum", str(invoiced), str(owed))
