"""Files of shift reports, for who may see the place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Blueprint, Response, abort, request

from tundish_dashboards import wishes
from tundish_dashboards.handover.data import choose, read_report
from tundish_dashboards.routes import Page, Route
from tundish_platform.api.handover_routes import sent_report
from tundish_platform.handover import UnknownHandover, find_edition
from tundish_platform.handover.files import FORMS, report_of
from tundish_platform.tenancy import AccessDenied
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.handover.files import Report

# What PostgreSQL keeps a number in.
_MOST: Final = 2**31 - 1
_DIGITS: Final = len(str(_MOST))


def handover_files(pages: Pages) -> Blueprint:
    """An edition by its number, else the newest one of a shift, or the shift as it stands."""
    routes = Blueprint("handover", __name__)

    @routes.get("/handover/<tenant>/file")
    def file(tenant: str) -> Response:
        try:
            view = pages.view(Route(Page.HANDOVER, tenant).path)
            report = _report(view)
        except (AccessDenied, UnknownHandover):
            abort(404)
        form = wishes.one_of(request.args.get("form"), "the form of the file", FORMS, FORMS[0])
        language = wishes.one_of(request.args.get("language"), "the language", ("zh", "en"), "zh")
        return sent_report(report, form, "en" if language == "en" else "zh")

    return routes


def _report(view: TenantView) -> Report:
    number = request.args.get("edition", "")
    if number:
        if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS) or int(number) > _MOST:
            abort(404)
        with view.context.metadata.session() as session:
            found = find_edition(session, view.scope, int(number))
            return report_of(session, view.scope, found.facts, found.view, utc_now())
    wished = request.args.get("place"), request.args.get("shift")
    choice = choose(view, *wished)
    known = choice.place is not None and choice.place.path == wished[0]
    if not known or choice.shift is None or str(choice.shift.start) != wished[1]:
        abort(404)
    report = read_report(view, choice)
    if report is None:
        abort(404)
    return report
