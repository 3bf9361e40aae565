"""Blocks of a document on a page: the very objects that its PDF is made of, shown as text, never as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.theme import CHART, CHART_CONFIG, TRACES, Tone
from tundish_platform.documents import Chart, Facts, Heading, Paragraph, Table, Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component

    from tundish_platform.documents import Block, Span

_TONES: Final = {"notice": Tone.QUIET, "warning": Tone.NOTICE}
_LEAST_WIDTH: Final = 0.4
_SHORT: Final = 16


def blocks_shown(blocks: Sequence[Block], name: str) -> list[Component]:
    """The blocks from top to bottom; charts keep their zoom under ``name``."""
    return [_shown(block, f"{name}-{number}") for number, block in enumerate(blocks)]


def _shown(block: Block, name: str) -> Component:
    match block:
        case Heading():
            return html.H3(block.text)
        case Paragraph():
            return _paragraph(block)
        case Facts():
            return components.facts(block.rows)
        case Table():
            return _table(block)
        case Chart():
            return _chart(block, name)
        case Timeline():
            return _timeline(block)
        case _:
            assert_never(block)


def _paragraph(block: Paragraph) -> Component:
    if block.tone in _TONES:
        return components.notice(_TONES[block.tone], "", block.text)
    return html.P(block.text, className="muted" if block.tone == "small" else None)


def _table(block: Table) -> Component:
    # Wide tables scroll in their box, so short cells need not break on a phone.
    rows = [
        [
            html.Div(_lines(cell), style={"whiteSpace": "nowrap"} if len(cell) <= _SHORT else None)
            for cell in row
        ]
        for row in block.rows
    ]
    table = components.table([column.name for column in block.columns], rows, block.title or "")
    return html.Div([html.H3(block.title), table]) if block.title else table


def _lines(cell: str) -> list[Component]:
    first, *others = cell.split("\n")
    return [html.Div(first), *(html.Div(line, className="muted") for line in others)]


def _chart(block: Chart, name: str) -> Component:
    layout: dict[str, Any] = {
        "template": CHART, "height": 260, "uirevision": name, "showlegend": True, "barmode": "group",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, "margin": {"t": 34},
        "xaxis": {"type": "category", "nticks": 8, "tickangle": 0}, "yaxis": {"title": {"text": block.unit}},
    }  # fmt: skip
    kind = {"type": "bar"} if block.kind == "bars" else {"type": "scatter", "mode": "lines"}
    data = [
        {
            "x": list(block.labels), "y": list(one.y), "name": one.name, "connectgaps": False,
            "marker": {"color": TRACES[number % len(TRACES)]}, **kind,
        }
        for number, one in enumerate(block.series)
    ]  # fmt: skip
    graph = dcc.Graph(figure={"data": data, "layout": layout}, config=CHART_CONFIG, id=name)
    return html.Div([html.H3(block.title), graph], role="group", **components.labelled(block.title))


def _timeline(block: Timeline) -> Component:
    whole = (block.end - block.start).total_seconds() or 1.0

    def bar(span: Span) -> Component:
        left = 100 * (span.start - block.start).total_seconds() / whole
        width = 100 * (span.end - span.start).total_seconds() / whole
        place = {
            "left": f"{min(max(left, 0.0), 100.0 - _LEAST_WIDTH):.2f}%",
            "width": f"{max(width, _LEAST_WIDTH):.2f}%",
        }
        return html.Span(style=place | {"background": TRACES[span.colour % len(TRACES)]})

    rows = [
        html.Div(
            [
                html.Span(row.name, className="timeline-name"),
                html.Div([bar(span) for span in row.spans], className="timeline-track"),
            ],
            className="timeline-row",
        )
        for row in block.rows
    ]
    ends = html.Div([html.Span(block.first_label), html.Span(block.last_label)], className="timeline-ends")
    # What a screen reader needs stands in the tables.
    hidden: dict[str, Any] = {"aria-hidden": "true"}
    return html.Div([html.H3(block.title), html.Div([*rows, ends], className="timeline", **hidden)])
