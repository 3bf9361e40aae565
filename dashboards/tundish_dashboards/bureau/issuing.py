"""Issuing a frozen month's report by hand; a further issue of a month says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Input, Output, State, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.dialogs import comment, dialog
from tundish_dashboards.theme import Tone
from tundish_platform.api.reports import issue_report
from tundish_platform.programme.reports.counting import MonthNotFrozen
from tundish_platform.programme.reports.issuing import ReportStands
from tundish_platform.programme.series.frozen import frozen_months
from tundish_platform.tenancy.passwords import utc_now
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, Person

_REASON: Final = 400
_MONTH: Final = 7


def issuing_form(pages: Pages, person: Person) -> list[Component]:
    """The button, and the dialog that asks for the month and the reason; nothing while no month is frozen."""
    t = person.t
    with pages.context.metadata.above(Above.ADOPTION).session() as session:
        frozen = [one.month for one in reversed(frozen_months(session))]
    months = [{"value": month, "label": month} for month in frozen]
    return [
        dmc.Button(t("issuing.open"), id="issuing-open", size="xs", variant="default", disabled=not months),
        dialog(
            "issuing", t("issuing.yes"), t("issuing.no"),
            [
                components.select("issuing-month", t("report.month"), months, frozen[0] if frozen else None),
                *comment("issuing-reason", t("issuing.reason"), _REASON),
            ],
        ),
    ]  # fmt: skip


def register_issuing(pages: Pages, listed: Callable[[Person], Component]) -> None:
    """The dialog, and the list of reports anew once one was issued."""

    @pages.on_programme(
        Output("issuing-dialog", "opened"),
        Output("issuing-dialog-what", "children"),
        Output("issuing-dialog-problem", "children"),
        Output("report-list", "children"),
        Input("issuing-open", "n_clicks"),
        Input("issuing-yes", "n_clicks"),
        Input("issuing-no", "n_clicks"),
        State("issuing-month", "value"),
        State("issuing-reason", "value"),
        initially=False,
    )
    def act(person: Person, opens: object, yes: object, _no: object, *said: object) -> tuple[Any, ...]:
        asked = wishes.asker()
        if asked == "issuing-open" and opens:
            return True, person.t("issuing.question"), None, no_update
        if asked != "issuing-yes" or not yes:
            return False, no_update, None, no_update
        month = wishes.word(said[0], "the month", _MONTH)
        reason = wishes.word(said[1], "the reason", _REASON).strip()
        problem = _issued(pages, person, month, reason)
        if problem is not None:
            return True, no_update, problem, no_update
        return False, no_update, None, listed(person)


def _issued(pages: Pages, person: Person, month: str, reason: str) -> Component | None:
    """Count and issue a month's report; what hinders it, where something does."""
    t, context = person.t, pages.context
    try:
        with context.metadata.above(Above.ADOPTION).session() as session:
            issue_report(
                session, context.catalogue.apps, context.figures, month, person.principal.name, utc_now(),
                reason=reason,
            )  # fmt: skip
    except ReportStands:
        return components.notice(Tone.BAD, t("issuing.stands", month=month), t("issuing.stands_then"))
    except MonthNotFrozen:
        return components.notice(Tone.BAD, t("issuing.not_frozen", month=month), t("issuing.not_frozen_then"))
    return None
