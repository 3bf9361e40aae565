"""Layout and callbacks of the plant's page."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dash_mantine_components as dmc
from dash import Input, Output, State, dcc, html, no_update

from tundish_dashboards import components, wishes
from tundish_dashboards.live.marks import NEWS, POLL, STREAM, stream_parts
from tundish_dashboards.plant.data import LastHour, Line, Lines, Summaries, first_choice, read_line, whose
from tundish_dashboards.plant.hits import hit_words
from tundish_dashboards.plant.outputs import app_outputs
from tundish_dashboards.plant.predictions import prediction_cards
from tundish_dashboards.plant.rows import read_rows
from tundish_dashboards.plant.strip import attention, connectors, strip
from tundish_dashboards.plant.table import signal_rows, signal_table
from tundish_dashboards.recent import Recent
from tundish_dashboards.theme import CHART_CONFIG, GAP_COLOURS
from tundish_dashboards.trends import POINTS_PER_BUCKET, trend_figure
from tundish_platform.api.predictions import predictions
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import Pages, TenantView

WINDOWS = {"10m": 600, "1h": 3600, "4h": 14_400, "12h": 43_200}
_FIRST_WINDOW = "1h"
MOST_TRENDS = 6
_CHARTED = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER, SampleKind.TEXT})
_SLOW_MS = 30_000
_PICTURE_KEPT_S = 10.0
# Three screen pixels share a bucket: a third of the bytes, and no peak is lost either way.
_PIXELS_PER_BUCKET = 3


def plant_page(pages: Pages, path: str) -> Component:
    """The frame of the page with the line as it is now; callbacks keep it fresh."""
    view = pages.view(path)
    line = read_line(view, "")
    t = view.t
    recompute_ms = pages.settings.recompute.total_seconds() * 1000
    return html.Div(
        [
            _head(view, line),
            html.Div(html.P(t("shell.loading"), className="loading"), id="plant-strip"),
            html.Div(
                [
                    html.Div(
                        [
                            _trend_panel(view, line),
                            components.panel(t("plant.connectors"), html.Div(id="plant-connectors")),
                        ]
                    ),
                    html.Div(
                        components.panel(t("plant.attention"), html.Div(id="plant-attention")),
                        className="first-when-narrow",
                    ),
                ],
                className="columns",
            ),
            components.panel(t("plant.predictions"), html.Div(id="plant-predictions")),
            components.panel(t("plant.outputs"), html.Div(id="plant-outputs")),
            components.panel(
                t("plant.signals"),
                html.Div(signal_table(view, line, {}), id="plant-table"),
                aside=t("plant.completeness_of"),
            ),
            stream_parts(
                view, line=line.path, grid="signal-grid", paused=("tick", "slow-tick"), poll_ms=recompute_ms
            ),
            dcc.Store(id="plant-strip-fresh"),
            dcc.Store(id="signal-rows"),
            dcc.Store(id="chart-width"),
            dcc.Store(id="trend-shown"),
            dcc.Store(id="trend-figure"),
            dcc.Store(id="trend-zoom"),
            dcc.Store(id="grid-seen"),
            dcc.Interval(id="tick", interval=recompute_ms),
            dcc.Interval(id="slow-tick", interval=_SLOW_MS),
        ]
    )


def _head(view: TenantView, line: Line) -> Component:
    t = view.t
    lines = [{"value": path, "label": path} for path in line.lines]
    choice = components.select("line-choice", t("plant.line"), lines, line.path or None, 280)
    zone = view.formats.zone_text(line.now) if line.now else view.formats.zone.key
    return html.Div(
        [
            html.H1(view.name),
            html.Div(choice, style={} if len(line.lines) > 1 else {"display": "none"}),
            html.Div(
                [html.Span(line.path, className="code"), html.Span(t("plant.zone", zone=zone))],
                className="aside",
            ),
        ],
        className="page-head",
    )


def _trend_panel(view: TenantView, line: Line) -> Component:
    t = view.t
    options = [
        {"value": str(s.id), "label": f"{t.of(s.name_zh, s.name_en)} · {'/'.join(s.path.split('/')[3:])}"}
        for s in line.signals
        if s.kind in _CHARTED
    ]
    signals = dmc.MultiSelect(
        id="trend-signals",
        data=options,
        value=[str(i) for i in first_choice(line)],
        maxValues=MOST_TRENDS,
        searchable=True,
        limit=100,
        size="xs",
        placeholder=t("trend.choose"),
        nothingFoundMessage=t("trend.nothing_found"),
        **components.labelled(t("trend.choose")),
    )
    window = dmc.SegmentedControl(
        id="trend-window",
        value=_FIRST_WINDOW,
        size="xs",
        data=[{"value": name, "label": t(f"window.{name}")} for name in WINDOWS],
        **components.labelled(t("trend.window")),
    )
    return components.panel(
        t("plant.trends"),
        [
            html.Div([html.Div(signals, className="grow"), window], className="controls"),
            html.Div(id="trend-empty"),
            dcc.Graph(id="trends", figure={"layout": {"height": 120}}, config=CHART_CONFIG, animate=False),
            _legend(view),
        ],
    )


def _legend(view: TenantView) -> Component:
    t = view.t
    swatches = [
        html.Span([html.Span(className="swatch", style={"background": colour}), t(f"gap.{reason}")])
        for reason, colour in GAP_COLOURS.items()
        if reason in {"disconnected", "silent", "collector_stopped"}
    ]
    return html.Div([html.Span(t("trend.marks")), *swatches], className="legend")


def register_plant(pages: Pages) -> None:
    """What keeps the page fresh."""
    lines, summaries = Lines(), Summaries()
    _register_live(pages, lines, summaries)
    _register_trends(pages, lines, summaries)
    _register_table(pages, lines, summaries)
    pages.in_browser("pageWidth", Output("chart-width", "data"), Input("trend-signals", "value"))
    # What was computed is older than what the stream brought meanwhile: the browser keeps the newer.
    pages.in_browser("newestParts", Output("plant-strip", "children"), Input("plant-strip-fresh", "data"))
    pages.in_browser("newestRows", Output("signal-grid", "rowData"), Input("signal-rows", "data"))
    pages.in_browser(
        "liveLine", Output(STREAM, "children"), Input("line-choice", "value"), State(STREAM, "children")
    )
    # The browser puts the reader's zoom into each new picture, so that no answer in flight can undo it.
    window = State("trend-window", "value")
    pages.in_browser("drawTrends", Output("trends", "figure"), Input("trend-figure", "data"), window)
    pages.in_browser("keepZoom", Output("trend-zoom", "data"), Input("trends", "relayoutData"), window)


def _register_live(pages: Pages, lines: Lines, summaries: Summaries) -> None:
    @pages.on_tenant(
        Output("plant-strip-fresh", "data"),
        Output("plant-attention", "children"),
        Output("plant-connectors", "children"),
        Output("plant-predictions", "children"),
        Output("plant-outputs", "children"),
        Input("tick", "n_intervals"),
        Input(NEWS, "data"),
        Input("line-choice", "value"),
    )
    def live(view: TenantView, _tick: object, _news: object, line_wish: object) -> tuple[Any, ...]:
        line = lines.of(view, wishes.word(line_wish, "the line", 400))
        found = [p for p in predictions(view.context, view.scope) if p.line == line.path]
        return (
            strip(view, line, summaries.of(view, line).share),
            attention(view, line),
            connectors(view, line),
            prediction_cards(view, found, hit_words(view, line, found)),
            app_outputs(view, line),
        )


def _register_trends(pages: Pages, lines: Lines, summaries: Summaries) -> None:
    # Most people look at the same picture: it is read and drawn once for those who ask about now.
    drawn: Recent[tuple[dict[str, Any], Component | None]] = Recent(_PICTURE_KEPT_S, most=32)

    @pages.on_tenant(
        Output("trend-figure", "data"),
        Output("trend-empty", "children"),
        Output("trend-shown", "data"),
        Input("tick", "n_intervals"),
        Input("trend-signals", "value"),
        Input("trend-window", "value"),
        Input("chart-width", "data"),
        Input("line-choice", "value"),
        State("trend-shown", "data"),
    )
    def trends(
        view: TenantView,
        _tick: object,
        chosen: object,
        window: object,
        width: object,
        line_wish: object,
        shown: object,
    ) -> tuple[Any, ...]:
        ids = wishes.numbers(chosen, "the chosen signals", MOST_TRENDS)
        name = wishes.one_of(window, "the window", list(WINDOWS), _FIRST_WINDOW)
        pixels = wishes.whole(width, "the width of the chart", 200, 1600, 900)
        line = lines.of(view, wishes.word(line_wish, "the line", 400))
        # The browser has this very picture already: sending it again would only cost it a redraw.
        now = f"{line.path} {line.now} {line.arrival} {ids} {name} {pixels}"
        if now == shown:
            return no_update, no_update, no_update
        hour, span = summaries.of(view, line), timedelta(seconds=WINDOWS[name])
        key = (*whose(view), view.person.language, now)
        return (*drawn.get(key, lambda: _trends(view, line, ids, span, pixels, hour)), now)


def _trends(
    view: TenantView, line: Line, ids: list[int], span: timedelta, pixels: int, hour: LastHour
) -> tuple[dict[str, Any], Component | None]:
    if line.now is None or not ids:
        key = "plant.no_data" if line.now is None else "trend.none"
        hidden = {"visible": False}
        figure = {"data": [], "layout": {"height": 40, "xaxis": hidden, "yaxis": hidden}}
        return figure, components.nothing(view.t(key), view.t(f"{key}_then"))
    end = line.now + timedelta(microseconds=1)
    points = pixels * POINTS_PER_BUCKET // _PIXELS_PER_BUCKET
    rows = read_rows(view, line, ids, end - span, end, points, hour)
    return trend_figure(view, rows, end - span, end, pixels), None


def _register_table(pages: Pages, lines: Lines, summaries: Summaries) -> None:
    @pages.on_tenant(
        Output("signal-rows", "data"),
        Input("slow-tick", "n_intervals"),
        Input("line-choice", "value"),
    )
    def whole_table(view: TenantView, _tick: object, line_wish: object) -> object:
        line = lines.of(view, wishes.word(line_wish, "the line", 400))
        return signal_rows(view, line, summaries.of(view, line).signals)

    @pages.on_tenant(
        Output("signal-grid", "rowTransaction"),
        Output("grid-seen", "data"),
        Input(POLL, "n_intervals"),
        State("grid-seen", "data"),
        State("line-choice", "value"),
        initially=False,
    )
    def changed_rows(view: TenantView, _tick: object, seen: object, line_wish: object) -> tuple[Any, ...]:
        line = lines.of(view, wishes.word(line_wish, "the line", 400))
        since = wishes.word(seen, "the time of the last refresh", 40)
        newest = max((s.latest.arrival.isoformat() for s in line.states if s.latest), default="")
        if newest == since:
            return no_update, no_update
        rows = signal_rows(view, line, summaries.of(view, line).signals)
        changed = [
            row
            for row, state in zip(rows, line.states, strict=True)
            if state.latest is not None and state.latest.arrival.isoformat() > since
        ]
        return {"update": changed, "async": False}, newest
