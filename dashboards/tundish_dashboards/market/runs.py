"""Runs of apps, and the screens that runs leave as declared data: everything in them is shown as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.formats import unit_text
from tundish_dashboards.theme import CHART, CHART_CONFIG, TIME_AXIS, TRACES, Tone
from tundish_platform.marketplace import Outcome
from tundish_platform.sdk import ChartBlock, TableBlock, TextBlock, Texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.marketplace import Run
    from tundish_platform.sdk import Cell, Screen, Series

_TONES = {Outcome.OK: Tone.GOOD, Outcome.MISSING_INPUT: Tone.NOTICE}
_MODES = {"line": "lines", "points": "markers", "limit": "lines", "alarm": "markers"}


def run_history(view: TenantView, found: Sequence[Run]) -> Component:
    """The newest runs: when, how long, how much, how kept apart, how it ended."""
    t, formats = view.t, view.formats
    if not found:
        return components.nothing(t("market.no_runs"), t("market.no_runs_then"))
    keys = ("run.app", "run.started", "run.outcome", "run.rows", "run.values", "run.seconds", "run.isolation")
    rows = [
        [
            _app_name(view, run.app),
            formats.moment(run.started_at),
            components.status(
                _TONES.get(run.outcome, Tone.BAD),
                t(f"outcome.{run.outcome}"),
                t.of(run.message_zh, run.message_en),
            ),
            formats.number(run.rows_in, 0),
            formats.number(run.values_out, 0),
            formats.number(run.seconds, 2),
            t(f"isolation.{run.isolation}") + (t("isolation.filtered") if run.filtered else ""),
        ]
        for run in found
    ]
    return components.table([t(key) for key in keys], rows, t("market.runs"))


def screens(view: TenantView, newest: Sequence[Run], *, subscribed: bool) -> list[Component]:
    """The newest screen of each subscribed app."""
    t = view.t
    if not newest:
        key = "market.no_screen" if subscribed else "market.no_subscription"
        return [components.nothing(t(key), t(f"{key}_then"))]
    return [
        html.Div(
            [
                html.H3(_app_name(view, run.app)),
                html.P(
                    t(
                        "market.screen_of",
                        start=view.formats.moment(run.window_start),
                        end=view.formats.moment(run.window_end),
                        rows=view.formats.number(run.rows_in, 0),
                    ),
                    className="muted",
                ),
                *(show_screen(view, run.screen, f"screen-{run.app}") if run.screen else []),
            ],
            className="app-screen",
        )
        for run in newest
    ]


def show_screen(view: TenantView, screen: Screen, name: str) -> list[Component]:
    """The blocks of a screen from top to bottom; charts keep their zoom under ``name``."""
    shown: list[Component] = []
    for number, block in enumerate(screen.blocks):
        if isinstance(block, TextBlock):
            shown.append(_text(view, block))
        elif isinstance(block, TableBlock):
            shown.append(_table(view, block))
        else:
            shown.append(_chart(view, block, f"{name}-{number}"))
    return shown


def _app_name(view: TenantView, app_id: str) -> str:
    app = view.context.catalogue.apps.get(app_id)
    return view.t.of(app.manifest.name.zh, app.manifest.name.en) if app else app_id


def _text(view: TenantView, block: TextBlock) -> Component:
    words = view.t.of(block.text.zh, block.text.en)
    if block.level == "warning":
        return components.notice(Tone.NOTICE, view.t("market.warning"), words)
    return html.P(words)


def _table(view: TenantView, block: TableBlock) -> Component:
    title = view.t.of(block.title.zh, block.title.en)
    head = []
    for column in block.columns:
        unit = unit_text(column.unit)
        name = view.t.of(column.name.zh, column.name.en)
        head.append(f"{name} ({unit})" if unit else name)
    rows = [[_cell(view, cell) for cell in row] for row in block.rows]
    return html.Div([html.H3(title), components.table(head, rows, title)])


def _cell(view: TenantView, cell: Cell) -> str:
    if isinstance(cell, Texts):
        return view.t.of(cell.zh, cell.en)
    return cell if isinstance(cell, str) else view.formats.brief(cell)


def _chart(view: TenantView, block: ChartBlock, name: str) -> Component:
    title, unit = view.t.of(block.title.zh, block.title.en), unit_text(block.unit)
    x = [_axis_value(view, value) for value in block.x]
    # An axis is all times or all numbers; its first place tells which.
    axis = TIME_AXIS if x and isinstance(x[0], str) else {}
    layout: dict[str, Any] = {
        "template": CHART,
        "height": 280,
        "uirevision": name,
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "margin": {"t": 34},
        "xaxis": {**axis, "nticks": 8, "title": {"text": view.t.of(block.x_name.zh, block.x_name.en)}},
        "yaxis": {"title": {"text": unit}},
    }
    data = [_series(view, series, x, number) for number, series in enumerate(block.series)]
    graph = dcc.Graph(figure={"data": data, "layout": layout}, config=CHART_CONFIG, id=name)
    return html.Div([html.H3(title), graph], role="group", **components.labelled(title))


def _series(view: TenantView, series: Series, x: list[Any], number: int) -> dict[str, Any]:
    name, colour = view.t.of(series.name.zh, series.name.en), TRACES[number % len(TRACES)]
    trace: dict[str, Any] = {"x": x, "y": list(series.y), "name": name, "connectgaps": False}
    if series.style == "bars":
        return trace | {"type": "bar", "marker": {"color": colour}}
    trace |= {"type": "scatter", "mode": _MODES[series.style]}
    if series.style == "limit":
        return trace | {"line": {"color": "#5b6b7a", "width": 1.2, "dash": "dash"}}
    if series.style == "alarm":
        return trace | {"marker": {"color": "#b3420e", "symbol": "x", "size": 9}}
    return trace | {"line": {"color": colour, "width": 1.6}, "marker": {"color": colour, "size": 5}}


def _axis_value(view: TenantView, value: datetime | float) -> object:
    if isinstance(value, (int, float)):
        return value
    return value.astimezone(view.formats.zone).replace(tzinfo=None).isoformat(sep=" ")
