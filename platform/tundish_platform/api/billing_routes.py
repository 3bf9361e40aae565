"""Routes of a subscription's life and of the tenant's own money: usage, statements, vouchers, invoices."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field

from tundish_platform.api import billing_shapes as shapes
from tundish_platform.api import shapes as plain
from tundish_platform.api.billing_shapes import told
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded
from tundish_platform.api.ids import MAX_ID, known_id
from tundish_platform.api.marketplace_routes import described_subscription
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import Query, page, whole, word
from tundish_platform.api.params import text, wrong
from tundish_platform.assets import find_signals
from tundish_platform.documents import FontsMissing, pdf_of
from tundish_platform.marketplace import (
    GrantRefused,
    OutputsGoing,
    SubscriptionPaused,
    UnknownPlan,
    cancel,
    change_plan,
    changes_of,
    give_grant,
    halt_of,
    pause,
    resume,
    withdraw_grant,
)
from tundish_platform.marketplace.billing.invoices import InvoiceRefused, invoices_of
from tundish_platform.marketplace.billing.papers import statement_document, statement_workbook
from tundish_platform.marketplace.billing.payments import PaymentUnknown
from tundish_platform.marketplace.billing.statements import (
    DayUsed,
    NotOver,
    preview,
    statements_of,
)
from tundish_platform.marketplace.billing.vouchers import vouchers_of
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session

    from tundish_platform.marketplace import SubscriptionView
    from tundish_platform.marketplace.billing.statements import StatementView
    from tundish_platform.tenancy import TenantScope

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF: Final = "application/pdf"
BEFORE: Final = whole("before", 0, MAX_ID, 0, "Number of the last one of the page before; 0 for the newest.")
AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last one of the page before.")
LIMIT: Final = page(500, 50)
MONTH: Final = Query(
    "month", "Month as 2026-01; the one under way if absent.", {"type": "string", "pattern": r"^\d{4}-\d{2}$"}
)
FORMAT: Final = word("format", ("xlsx", "pdf"), "xlsx", "Of the file.")
LANGUAGE: Final = word("language", ("zh", "en"), "zh", "Of the file.")

routes = Blueprint("billing", __name__)


class PlanChoice(BaseModel):
    """The plan to change to, by its key."""

    model_config = ConfigDict(extra="forbid")

    plan: Annotated[str, Field(max_length=20)]


class Cancellation(BaseModel):
    """Whether what the app wrote is kept, or removed for good."""

    model_config = ConfigDict(extra="forbid")

    outputs: Literal["keep", "remove"] = "keep"


@routes.get("/tenants/<tenant>/subscriptions/<app_id>/changes")
@guarded(Permission.READ)
@described(BEFORE, LIMIT, answer=list[shapes.SubscriptionChange], headers=(LINK,))
def change_list(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """Who did what to the tenant's subscriptions to an app, the newest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = changes_of(session, scope, app_id, BEFORE.read(), limit)
    return paged(told(list[shapes.SubscriptionChange], found), "before", last_of(found, limit))


