"""Charts drawn with lines and rectangles, so that they stay sharp and small. Lengths in mm."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tundish_platform.documents.paper import COLOURS, INK, LINE, MUTED
from tundish_platform.documents.wrapping import wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tundish_platform.documents.blocks import Chart, Timeline
    from tundish_platform.documents.paper import Paper

_HEIGHT: Final = 52.0
_AXIS_WIDTH: Final = 16.0
_NAME_WIDTH: Final = 42.0
_ROW: Final = 8.0
_LABEL_WIDTH: Final = 22.0
_TICKS: Final = 4


def draw_chart(paper: Paper, chart: Chart) -> None:
    """Draw lines or bars with an axis of values and as many labels as have room."""
    paper.keep(_HEIGHT + 22.0)
    _title(paper, f"{chart.title} ({chart.unit})" if chart.unit else chart.title)
    _legend(paper, [one.name for one in chart.series])
    left, top = paper.l_margin + _AXIS_WIDTH, paper.y + 2.0
    width, bottom = paper.epw - _AXIS_WIDTH, top + _HEIGHT
    ticks = scale([y for one in chart.series for y in one.y if y is not None], zero=chart.kind == "bars")
    low, high = ticks[0], ticks[-1]

    def at(value: float) -> float:
        return bottom - (value - low) / (high - low) * _HEIGHT

    _values(paper, ticks, left, width, at)
    for number, one in enumerate(chart.series):
        colour = COLOURS[number % len(COLOURS)]
        if chart.kind == "bars":
            _bars(paper, one.y, (number, len(chart.series)), (left, width), at, colour)
        else:
            _line(paper, one.y, (left, width), at, colour)
    _labels(paper, chart.labels, left, width, bottom)
    paper.set_xy(paper.l_margin, bottom + 9.0)


def draw_timeline(paper: Paper, timeline: Timeline) -> None:
    """Draw rows of spans over one axis of time."""
    paper.keep(_ROW * len(timeline.rows) + 18.0)
    _title(paper, timeline.title)
    left, width = paper.l_margin + _NAME_WIDTH, paper.epw - _NAME_WIDTH
    whole = (timeline.end - timeline.start).total_seconds() or 1.0

    def at(moment: datetime) -> float:
        share = (moment - timeline.start).total_seconds() / whole
        return left + min(max(share, 0.0), 1.0) * width

    for row in timeline.rows:
        top = paper.y
        paper.pen(8.0)
        name = wrap(row.name, _NAME_WIDTH - 3.0, paper.get_string_width)[0]
        paper.text(paper.l_margin + paper.c_margin, top + _ROW / 2 + 1.0, name)
        paper.set_draw_color(*LINE)
        paper.line(left, top + _ROW / 2, left + width, top + _ROW / 2)
        for span in row.spans:
            paper.set_fill_color(*COLOURS[span.colour % len(COLOURS)])
            x = min(at(span.start), left + width - 0.6)
            paper.rect(x, top + 1.5, max(at(span.end) - x, 0.6), _ROW - 3.0, style="F")
        paper.set_y(top + _ROW)
    paper.pen(7.5, MUTED)
    paper.text(left, paper.y + 3.0, timeline.first_label)
    paper.text(left + width - paper.get_string_width(timeline.last_label), paper.y + 3.0, timeline.last_label)
    paper.set_y(paper.y + 8.0)


def scale(values: list[float], *, zero: bool) -> list[float]:
    """Round numbers, evenly spaced, from below the least to above the greatest value; at least two."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if zero or (low > 0 and low < (high - low)):
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = low - abs(low) / 2 - 0.5, high + abs(high) / 2 + 0.5
    step = 10.0 ** math.floor(math.log10((high - low) / _TICKS))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (factor * step) <= _TICKS + 1)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [number * step for number in range(first, last + 1)]


def _title(paper: Paper, text: str) -> None:
    paper.pen(9.0, INK, bold=True)
    paper.write_lines(text, 5.5)


def _legend(paper: Paper, names: list[str]) -> None:
    if len(names) == 1 and not names[0]:
        return
    x, y = paper.l_margin + paper.c_margin, paper.y + 1.5
    paper.pen(8.0)
    for number, name in enumerate(names):
        if x + paper.get_string_width(name) + 6.0 > paper.w - paper.r_margin:
            x, y = paper.l_margin + paper.c_margin, y + 4.5
        paper.set_fill_color(*COLOURS[number % len(COLOURS)])
        paper.rect(x, y, 2.5, 2.5, style="F")
        paper.text(x + 3.5, y + 2.3, name)
        x += paper.get_string_width(name) + 9.0
    paper.set_y(y + 4.0)


def _values(
    paper: Paper, ticks: list[float], left: float, width: float, at: Callable[[float], float]
) -> None:
    paper.pen(7.5, MUTED)
    paper.set_draw_color(*LINE)
    paper.set_line_width(0.2)
    for tick in ticks:
        text = f"{tick:.6g}"
        paper.line(left, at(tick), left + width, at(tick))
        paper.text(left - 2.0 - paper.get_string_width(text), at(tick) + 1.0, text)


def _labels(paper: Paper, labels: tuple[str, ...], left: float, width: float, bottom: float) -> None:
    paper.pen(7.5, MUTED)
    each = max(math.ceil(len(labels) * _LABEL_WIDTH / width), 1)
    for number in range(0, len(labels), each):
        text = labels[number]
        x = left + (number + 0.5) / len(labels) * width - paper.get_string_width(text) / 2
        paper.text(min(max(x, left), paper.w - paper.r_margin), bottom + 4.0, text)


def _bars(
    paper: Paper, values: tuple[float | None, ...], place: tuple[int, int], span: tuple[float, float],
    at: Callable[[float], float], colour: tuple[int, int, int],
) -> None:  # fmt: skip
    (number, of), (left, width) = place, span
    room = width / max(len(values), 1)
    paper.set_fill_color(*colour)
    for index, value in enumerate(values):
        if value:
            x = left + index * room + room * (0.15 + 0.7 * number / of)
            paper.rect(x, min(at(value), at(0.0)), room * 0.7 / of, abs(at(value) - at(0.0)), style="F")


def _line(
    paper: Paper, values: tuple[float | None, ...], span: tuple[float, float],
    at: Callable[[float], float], colour: tuple[int, int, int],
) -> None:  # fmt: skip
    left, width = span
    paper.set_draw_color(*colour)
    paper.set_line_width(0.5)
    points = [(left + (n + 0.5) / len(values) * width, y) for n, y in enumerate(values)]
    for (x, y), (next_x, next_y) in pairwise(points):
        if y is not None and next_y is not None:
            paper.line(x, at(y), next_x, at(next_y))
    for n, (x, y) in enumerate(points):
        beside = [points[k][1] for k in (n - 1, n + 1) if 0 <= k < len(points)]
        if y is not None and all(other is None for other in beside):
            paper.ellipse(x - 0.5, at(y) - 0.5, 1.0, 1.0, style="D")
    paper.set_line_width(0.2)
