"""Layout and callbacks of a machine's page: ``/machine/<tenant>?machine=<path>``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dash_mantine_components as dmc
from dash import Input, Output, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.callbacks import LOCATION
from tundish_dashboards.machine import rows
from tundish_dashboards.machine.data import list_machines, read_machine
from tundish_dashboards.machine.records import record_form, register_records
from tundish_dashboards.machine.trend import FIRST_SPAN, SPANS, charted, history_figure
from tundish_dashboards.overview.rows import place_link
from tundish_dashboards.plant.chosen import addressed
from tundish_dashboards.plant.data import Lines, Summaries
from tundish_dashboards.plant.hits import hit_words
from tundish_dashboards.plant.predictions import prediction_cards
from tundish_dashboards.routes import Page
from tundish_dashboards.theme import CHART_CONFIG

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_dashboards.machine.data import Machine
    from tundish_platform.assets import Equipment

_TICK_MS: Final = 5_000
_SLOW_MS: Final = 60_000
_LONGEST: Final = 400
_PARTS: Final = ("figures", "life", "predictions", "evidence", "signals", "alarms", "history")


def machine_page(pages: Pages, path: str) -> Component:
    """The frame of the page; its callbacks fill it and keep it fresh."""
    view = pages.view(path)
    t, machines = view.t, list_machines(view)
    if not machines:
        empty = components.nothing(t("machine.none"), t("machine.none_then"))
        return html.Div([html.H1(t("page.machine")), empty])
    return html.Div(
        [
            _head(view, machines),
            html.Div(html.P(t("shell.loading"), className="loading"), id="machine-figures"),
            html.Div(
                [
                    html.Div([_chart(view), _panel(view, "predictions")]),
                    html.Div(
                        [_panel(view, "life"), _panel(view, "alarms"), _panel(view, "evidence")],
                        className="first-when-narrow",
                    ),
                ],
                className="columns",
            ),
            components.panel(
                t("machine.history"),
                [
                    html.Div(id="machine-history"),
                    html.Div(id="record-message", role="status", **components.announced()),
                    record_form(view),
                ],
            ),
            _panel(view, "signals"),
            html.Div(id="refreshing", hidden=True),
            dcc.Store(id="machine-noted"),
            dcc.Store(id="machine-width"),
            dcc.Interval(id="machine-tick", interval=_TICK_MS),
            dcc.Interval(id="machine-slow-tick", interval=_SLOW_MS),
        ]
    )


def _panel(view: TenantView, part: str) -> Component:
    return components.panel(view.t(f"machine.{part}"), html.Div(id=f"machine-{part}"))


def _head(view: TenantView, machines: list[Equipment]) -> Component:
    t = view.t
    data = [
        {"value": one.path, "label": f"{t.of(one.name_zh, one.name_en)} · {one.path.rpartition('/')[0]}"}
        for one in machines
    ]
    choice = dmc.Select(
        id="machine-choice", data=data, value=machines[0].path, size="xs", searchable=True, w=340,
        allowDeselect=False, nothingFoundMessage=t("trend.nothing_found"),
        **components.labelled(t("page.machine")),
    )  # fmt: skip
    return html.Div(
        [html.H1(id="machine-name"), choice, html.Div(id="machine-ways", className="aside")],
        className="page-head",
    )


def _chart(view: TenantView) -> Component:
    t = view.t
    span = dmc.SegmentedControl(
        id="machine-span",
        value=FIRST_SPAN,
        size="xs",
        data=[{"value": name, "label": t(f"window.{name}")} for name in SPANS],
        **components.labelled(t("trend.window")),
    )
    return components.panel(
        t("machine.condition"),
        [
            html.Div(id="machine-chart-empty"),
            dcc.Graph(
                id="machine-chart", figure={"layout": {"height": 120}}, config=CHART_CONFIG, animate=False
            ),
            html.P(t("machine.chart_how"), className="legend"),
        ],
        aside=span,
    )


def register_machine(pages: Pages) -> None:
    """What fills the page and keeps it fresh, and the form of the history."""
    lines, summaries = Lines(), Summaries()
    _register_choice(pages)
    _register_look(pages, lines, summaries)
    _register_chart(pages, lines)
    register_records(pages)
    pages.in_browser("pageWidth", Output("machine-width", "data"), Input("machine-span", "value"))


def _register_choice(pages: Pages) -> None:
    @pages.on_tenant(Output("machine-choice", "value"), Input(LOCATION, "search"))
    def choose(view: TenantView, search: object) -> object:
        wish = addressed(search, "machine")
        # Whoever may not see a machine gets the first one of theirs, as if it did not exist.
        return wish if wish in {one.path for one in list_machines(view)} else no_update


def _register_look(pages: Pages, lines: Lines, summaries: Summaries) -> None:
    @pages.on_tenant(
        Output("machine-name", "children"),
        Output("machine-ways", "children"),
        *(Output(f"machine-{part}", "children") for part in _PARTS),
        Output("beat", "data", allow_duplicate=True),
        Input("machine-tick", "n_intervals"),
        Input("machine-choice", "value"),
        Input("machine-noted", "data"),
        initially="shared",
    )
    def look(view: TenantView, tick: object, wish: object, _noted: object) -> tuple[Any, ...]:
        machine = read_machine(view, wishes.word(wish, "the machine", _LONGEST), lines)
        if machine is None:
            return (no_update,) * (len(_PARTS) + 3)
        hour = summaries.of(view, machine.line)
        said = list(machine.predictions)
        shown = {
            "figures": rows.figures(view, machine, hour),
            "life": rows.life(view, machine),
            "predictions": prediction_cards(view, said, hit_words(view, machine.line, said)),
            "evidence": rows.evidence(view, machine),
            "signals": rows.signals(view, machine, hour),
            "alarms": rows.alarms(view, machine),
            "history": rows.history(view, machine),
        }
        name = view.t.of(machine.name_zh, machine.name_en)
        beat = f"{tick}/{machine.wall}"
        return (name, _ways(view, machine), *(shown[part] for part in _PARTS), beat)


def _ways(view: TenantView, machine: Machine) -> list[Component]:
    """Where one goes from here, and in which zone the times are."""
    t = view.t
    line = "/".join(machine.path.split("/")[:3])
    numbers = [signal.id for signal in charted(machine)]
    return [
        place_link(view, Page.PLANT, t("machine.to_line", line=line), line=line),
        rows.explorer_link(view, t("machine.explore"), numbers),
        html.Span(t("plant.zone", zone=view.formats.zone_text(machine.wall))),
    ]


def _register_chart(pages: Pages, lines: Lines) -> None:
    @pages.on_tenant(
        Output("machine-chart", "figure"),
        Output("machine-chart-empty", "children"),
        Input("machine-slow-tick", "n_intervals"),
        Input("machine-choice", "value"),
        Input("machine-span", "value"),
        Input("machine-width", "data"),
        Input("machine-noted", "data"),
    )
    def chart(
        view: TenantView, _tick: object, wish: object, span: object, width: object, _noted: object
    ) -> tuple[Any, ...]:
        name = wishes.one_of(span, "the window", list(SPANS), FIRST_SPAN)
        pixels = wishes.whole(width, "the width of the chart", 200, 1600, 900)
        machine = read_machine(view, wishes.word(wish, "the machine", _LONGEST), lines)
        figure = None if machine is None else history_figure(view, machine, name, pixels)
        if figure is None:
            empty = components.nothing(view.t("machine.no_signals"), view.t("machine.no_signals_then"))
            return {"data": [], "layout": {"height": 40}}, empty
        return figure, None
