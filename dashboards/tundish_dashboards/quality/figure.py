"""Control charts as a Plotly figure: limits and their baseline, broken rules, bad samples and gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_dashboards.formats import unit_text
from tundish_dashboards.instants import local_texts, micros
from tundish_dashboards.quality.charting import ChartKind
from tundish_dashboards.theme import (
    CHART,
    GAP_COLOURS,
    INK,
    MUTED,
    PRIMARY,
    TIME_AXIS,
    TONE_COLOURS,
    TRACES,
    Tone,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.quality.charting import Charted, Part
    from tundish_dashboards.quality.choice import Limits, Period
    from tundish_dashboards.quality.samples import Gap, Samples

    Values = NDArray[np.float64]
    Times = NDArray[np.int64]

_HEIGHTS: Final = {1: (300,), 2: (250, 150)}
_BOTTOM_PX, _TITLE_PX, _TICK_PX = 44, 22, 110
# More labels than this would cover the chart; all points stay marked and the newest are listed beside it.
_MOST_LABELS: Final = 40
_SPECIFICATION: Final = "#7a4fa3"
_PIECES: Final = frozenset({ChartKind.P, ChartKind.U, ChartKind.C})


def control_figure(
    view: TenantView, found: Charted, samples: Samples, baseline: Period, limits: Limits, unit: str,
    pixels: int,
) -> dict[str, Any]:  # fmt: skip
    """One or two charts under each other over the window."""
    heights = _HEIGHTS[len(found.parts)]
    total = sum(heights)
    shown = "" if found.first.kind in _PIECES else unit_text(unit)
    x = local_texts(found.times, view.formats.zone)
    layout: dict[str, Any] = {
        "template": CHART,
        "height": total + _BOTTOM_PX,
        "margin": {"l": 62, "r": 14, "t": 4, "b": _BOTTOM_PX},
        "xaxis": {**TIME_AXIS, "anchor": f"y{len(heights)}", "nticks": max(2, pixels // _TICK_PX)},
        "shapes": [_baseline_shape(view, baseline, found.times), *_gap_shapes(view, samples.gaps)],
        "annotations": [],
        "uirevision": f"{found.first.kind} {len(heights)}",
    }
    data: list[dict[str, Any]] = []
    top = 1.0
    for number, (part, height) in enumerate(zip(found.parts, heights, strict=True), start=1):
        share = height / total
        domain = [max(top - share, 0.0), top - share * _TITLE_PX / height]
        layout[f"yaxis{number}"] = {"domain": domain, "anchor": "x", "nticks": 5, "fixedrange": True}
        title = view.t(f"spc_statistic.{part.key}")
        words = f"<b>{title}</b>" + (f" ({shown})" if shown else "")
        layout["annotations"].append(_title(words, domain[1]))
        data += _traces(view, part, x, number, judged=found.first.valid)
        top -= share
    data += _bad_marks(view, samples, found)
    layout["shapes"] += _specification(limits) if found.first.kind not in _PIECES else []
    return {"data": data, "layout": layout}


def _traces(view: TenantView, part: Part, x: list[str], number: int, *, judged: bool) -> list[dict[str, Any]]:
    t, chart = view.t, part.chart
    mode = "lines+markers" if len(x) <= 400 else "lines"  # noqa: PLR2004 - markers would touch each other
    statistic = {
        **_base(number, x, chart.statistic, t(f"spc_statistic.{part.key}")),
        "mode": mode, "line": {"color": TRACES[0], "width": 1.2}, "marker": {"size": 4},
        "hovertemplate": "%{y:.6~g}",
    }  # fmt: skip
    lines = [_level(number, x, chart.centre, t("spc.centre"), {"color": MUTED, "width": 1.2})]
    if judged:
        style = {"color": TONE_COLOURS[Tone.BAD], "width": 1.2, "dash": "dash"}
        lines += [
            _level(number, x, chart.upper, t("spc.upper_limit"), style),
            _level(number, x, chart.lower, t("spc.lower_limit"), style),
        ]
    return [*lines, statistic, *_flag_marks(view, part, x, number)]


def _level(number: int, x: list[str], level: Values, name: str, line: dict[str, Any]) -> dict[str, Any]:
    flat = bool(level.size) and bool(np.all(level == level[0]))
    moments, values = ([x[0], x[-1]], level[[0, -1]]) if flat else (x, level)
    return {
        **_base(number, moments, values, name), "mode": "lines",
        "line": {**line, "shape": "hvh"}, "hovertemplate": "%{y:.6~g}",
    }  # fmt: skip


def _flag_marks(view: TenantView, part: Part, x: list[str], number: int) -> list[dict[str, Any]]:
    """Last points of broken rules with the rules' names."""
    broken: dict[int, list[str]] = {}
    for rule, ends in part.flags.items():
        for place in ends.tolist():
            broken.setdefault(place, []).append(rule)
    if not broken:
        return []
    places = sorted(broken)
    words = [" ".join(broken[place]) for place in places]
    colour = TONE_COLOURS[Tone.BAD]
    marks = {
        **_base(number, [x[n] for n in places], part.chart.statistic[places], view.t("spc.broken")),
        "mode": "markers", "customdata": words, "hovertemplate": "%{customdata}",
        "marker": {"symbol": "circle-open", "size": 9, "color": colour, "line": {"width": 1.8}},
    }  # fmt: skip
    # A trace of its own: Plotly loses labels of a trace of which some are empty when it is drawn anew.
    newest = places[-_MOST_LABELS:]
    names = {
        **_base(number, [x[n] for n in newest], part.chart.statistic[newest], ""),
        "mode": "text", "text": words[-_MOST_LABELS:], "textposition": "top center",
        "textfont": {"size": 10, "color": colour}, "hoverinfo": "skip",
    }  # fmt: skip
    return [marks, names]


