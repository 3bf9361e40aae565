"""Layout and callbacks of the hand-over page: the report of a shift, its files, and the notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from dash import Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.documents import blocks_shown
from tundish_dashboards.handover.data import Choice, choose, editions, read_report
from tundish_dashboards.handover.notes import note_form, note_list, register_notes
from tundish_dashboards.handover.settings import register_settings, settings_panels
from tundish_dashboards.routes import Page, Route
from tundish_platform.handover import files, moment
from tundish_platform.handover.words import Words

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.handover.files import Report
    from tundish_platform.handover.words import Language

# A running shift is reckoned anew once in so many ticks; it costs more than the ticks between.
_TICKS = 12


def handover_page(pages: Pages, path: str) -> Component:
    """The newest shift of the first line; callbacks follow the choices."""
    view = pages.view(path)
    t, choice = view.t, choose(view, None, None)
    places = [
        {"value": one.path, "label": f"{view.t.of(one.name_zh, one.name_en)} · {one.path}"}
        for one in choice.places
    ]
    chosen = choice.place.path if choice.place else None
    picks = [
        components.select("handover-place", t("handover.place"), places, chosen, width=320),
        components.select(
            "handover-shift", t("handover.shift"), shift_choices(view, choice),
            _shift_value(choice), width=300,
        ),
    ]  # fmt: skip
    report = read_report(view, choice)
    return html.Div(
        [
            html.Div(
                [
                    html.H1(t("handover.title", tenant=view.name)),
                    html.Div(_links(view, choice), className="aside", id="handover-links"),
                ],
                className="page-head",
            ),
            html.P(t("handover.what"), className="muted"),
            html.Div(picks, className="entry-buttons left"),
            html.Div(report_shown(view, choice, report), id="handover-report"),
            components.panel(
                t("handover.notes"),
                [
                    html.Div(id="handover-message", role="status", **components.announced()),
                    html.Div(note_list(view, report), id="handover-notes"),
                    note_form(view),
                ],
            ),
            *settings_panels(view, choice),
            dcc.Interval(id="handover-tick", interval=pages.settings.refresh.total_seconds() * 1000),
        ]
    )


def register_handover(pages: Pages) -> None:
    """Following the choices, and keeping a running shift fresh."""
    register_notes(pages)
    register_settings(pages)

    @pages.on_tenant(
        Output("handover-shift", "data"),
        Output("handover-shift", "value"),
        Input("handover-place", "value"),
        initially=False,
    )
    def follow_place(view: TenantView, place: object) -> tuple[Any, ...]:
        choice = choose(view, place, None)
        return shift_choices(view, choice), _shift_value(choice)

    @pages.on_tenant(
        Output("handover-report", "children"),
        Output("handover-notes", "children"),
        Output("handover-links", "children"),
        Output("beat", "data", allow_duplicate=True),
        Input("handover-shift", "value"),
        Input("handover-tick", "n_intervals"),
        State("handover-place", "value"),
        initially=False,
    )
    def show(view: TenantView, shift: object, ticks: object, place: object) -> tuple[Any, ...]:
        ticked = wishes.asker() == "handover-tick"
        beat = f"{ticks}/{shift}/{place}"
        if ticked and wishes.whole(ticks, "the tick", 0, 2**31, 0) % _TICKS:
            return *[no_update] * 3, beat
        choice = choose(view, place, shift)
        report = read_report(view, choice)
        shown = no_update if ticked and not choice.running else report_shown(view, choice, report)
        return shown, note_list(view, report), _links(view, choice), beat


def report_shown(view: TenantView, choice: Choice, report: Report | None) -> list[Component]:
    """The report's blocks in a panel, or why there is none."""
    t = view.t
    if choice.place is None:
        return [components.nothing(t("handover.no_place"), t("handover.no_place_then"))]
    if report is None:
        return [components.nothing(t("handover.no_plan"), t("handover.no_plan_then"))]
    w = files.words_of(report.facts, _language(view))
    title, subtitle = files.heads(report, w)
    blocks = files.shown(files.measured(report, w))
    return [
        components.panel(
            title,
            [html.P(subtitle, className="muted"), *blocks_shown(blocks, "handover")],
            id="handover-paper",
            aside=_editions(view, choice),
        )
    ]


def shift_choices(view: TenantView, choice: Choice) -> list[dict[str, str]]:
    """The shifts to choose from, the newest first."""
    if choice.planned is None:
        return []
    w = Words(_language(view), view.formats.zone)
    named = choice.planned.named
    return [
        {
            "value": str(one.start),
            "label": f"{one.production_date} {w.of(named[one.name].name_zh, named[one.name].name_en)}"
            + (f" ({view.t('handover.running')})" if moment(one.end) > choice.now else ""),
        }
        for one in choice.shifts
    ]


def _language(view: TenantView) -> Language:
    return "en" if view.person.language.value == "en" else "zh"


def _shift_value(choice: Choice) -> str | None:
    return str(choice.shift.start) if choice.shift else None


def _links(view: TenantView, choice: Choice) -> list[Component]:
    """To the files of the newest edition, and to the wall screen."""
    t, slug = view.t, view.scope.slug
    found: list[Component] = []
    if choice.place is not None and choice.shift is not None:
        for form, program in (("pdf", "PDF"), ("xlsx", "Excel")):
            for language in ("zh", "en"):
                asked = {"place": choice.place.path, "shift": choice.shift.start, "form": form,
                         "language": language}  # fmt: skip
                words = f"{program} {t(f'handover.in_{language}')}"
                href = f"/handover/{slug}/file?{urlencode(asked)}"
                found.append(html.A(words, href=href, download="", className="quiet-link"))
    place = choice.place.path if choice.place else ""
    found.append(html.A(t("handover.andon"), href=f"/andon/{slug}/{place}", id="to-andon", target="_blank"))
    plant = Route(Page.PLANT, slug).path
    return [*found, dcc.Link(t("handover.to_plant"), href=plant)]


def _editions(view: TenantView, choice: Choice) -> Component | None:
    """Every edition as a PDF: what was said once can be seen again."""
    known = editions(view, choice)
    if not known:
        return None
    return html.Div(
        [
            html.A(
                view.t("handover.edition", n=one.number),
                href=f"/handover/{view.scope.slug}/file?"
                + urlencode({"edition": one.id, "form": "pdf", "language": _language(view)}),
                download="", className="quiet-link",
                title=view.formats.moment(one.made_at, seconds=False),
            )
            for one in known
        ],
        className="entry-buttons",
    )  # fmt: skip
