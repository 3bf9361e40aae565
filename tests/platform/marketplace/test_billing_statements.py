"""Statements, vouchers, invoices and their reconciliation, on both databases, always beside a neighbour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.exc import IntegrityError

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.audit import entries_of
from tundish_platform.marketplace import Outcome, Run, change_plan, pause, record_run, subscribe
from tundish_platform.marketplace.billing import usage
from tundish_platform.marketplace.billing.invoices import (
    InvoiceAct,
    InvoiceRefused,
    InvoiceState,
    all_invoices,
    decide_invoice,
    invoices_of,
)
from tundish_platform.marketplace.billing.models import Invoice, Redemption, Statement, Voucher
from tundish_platform.marketplace.billing.payments import Manual, PaymentUnknown
from tundish_platform.marketplace.billing.reconcile import Unreconciled, reconcile
from tundish_platform.marketplace.billing.statements import NotOver, issue_due, preview, statements_of
from tundish_platform.marketplace.billing.vouchers import (
    Taken,
    VoucherTerms,
    issue_voucher,
    take,
    vouchers_of,
)
from tundish_platform.marketplace.models import AppRun, Subscription
from tundish_platform.samples import SignalSpec
from tundish_platform.store.lifecycle.policy import operator_scope
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.models import Tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from tundish_platform.marketplace import Catalogue
    from tundish_platform.marketplace.billing.payments import Due
    from tundish_platform.marketplace.billing.statements import StatementView
    from tundish_platform.tenancy.metadata import Metadata

BEGIN = datetime(2026, 3, 1, 4, tzinfo=UTC)
MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)
AFTER = datetime(2026, 6, 2, tzinfo=UTC)
OFFICER = Principal(9, "officer", {}, frozenset({Role.BUREAU_OFFICER}))
OPERATOR = Principal(8, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
PRESSURE = SignalSpec(path="S/A/L1/M1/C/P", name_zh="压", name_en="P", semantic="pressure.gas")


class Plants:
    """Two tenants with the same app, of which one runs it more often."""

    def __init__(self, metadata: Metadata, catalogue: Catalogue) -> None:
        self.metadata, self.catalogue = metadata, catalogue
        self.mine, self.theirs = self._plant("plant-a"), self._plant("plant-b")

    def _plant(self, slug: str) -> TenantScope:
        with self.metadata.session() as session:
            tenant = create_tenant(session, slug, "厂", "Plant")
            principal = Principal(1, "owner", {slug: (tenant.id, frozenset({Role.OWNER, Role.ANALYST}))})
            scope = access_tenant(principal, slug, Permission.SUBSCRIBE)
            upsert_signals(session, scope, "opcua-1", [PRESSURE])
        return scope

    def subscribe(self, scope: TenantScope, plan: str) -> None:
        with self.metadata.session() as session:
            signals = list_signals(session, scope)
            subscribe(session, scope, self.catalogue, "dear", signals, plan=plan, now=BEGIN)

    def run(self, scope: TenantScope, at: datetime, times: int = 1) -> None:
        with self.metadata.session() as session:
            for n in range(times):
                record_run(session, scope, a_run(at + n * timedelta(seconds=1)))

    def issue(self, scope: TenantScope, month: date = MARCH, now: datetime = AFTER) -> list[StatementView]:
        with self.metadata.session() as session:
            return issue_due(session, self.operated(session, scope), self.catalogue, month, now)

    def operated(self, session: Session, scope: TenantScope) -> TenantScope:
        return operator_scope(session, OPERATOR, scope.slug)

    def reconcile(self, scope: TenantScope) -> int:
        with self.metadata.session() as session:
            return reconcile(session, self.operated(session, scope), AFTER)

    def give(self, scope: TenantScope, fen: int, **more: object) -> str:
        terms = {"amount_fen": fen, "valid_from": MARCH, "valid_to": MAY, "purpose": "上云"} | more
        with self.metadata.session() as session:
            made = issue_voucher(session, OFFICER, scope.tenant_id, VoucherTerms.model_validate(terms), BEGIN)
        return made.code

    def left(self, scope: TenantScope) -> dict[str, int]:
        with self.metadata.session() as session:
            return {one.code: one.left_fen for one in vouchers_of(session, scope)}

    def decide(self, scope: TenantScope, number: int, act: InvoiceAct, said: str = "") -> InvoiceState:
        with self.metadata.session() as session:
            operated = self.operated(session, scope)
            return decide_invoice(session, operated, Manual(), number, act, said, AFTER).state


def a_run(at: datetime) -> Run:
    return Run(
        app="dear", version="0.1.0", started_at=at, window_start=at - timedelta(hours=1), window_end=at,
        seconds=0.5, rows_in=10, values_out=1, isolation="process", filtered=True, outcome=Outcome.OK,
    )  # fmt: skip


@pytest.fixture
def plants(metadata: Metadata, priced: Catalogue) -> Plants:
    return Plants(metadata, priced)


def test_a_month_is_billed_once_from_its_own_runs_and_no_neighbours(plants: Plants) -> None:
    for scope, runs in ((plants.mine, 4), (plants.theirs, 9)):
        plants.subscribe(scope, "run")
        plants.run(scope, BEGIN, runs)
    (mine,) = plants.issue(plants.mine)
    assert [(x.plan, x.quantity, x.amount_fen) for x in mine.content.lines] == [("run", 4, 12)]
    assert (mine.number, mine.total_fen, mine.content.charges_fen) == (1, 12, 12)
    assert mine.content.tenant == "plant-a"
    assert plants.issue(plants.mine) == []
    assert [one.total_fen for one in plants.issue(plants.theirs)] == [27]
    assert (plants.reconcile(plants.mine), plants.reconcile(plants.theirs)) == (1, 1)
    with plants.metadata.session() as session:
        assert [one.total_fen for one in statements_of(session, plants.mine)] == [12]
        assert [one.total_fen for one in statements_of(session, plants.theirs)] == [27]
        told = [entry.action for entry in entries_of(session, plants.mine)]
    assert told.count("statement.issued") == 1


def test_who_issues_is_alone_with_the_plant_whose_month_it_is(plants: Plants) -> None:
    """Two at once would number and chain two statements alike; a neighbour's month need not wait."""
    locked: list[object] = []

    def keep(_connection: object, _cursor: object, statement: str, values: Any, *_more: object) -> None:  # noqa: ANN401 - as the driver takes them
        if statement.startswith("UPDATE tenant"):
            locked.append([*(values.values() if isinstance(values, dict) else values)])

    plants.subscribe(plants.mine, "month")
    event.listen(plants.metadata.engine, "before_cursor_execute", keep)
    plants.issue(plants.mine)
    event.remove(plants.metadata.engine, "before_cursor_execute", keep)
    assert locked == [[plants.mine.tenant_id]]


