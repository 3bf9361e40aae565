"""Monthly reports to download, what the newest one tells of apps, and the package of published figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dash import html
from flask import Blueprint, Response, abort

from tundish_dashboards import components
from tundish_dashboards.bureau.issuing import issuing_form, register_issuing
from tundish_dashboards.i18n import Language
from tundish_platform.api.report_routes import sent_report
from tundish_platform.programme.reports.issuing import (
    UnknownReport,
    newest_reports,
    report,
    said_in,
)
from tundish_platform.programme.reports.writing import FORMS, Form
from tundish_platform.tenancy import AccessDenied, access_programme
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person
    from tundish_platform.programme.reports.content import AppAdoption, ReportContent
    from tundish_platform.programme.reports.models import IssuedReport

SHOWN: Final = 12
_PROGRAMS: Final[dict[Form, str]] = {"xlsx": "Excel", "docx": "Word", "pdf": "PDF"}
_PACKAGE: Final = "/api/v1/figures/package"


def report_panels(pages: Pages, person: Person) -> list[Component]:
    """Reports with their files, and apps in the newest one's month."""
    t = person.t
    with pages.context.metadata.above(Above.ADOPTION).session() as session:
        found = newest_reports(session, SHOWN)
        newest = said_in(found[0]) if found else None
    package = html.A(t("report.package"), href=_PACKAGE, download="", title=t("report.package_words"))
    return [
        components.panel(
            t("report.title"),
            [html.Div(_listed(person, found), id="report-list"), *issuing_form(pages, person)],
            id="bureau-reports", aside=package,
        ),
        components.panel(
            t("appuse.title"), _apps(person, newest), id="bureau-apps",
            aside=t("appuse.aside", month=newest.month) if newest else None,
        ),
    ]  # fmt: skip


def register_reports(pages: Pages) -> None:
    """Issuing a report, after which the list has it."""

    def anew(person: Person) -> Component:
        with pages.context.metadata.above(Above.ADOPTION).session() as session:
            return _listed(person, newest_reports(session, SHOWN))

    register_issuing(pages, anew)


def _listed(person: Person, found: list[IssuedReport]) -> Component:
    t, formats = person.t, person.formats
    if not found:
        return components.nothing(t("report.none"), t("report.none_then"))
    rows = [
        [
            one.month,
            html.Div([t("report.issue", n=one.issue), html.Div(one.reason, className="muted")]),
            formats.moment(one.issued_at, seconds=False),
            html.Div([_file(person, one, form) for form in FORMS], className="entry-buttons left"),
            html.Span(one.digest[:12], className="code muted", title=one.digest),
        ]
        for one in found
    ]
    head = [t(f"report.{key}") for key in ("month", "which", "issued", "files", "digest")]
    return components.table(head, rows, t("report.title"))


def _file(person: Person, one: IssuedReport, form: Form) -> Component:
    words = _PROGRAMS[form]
    label = components.labelled(person.t("report.file_of", form=words, month=one.month))
    href = f"/bureau/reports/{one.id}/{form}"
    return html.A(words, href=href, className="quiet-link", download="", **label)


def _apps(person: Person, newest: ReportContent | None) -> Component:
    t, formats = person.t, person.formats
    if newest is None:
        return components.nothing(t("report.none"), t("report.none_then"))
    found: AppAdoption = newest.apps
    whole = newest.newest.enterprises

    def of_all(count: int) -> str:
        return t("appuse.of_register", share=formats.percent(count / whole if whole else None))

    counts = [
        components.figure(t(f"appuse.{key}"), formats.number(n, 0), of_all(n))
        for key, n in (("subscribed", found.subscribed), ("one", found.one), ("three", found.three))
    ]
    rows = [
        [
            t.of(one.name.zh, one.name.en),
            t("bureau.suppressed") if one.enterprises is None else formats.number(one.enterprises, 0),
        ]
        for one in found.by_app
    ]
    by_app = (
        components.table([t("appuse.app"), t("bureau.count")], rows, t("appuse.by_app"))
        if rows
        else html.P(t("appuse.nobody"), className="muted")
    )
    return html.Div([components.figures(counts), html.H3(t("appuse.by_app")), by_app])


def report_files(pages: Pages) -> Blueprint:
    """The door to a report's files, for people of the bureau."""
    routes = Blueprint("bureaureports", __name__)

    @routes.get("/bureau/reports/<int:number>/<form>")
    def file(number: int, form: str) -> Response:
        person = pages.person()
        known = next((one for one in FORMS if one == form), None)
        try:
            access_programme(person.principal)
            with pages.context.metadata.above(Above.ADOPTION).session() as session:
                found = report(session, number)
                if known is None:
                    abort(404)
                return sent_report(found, known, "en" if person.language is Language.EN else "zh")
        except (AccessDenied, UnknownReport):
            abort(404)

    return routes
