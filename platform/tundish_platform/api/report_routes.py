"""Routes of the bureau's monthly reports: what was issued, its content, and its files."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Literal

from flask import Blueprint, Response, jsonify
from pydantic import Field

from tundish_platform.api.billing_shapes import told
from tundish_platform.api.context import platform
from tundish_platform.api.described import described
from tundish_platform.api.errors import Problem
from tundish_platform.api.guard import guarded_above
from tundish_platform.api.monthly import MONTHLY
from tundish_platform.api.pages import LINK, last_of, paged
from tundish_platform.api.parameters import page, text, whole, word
from tundish_platform.api.params import MAX_ID
from tundish_platform.api.reports import issue_report
from tundish_platform.api.shapes import Shape
from tundish_platform.documents import FontsMissing
from tundish_platform.programme.reports.content import Month, ReportContent
from tundish_platform.programme.reports.counting import MonthNotFrozen
from tundish_platform.programme.reports.issuing import (
    ReportStands,
    UnknownReport,
    issued,
    report,
    said_in,
)
from tundish_platform.programme.reports.writing import FORMS, MEDIA_TYPES, Form, file_name, report_file
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from flask.typing import ResponseReturnValue
    from sqlalchemy.orm import Session

    from tundish_platform.programme.reports.models import IssuedReport
    from tundish_platform.tenancy import Principal

AFTER: Final = whole("after", 0, MAX_ID, 0, "Number of the last one of the page before.")
LIMIT: Final = page(1_000, 100)
MONTH: Final = text("month", 7, "Only those of this month, such as 2026-02.")
FORMAT: Final = word("format", FORMS, "xlsx", "Of the file: Excel, Word or PDF.")
LANGUAGE: Final = word("language", ("zh", "en"), "zh", "Of the file.")

routes = Blueprint("reports", __name__)


class ReportBody(Shape):
    """Which month's report to issue, by which rules, and why, where one was issued before."""

    month: Month
    rule: Annotated[str, Field(max_length=40)] = MONTHLY
    reason: Annotated[str, Field(max_length=400, pattern=r"^[^\x00-\x1f]*$")] = ""


class ReportIssue(Shape):
    """An issued report: its month, which issue of it, and the digest of what it says."""

    id: int
    month: str
    issue: int
    rule_version: str
    issued_at: datetime
    issued_by: str
    reason: str
    digest: str


class ReportWhole(ReportIssue):
    """The same with everything it says."""

    content: ReportContent


@routes.get("/programme/reports")
@guarded_above(Permission.PROGRAMME)
@described(MONTH, AFTER, LIMIT, answer=list[ReportIssue], headers=(LINK,))
def listed(_principal: Principal) -> Response:
    """Issued reports in the order in which they were issued."""
    limit = LIMIT.read()
    with _session() as session:
        found = issued(session, MONTH.read(), AFTER.read(), limit)
        return paged(told(list[ReportIssue], found), "after", last_of(found, limit))


@routes.post("/programme/reports")
@guarded_above(Permission.PROGRAMME, person=True)
@described(body=ReportBody, answer=ReportIssue, status=201)
def issue_one(principal: Principal, body: ReportBody) -> ResponseReturnValue:
    """Count and issue a frozen month's report; a further issue says why."""
    context = platform()
    with _session() as session:
        made = issue_report(
            session, context.catalogue.apps, context.figures, body.month, principal.name, utc_now(),
            rule=body.rule, reason=body.reason,
        )  # fmt: skip
        return jsonify(told(ReportIssue, made)), 201


@routes.get("/programme/reports/<int:number>")
@guarded_above(Permission.PROGRAMME)
@described(answer=ReportWhole, tagged=True)
def one(_principal: Principal, number: int) -> Response:
    """A report with everything it says: numbers that its files show."""
    with _session() as session:
        found = report(session, number)
        told_whole = ReportWhole(**told(ReportIssue, found), content=said_in(found))
    return jsonify(told_whole.model_dump(mode="json"))


@routes.get("/programme/reports/<int:number>/file")
@guarded_above(Permission.PROGRAMME)
@described(FORMAT, LANGUAGE, gives=tuple(MEDIA_TYPES.values()))
def file(_principal: Principal, number: int) -> Response:
    """A report as an Excel workbook, a Word document or a PDF; asked again, the same bytes."""
    form: Form = next(known for known in FORMS if known == FORMAT.read())
    with _session() as session:
        return sent_report(report(session, number), form, "en" if LANGUAGE.read() == "en" else "zh")


def sent_report(found: IssuedReport, form: Form, language: Literal["zh", "en"]) -> Response:
    """A report's file to download.

    Raises:
        Problem: this machine has no letters for the PDF.
    """
    try:
        content = report_file(found, form, language)
    except FontsMissing as error:
        raise Problem(503, error.en, error.zh, "fonts_missing") from error
    answer = Response(content, content_type=MEDIA_TYPES[form])
    answer.headers.set("Content-Disposition", "attachment", filename=file_name(found, form, language))
    return answer


def _session() -> AbstractContextManager[Session]:
    return platform().metadata.above(Above.ADOPTION).session()


@routes.errorhandler(MonthNotFrozen)
def _not_frozen(error: MonthNotFrozen) -> Response:
    return Problem(
        409, f"The facts of {error!s} are not frozen. A month is frozen in its first hours after its end.",
        f"{error!s} 的数据尚未冻结。月份结束后的数小时内自动冻结。", "not_frozen",
    ).response()  # fmt: skip


@routes.errorhandler(ReportStands)
def _stands(error: ReportStands) -> Response:
    return Problem(
        409, f"The report of {error!s} was issued. Say why it is issued again.",
        f"{error!s} 的月报已签发。如需重新签发,请填写原因。", "report_stands",
    ).response()  # fmt: skip


@routes.errorhandler(UnknownReport)
def _unknown(_error: UnknownReport) -> Response:
    return Problem(
        404, "No report of that number was issued. GET /programme/reports lists them.",
        "没有该编号的月报。可通过 GET /programme/reports 查询。", "unknown_report",
    ).response()  # fmt: skip