def test_a_month_that_is_not_over_on_the_plants_clock_is_only_shown(plants: Plants) -> None:
    plants.subscribe(plants.mine, "month")
    # In Shanghai April begins at 16:00 of 31 March UTC.
    with pytest.raises(NotOver):
        plants.issue(plants.mine, MARCH, datetime(2026, 3, 31, 15, 59, tzinfo=UTC))
    with plants.metadata.session() as session:
        days, lines = preview(session, plants.mine, MARCH, BEGIN + timedelta(days=4))
    assert [day.state for day in days] == ["trial"] * 3 + ["billed"] * 2
    assert [(x.kind, x.quantity, x.amount_fen) for x in lines] == [("plan", 2, 645), ("trial", 3, 0)]
    (first,) = plants.issue(plants.mine, MARCH, datetime(2026, 3, 31, 16, tzinfo=UTC))
    # 28 of 31 days at 10001 fen, half a fen up.
    assert first.total_fen == 9033


def test_missed_months_follow_in_order_each_sealed_over_the_one_before(plants: Plants) -> None:
    plants.subscribe(plants.mine, "month")
    with plants.metadata.session() as session:
        change_plan(session, plants.mine, plants.catalogue, "dear", "signal", BEGIN + timedelta(days=40))
        pause(session, plants.mine, "dear", BEGIN + timedelta(days=50))
    made = plants.issue(plants.mine, MAY)
    assert [(one.content.month, one.total_fen) for one in made] == [
        ("2026-03", 9033), ("2026-04", 3000 + 285), ("2026-05", 0)
    ]  # fmt: skip
    assert plants.reconcile(plants.mine) == 3
    with plants.metadata.session() as session:
        session.execute(
            update(Statement)
            .where(Statement.tenant_id == plants.mine.tenant_id, Statement.number == 1)
            .values(total_fen=1)
        )
    with pytest.raises(Unreconciled, match="the seal"):
        plants.reconcile(plants.mine)