def _bad_marks(view: TenantView, samples: Samples, found: Charted) -> list[dict[str, Any]]:
    """Samples of bad or uncertain quality, on the centre line: their value counts for nothing."""
    if not samples.bad.any():
        return []
    times = samples.times[samples.bad]
    centre = float(found.parts[0].chart.baseline.centre)
    return [
        {
            **_base(1, local_texts(times, view.formats.zone), np.full(times.size, centre), view.t("spc.bad")),
            "mode": "markers",
            "marker": {"symbol": "x-thin-open", "size": 8, "color": TONE_COLOURS[Tone.BAD],
                       "line": {"width": 1.6}},
            "hovertemplate": view.t("spc.bad"),
        }
    ]  # fmt: skip


def _base(number: int, x: Sequence[str], y: Values, name: str) -> dict[str, Any]:
    values = [float(f"{one:.7g}") if np.isfinite(one) else None for one in y.tolist()]
    return {"type": "scatter", "xaxis": "x", "yaxis": f"y{number}", "x": list(x), "y": values, "name": name,
            "connectgaps": False}  # fmt: skip


def _baseline_shape(view: TenantView, baseline: Period, times: Times) -> dict[str, Any]:
    """The stretch that limits come from, as far as it lies in the window."""
    bounds = np.array([micros(baseline.start), micros(baseline.end)], np.int64)
    low, high = np.clip(bounds, times[0], times[-1])
    start, end = local_texts(np.array([low, high]), view.formats.zone)
    return {
        "type": "rect", "xref": "x", "yref": "paper", "x0": start, "x1": end, "y0": 0, "y1": 1,
        "line": {"width": 0}, "fillcolor": PRIMARY, "opacity": 0.07, "layer": "below",
        "visible": bool(low < high),
        "label": {"text": view.t("spc.baseline"), "font": {"size": 11, "color": INK},
                  "textposition": "bottom left"},
    }  # fmt: skip


def _gap_shapes(view: TenantView, gaps: Sequence[Gap]) -> list[dict[str, Any]]:
    shapes = []
    for gap in gaps:
        start, end = local_texts(np.array([gap.start, gap.end], np.int64), view.formats.zone)
        shapes.append(
            {
                "type": "rect", "xref": "x", "yref": "paper", "x0": start, "x1": end, "y0": 0, "y1": 1,
                "line": {"width": 0}, "fillcolor": GAP_COLOURS.get(gap.reason, MUTED), "opacity": 0.16,
                "layer": "below", "name": view.t.maybe(f"gap.{gap.reason}", gap.reason),
            }
        )  # fmt: skip
    return shapes


def _specification(limits: Limits) -> list[dict[str, Any]]:
    """Specification limits on the upper chart: what the customer allows, not what the process does."""
    return [
        {
            "type": "line", "xref": "paper", "yref": "y1", "x0": 0, "x1": 1, "y0": level, "y1": level,
            "line": {"color": _SPECIFICATION, "width": 1.4, "dash": "longdashdot"},
            "label": {"text": name, "font": {"size": 10, "color": _SPECIFICATION}, "textposition": "end"},
        }
        for name, level in (("USL", limits.upper), ("LSL", limits.lower), ("T", limits.target))
        if level is not None
    ]  # fmt: skip


def _title(words: str, top: float) -> dict[str, Any]:
    return {
        "text": words, "xref": "paper", "yref": "paper", "x": 0, "y": top, "xanchor": "left",
        "yanchor": "bottom", "showarrow": False, "font": {"size": 12, "color": INK},
    }  # fmt: skip