@routes.post("/tenants/<tenant>/subscriptions/<app_id>/pause")
@guarded(Permission.SUBSCRIBE)
@described(answer=plain.Subscription)
def subscription_pause(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """Let the app rest: no runs, nothing charged for whole days of it; what it wrote stays."""
    with platform().metadata.session() as session:
        return _told(session, scope, pause(session, scope, app_id))


@routes.post("/tenants/<tenant>/subscriptions/<app_id>/resume")
@guarded(Permission.SUBSCRIBE)
@described(answer=plain.Subscription)
def subscription_resume(scope: TenantScope, app_id: str) -> ResponseReturnValue:
    """Let a paused app run again."""
    with platform().metadata.session() as session:
        return _told(session, scope, resume(session, scope, app_id))


@routes.post("/tenants/<tenant>/subscriptions/<app_id>/plan")
@guarded(Permission.SUBSCRIBE)
@described(body=PlanChoice, answer=plain.Subscription)
def plan_change(scope: TenantScope, app_id: str, body: PlanChoice) -> ResponseReturnValue:
    """Change to another plan at once; today already counts as a day of it."""
    with platform().metadata.session() as session:
        return _told(session, scope, change_plan(session, scope, platform().catalogue, app_id, body.plan))


@routes.post("/tenants/<tenant>/subscriptions/<app_id>/cancellation")
@guarded(Permission.SUBSCRIBE)
@described(body=Cancellation, answer=shapes.Cancelled)
def subscription_cancel(scope: TenantScope, app_id: str, body: Cancellation) -> ResponseReturnValue:
    """Cancel; what the app wrote is kept, or removed from the store for good."""
    with platform().metadata.session() as session:
        return {"removal": cancel(session, scope, app_id, remove_outputs=body.outputs == "remove")}


@routes.put("/tenants/<tenant>/grants/<app_id>/<int:number>")
@guarded(Permission.SUBSCRIBE)
@described(answer=plain.Subscription)
def grant_give(scope: TenantScope, app_id: str, number: int) -> ResponseReturnValue:
    """Let the app read one more signal that it asks for."""
    with platform().metadata.session() as session:
        (signal,) = find_signals(session, scope, [known_id(number)])
        return _told(session, scope, give_grant(session, scope, platform().catalogue, app_id, signal))


@routes.delete("/tenants/<tenant>/grants/<app_id>/<int:number>")
@guarded(Permission.SUBSCRIBE)
@described(answer=plain.Subscription)
def grant_withdraw(scope: TenantScope, app_id: str, number: int) -> ResponseReturnValue:
    """Take one signal from the app, from its next reading on."""
    with platform().metadata.session() as session:
        return _told(session, scope, withdraw_grant(session, scope, app_id, known_id(number)))


@routes.get("/tenants/<tenant>/usage")
@guarded(Permission.READ)
@described(MONTH, answer=shapes.Usage)
def usage(scope: TenantScope) -> ResponseReturnValue:
    """What the subscriptions used in a month, by day, and what it comes to before vouchers."""
    month = _month()
    with platform().metadata.session() as session:
        days, lines = preview(session, scope, month, utc_now())
    return jsonify(told(shapes.Usage, {"month": f"{month:%Y-%m}", "days": map(_day, days), "lines": lines}))


@routes.get("/tenants/<tenant>/statements")
@guarded(Permission.SUBSCRIBE)
@described(BEFORE, LIMIT, answer=list[shapes.Statement], headers=(LINK,))
def statement_list(scope: TenantScope) -> ResponseReturnValue:
    """The tenant's monthly statements, the newest first, without their content."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = statements_of(session, scope, BEFORE.read(), limit)
    rows = told(list[shapes.Statement], [_short(one) for one in found])
    return paged(rows, "before", last_of(found, limit, "number"))


@routes.get("/tenants/<tenant>/statements/<int:number>")
@guarded(Permission.SUBSCRIBE)
@described(answer=shapes.StatementWhole)
def statement_one(scope: TenantScope, number: int) -> ResponseReturnValue:
    """A statement with its lines, what was redeemed, and the usage of each day."""
    found = _statement(scope, number)
    return jsonify(told(shapes.StatementWhole, _short(found) | {"content": found.content}))


@routes.get("/tenants/<tenant>/statements/<int:number>/file")
@guarded(Permission.SUBSCRIBE)
@described(FORMAT, LANGUAGE, gives=(XLSX, PDF))
def statement_file(scope: TenantScope, number: int) -> Response:
    """A statement as an Excel workbook or as PDF."""
    form, found = FORMAT.read(), _statement(scope, number)
    content = statement_file_of(found, form, "en" if LANGUAGE.read() == "en" else "zh")
    answer = Response(content, content_type=XLSX if form == "xlsx" else PDF)
    name = f"statement-{scope.slug}-{found.content.month}.{form}"
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@routes.get("/tenants/<tenant>/vouchers")
@guarded(Permission.SUBSCRIBE)
@described(AFTER, LIMIT, answer=list[shapes.Voucher], headers=(LINK,))
def voucher_list(scope: TenantScope) -> ResponseReturnValue:
    """The tenant's own vouchers with what is left of each."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = vouchers_of(session, scope, AFTER.read(), limit)
    return paged(told(list[shapes.Voucher], found), "after", last_of(found, limit))


@routes.get("/tenants/<tenant>/invoices")
@guarded(Permission.SUBSCRIBE)
@described(BEFORE, LIMIT, answer=list[shapes.Invoice], headers=(LINK,))
def invoice_list(scope: TenantScope) -> ResponseReturnValue:
    """The invoices that were issued to the tenant, the newest first."""
    limit = LIMIT.read()
    with platform().metadata.session() as session:
        found = invoices_of(session, scope, BEFORE.read(), limit)
    return paged(told(list[shapes.Invoice], found), "before", last_of(found, limit, "number"))


def statement_file_of(found: StatementView, form: str, language: Literal["zh", "en"]) -> bytes:
    """A statement as a file.

    Raises:
        Problem: this machine has no letters for the PDF.
    """
    if form == "xlsx":
        return statement_workbook(found, language)
    try:
        return pdf_of(statement_document(found, language))
    except FontsMissing as error:
        raise Problem(503, str(error), "服务器缺少中文字体, 无法生成 PDF。", "fonts_missing") from error


def month_of(given: str) -> date:
    """First day of a month like ``2026-01``.

    Raises:
        Problem: it is none.
    """
    try:
        return datetime.strptime(given, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise wrong("month", "must be a month like 2026-01", "须为形如 2026-01 的月份") from None


def _told(session: Session, scope: TenantScope, view: SubscriptionView) -> dict[str, Any]:
    return described_subscription(view, halt_of(session, scope, view.app))


def _month() -> date:
    given = text("month", 7)
    return month_of(given) if given else utc_now().date().replace(day=1)


def _day(day: object) -> dict[str, object]:
    return {name: getattr(day, name) for name in DayUsed.model_fields}


def _short(one: StatementView) -> dict[str, object]:
    return {name: getattr(one, name) for name in shapes.Statement.model_fields}


def _statement(scope: TenantScope, number: int) -> StatementView:
    with platform().metadata.session() as session:
        found = statements_of(session, scope, known_id(number) + 1, 1)
    if not found or found[0].number != number:
        raise Problem(404, "There is no such statement.", "没有该账单。", "unknown_statement")
    return found[0]


@routes.app_errorhandler(SubscriptionPaused)
def _paused(error: SubscriptionPaused) -> Response:
    return Problem(
        409, f"{error!s:.60} is paused: it reads nothing and nothing is booked. Resume it first.",
        f"{error!s:.60} 已暂停: 不读取数据, 也不记录运行。请先恢复。", "paused",
    ).response()  # fmt: skip


@routes.app_errorhandler(OutputsGoing)
def _going(error: OutputsGoing) -> Response:
    return Problem(
        409, f"What {error!s:.60} wrote is still being removed. Come again in ten minutes.",
        f"{error!s:.60} 之前写入的数据正在删除, 请十分钟后再试。", "outputs_going",
    ).response()  # fmt: skip


@routes.app_errorhandler(UnknownPlan)
def _unknown_plan(error: UnknownPlan) -> Response:
    return Problem(
        422,
        f"{error!s:.100}. The catalogue names its plans.",
        "该应用没有此方案, 请查看应用目录。",
        "unknown_plan",
    ).response()


@routes.app_errorhandler(GrantRefused)
def _grant_refused(error: GrantRefused) -> Response:
    return Problem(
        422, f"{error!s:.300}.", "应用清单没有要求这样的信号, 不能授权。", "grant_refused"
    ).response()


@routes.app_errorhandler(NotOver)
def _not_over(error: NotOver) -> Response:
    return Problem(409, f"{error!s:.100}.", "该月份在企业所在时区尚未结束。", "not_over").response()


@routes.app_errorhandler(InvoiceRefused)
def _invoice_refused(error: InvoiceRefused) -> Response:
    return Problem(error.status, error.message_en, error.message_zh, "invoice_refused").response()


@routes.app_errorhandler(PaymentUnknown)
def _payment_unknown(error: PaymentUnknown) -> Response:
    return Problem(422, f"{error!s:.200}.", "请填写付款的银行流水号。", "payment_unknown").response()