def test_what_comes_late_or_goes_is_made_good_once_by_the_next_statement(plants: Plants) -> None:
    plants.subscribe(plants.mine, "run")
    plants.run(plants.mine, BEGIN, 5)
    (first,) = plants.issue(plants.mine)
    plants.run(plants.mine, BEGIN + timedelta(days=1), 3)
    with pytest.raises(Unreconciled, match="the number of runs is 5, counted anew 8"):
        plants.reconcile(plants.mine)
    (second,) = plants.issue(plants.mine, APRIL)
    assert [(x.kind, x.month, x.quantity, x.amount_fen) for x in second.content.lines] == [
        ("plan", "2026-04", 0, 0), ("correction", "2026-03", 3, 9)
    ]  # fmt: skip
    assert plants.reconcile(plants.mine) == 2
    with plants.metadata.session() as session:
        mine = AppRun.tenant_id == plants.mine.tenant_id
        session.execute(delete(AppRun).where(mine, AppRun.started_at < BEGIN + timedelta(days=1)))
    (third,) = plants.issue(plants.mine, MAY)
    assert (third.content.corrections_fen, third.total_fen, third.content.carried_fen) == (-15, 0, -15)
    assert plants.reconcile(plants.mine) == 3
    plants.run(plants.mine, datetime(2026, 6, 3, tzinfo=UTC), 10)
    (fourth,) = plants.issue(plants.mine, date(2026, 6, 1), datetime(2026, 7, 2, tzinfo=UTC))
    assert (fourth.content.brought_fen, fourth.total_fen) == (-15, 15)
    with plants.metadata.session() as session:
        stored = statements_of(session, plants.mine)
    assert stored[-1] == first
    assert [one.number for one in stored] == [4, 3, 2, 1]


def test_a_voucher_pays_what_it_covers_expiring_ones_first_and_never_more(plants: Plants) -> None:
    plants.subscribe(plants.mine, "run")
    plants.run(plants.mine, BEGIN, 100)
    late, soon = plants.give(plants.mine, 200), plants.give(plants.mine, 150, valid_to=MARCH)
    over = plants.give(plants.mine, 999, valid_from=APRIL)
    other = plants.give(plants.mine, 999, apps=["another-app"])
    theirs = plants.give(plants.theirs, 999, valid_to=MARCH)
    (made,) = plants.issue(plants.mine)
    assert [(one.code, one.fen) for one in made.content.redeemed] == [(soon, 150), (late, 150)]
    assert (made.content.vouchers_fen, made.total_fen) == (300, 0)
    assert plants.left(plants.mine) == {late: 50, soon: 0, over: 999, other: 999}
    assert plants.left(plants.theirs) == {theirs: 999}
    assert plants.reconcile(plants.mine) == 1
    with plants.metadata.session() as session:
        assert invoices_of(session, plants.operated(session, plants.mine)) == []


def test_a_voucher_for_an_industry_pays_apps_made_for_it_or_for_all(plants: Plants) -> None:
    # The test's app names no industry, so it serves each.
    plants.subscribe(plants.mine, "run")
    plants.run(plants.mine, BEGIN, 10)
    code = plants.give(plants.mine, 20, industries=["C31"])
    (made,) = plants.issue(plants.mine)
    assert (made.content.redeemed[0].code, made.total_fen) == (code, 10)


def test_the_database_itself_keeps_vouchers_from_being_spent_twice(plants: Plants) -> None:
    plants.subscribe(plants.mine, "run")
    plants.run(plants.mine, BEGIN, 10)
    plants.give(plants.mine, 20)
    (made,) = plants.issue(plants.mine)
    mine = plants.mine.tenant_id
    with plants.metadata.session() as session:
        voucher = session.scalars(select(Voucher.id).where(Voucher.tenant_id == mine)).one()
    again = Redemption(tenant_id=mine, voucher_id=voucher, statement_id=made.id, fen=1)
    with pytest.raises(IntegrityError), plants.metadata.session() as session:
        session.add(again)
    for left in (-1, 21):
        with pytest.raises(IntegrityError), plants.metadata.session() as session:
            session.execute(update(Voucher).where(Voucher.tenant_id == mine).values(left_fen=left))
    with plants.metadata.session() as session:
        session.execute(update(Voucher).where(Voucher.tenant_id == mine).values(left_fen=5))
    with pytest.raises(Unreconciled, match="what is left is 5, counted anew 0"):
        plants.reconcile(plants.mine)


def test_an_invoice_is_issued_then_paid_with_a_reference_or_cancelled_with_a_reason(plants: Plants) -> None:
    for scope in (plants.mine, plants.theirs):
        plants.subscribe(scope, "month")
        plants.issue(scope, APRIL)
    with plants.metadata.session() as session:
        assert invoices_of(session, plants.mine) == []
    with pytest.raises(InvoiceRefused, match="is draft"):
        plants.decide(plants.mine, 1, InvoiceAct.PAID, "bank 1")
    assert plants.decide(plants.mine, 1, InvoiceAct.ISSUE) is InvoiceState.ISSUED
    with pytest.raises(PaymentUnknown):
        plants.decide(plants.mine, 1, InvoiceAct.PAID, " ")
    assert plants.decide(plants.mine, 1, InvoiceAct.PAID, "bank 1") is InvoiceState.PAID
    with pytest.raises(InvoiceRefused, match="is paid"):
        plants.decide(plants.mine, 1, InvoiceAct.CANCEL, "no")
    plants.decide(plants.mine, 2, InvoiceAct.ISSUE)
    with pytest.raises(InvoiceRefused, match="reason"):
        plants.decide(plants.mine, 2, InvoiceAct.CANCEL)
    assert plants.decide(plants.mine, 2, InvoiceAct.CANCEL, "wrong") is InvoiceState.CANCELLED
    with plants.metadata.session() as session:
        second, first = invoices_of(session, plants.mine)
        assert invoices_of(session, plants.theirs) == []
        drafts = all_invoices(session, InvoiceState.DRAFT)
        told = {entry.action for entry in entries_of(session, plants.mine)}
    assert (first.label, first.reference, first.asked) == ("plant-a-00001", "bank 1", "plant-a-00001")
    assert (second.credit_number, second.reason) == (1, "wrong")
    assert {(one.tenant, one.label) for one in drafts} == {
        ("plant-b", "plant-b-00001"), ("plant-b", "plant-b-00002")
    }  # fmt: skip
    assert {"invoice.issued", "invoice.paid", "invoice.cancelled"} <= told


class Asking(Manual):
    """Keeps whom it was asked to be paid by."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def ask(self, due: Due) -> str:
        self.asked.append((due.tenant, due.reference))
        return super().ask(due)


def test_invoices_and_credit_notes_of_each_tenant_are_numbered_from_one(plants: Plants) -> None:
    Asking.asked.clear()
    for scope in (plants.mine, plants.theirs):
        plants.subscribe(scope, "month")
        plants.issue(scope)
        with plants.metadata.session() as session:
            operated = plants.operated(session, scope)
            decide_invoice(session, operated, Asking(), 1, InvoiceAct.ISSUE, "", AFTER)
        plants.decide(scope, 1, InvoiceAct.CANCEL, "wrong")
    labels = {scope.slug: f"{scope.slug}-00001" for scope in (plants.mine, plants.theirs)}
    assert Asking.asked == list(labels.items())
    with plants.metadata.session() as session:
        for scope in (plants.mine, plants.theirs):
            (one,) = invoices_of(session, scope)
            assert (one.label, one.credit_number) == (labels[scope.slug], 1)


def test_an_invoice_of_a_statement_of_another_tenant_is_shown_to_neither(plants: Plants) -> None:
    """No such row is ever written; should one be, it must not tell anything."""
    for scope in (plants.mine, plants.theirs):
        plants.subscribe(scope, "month")
        plants.issue(scope)
    with plants.metadata.session() as session:
        (mine,) = statements_of(session, plants.mine)
        session.execute(delete(Invoice).where(Invoice.tenant_id == plants.mine.tenant_id))
        session.execute(update(Invoice).values(statement_id=mine.id))
    with plants.metadata.session() as session:
        for scope in (plants.mine, plants.theirs):
            assert invoices_of(session, plants.operated(session, scope)) == []
        assert all_invoices(session) == []


def test_a_number_of_another_tenant_finds_and_changes_nothing(plants: Plants) -> None:
    """Numbers of subscriptions and vouchers are unique, and yet nobody's number is taken on trust."""
    for scope in (plants.mine, plants.theirs):
        plants.subscribe(scope, "run")
        plants.run(scope, BEGIN, 2)
    code = plants.give(plants.theirs, 50)
    with plants.metadata.session() as session:
        their = Subscription.tenant_id == plants.theirs.tenant_id
        number = session.scalars(select(Subscription.id).where(their)).one()
        (voucher,) = vouchers_of(session, plants.theirs)
        assert [one for one, _ in usage._subscriptions(session, plants.theirs)] == [number]
        assert usage._stretches(session, plants.theirs, number)
        assert usage._stretches(session, plants.mine, number) == []
        assert usage._grants(session, plants.theirs, number)
        assert usage._grants(session, plants.mine, number) == {}
        counted = usage.counted_by_day(session, plants.mine, [MARCH], ZoneInfo("UTC"))
        assert [one.runs for one in counted.values()] == [2]
        take(session, plants.mine, [Taken(voucher.id, code, 20)])
    assert plants.left(plants.theirs) == {code: 50}
    with plants.metadata.session() as session:
        told = [[one.action for one in entries_of(session, of)] for of in (plants.mine, plants.theirs)]
    assert ["voucher.issued" in actions for actions in told] == [False, True]


def test_a_tenant_that_came_later_has_no_statements_of_the_time_before(plants: Plants) -> None:
    plants.subscribe(plants.theirs, "run")
    with plants.metadata.session() as session:
        signals = list_signals(session, plants.mine)
        later = BEGIN + timedelta(days=40)
        subscribe(session, plants.mine, plants.catalogue, "dear", signals, plan="run", now=later)
    assert [one.content.month for one in plants.issue(plants.mine, MAY)] == ["2026-04", "2026-05"]


def test_whatever_does_not_agree_is_told_under_the_name_of_its_tenant(plants: Plants) -> None:
    for scope in (plants.mine, plants.theirs):
        plants.subscribe(scope, "run")
        plants.run(scope, BEGIN, 5)
        plants.give(scope, 4)
        plants.issue(scope)
    mine = plants.mine.tenant_id
    with plants.metadata.session() as session:
        content = session.scalars(select(Statement.content).where(Statement.tenant_id == mine)).one()
        wrong = {**content, "charges_fen": 7}
        session.execute(update(Statement).where(Statement.tenant_id == mine).values(content=wrong))
        session.execute(update(Redemption).where(Redemption.tenant_id == mine).values(fen=1))
        session.execute(update(Invoice).where(Invoice.tenant_id == mine).values(fen=1))
    plants.run(plants.mine, BEGIN + timedelta(days=1))
    with pytest.raises(Unreconciled) as caught:
        plants.reconcile(plants.mine)
    found = caught.value.differences
    assert {one.what.partition(",")[0] for one in found} == {
        "the seal", "the sum of charges", "subscription 1", "the number of runs",
        "what was redeemed", "what is left", "the sum",
    }  # fmt: skip
    assert {one.tenant for one in found} == {"plant-a"}
    assert plants.reconcile(plants.theirs) == 1


def test_issuing_keeps_the_own_tenant_to_itself_and_no_other(
    new_postgres: Callable[[], Metadata], priced: Catalogue
) -> None:
    """SQLite has one lock for all of it, so only PostgreSQL can tell."""
    plants = Plants(new_postgres().above(Above.BILLING), priced)
    with plants.metadata.session() as session:
        issue_due(session, plants.operated(session, plants.mine), plants.catalogue, MARCH, AFTER)
        with plants.metadata.session() as beside:
            free = select(Tenant.slug).with_for_update(skip_locked=True)
            assert set(beside.scalars(free)) == {"plant-b"}


def test_money_is_for_who_may_subscribe_and_deciding_for_the_operator(plants: Plants) -> None:
    plants.subscribe(plants.mine, "month")
    plants.issue(plants.mine)
    viewer = access_tenant(
        Principal(2, "viewer", {"plant-a": (plants.mine.tenant_id, frozenset({Role.VIEWER}))}),
        "plant-a", Permission.READ,
    )  # fmt: skip
    with plants.metadata.session() as session:
        narrow = plants.mine.narrowed(frozenset({1}), frozenset(Permission))
        for looked in (statements_of, vouchers_of, invoices_of):
            for scope in (viewer, narrow):
                with pytest.raises(AccessDenied):
                    looked(session, scope)
        sending = plants.mine.narrowed(frozenset({1}), frozenset({Permission.INGEST}))
        for scope in (narrow, sending):
            with pytest.raises(AccessDenied):
                preview(session, scope, MARCH, AFTER)
        with pytest.raises(AccessDenied):
            issue_due(session, plants.mine, plants.catalogue, MARCH, AFTER)
        with pytest.raises(AccessDenied):
            decide_invoice(session, plants.mine, Manual(), 1, InvoiceAct.ISSUE, "", AFTER)
        assert session.scalar(select(Invoice.state)) == "draft"
