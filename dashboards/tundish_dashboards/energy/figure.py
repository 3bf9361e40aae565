"""The energy page's pictures: the load curve with the day ahead, and consumption by period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tundish_dashboards.instants import local_texts, micros
from tundish_dashboards.theme import CHART, INK, MUTED, TIME_AXIS, TONE_COLOURS, TRACES, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.energy.ahead import Ahead
    from tundish_dashboards.energy.looking import Look, Stretch

    Values = NDArray[np.float64]

_QUARTER_US: Final = 900_000_000
_DAY_US: Final = 86_400_000_000
_WEEK: Final = 7 * 96
_TICK_PX: Final = 110
_SIDES_PX: Final = 80
# Below this share a bar is hatched: the sum is of a part only.
COMPLETE: Final = 0.99
_MARGIN: Final = {"l": 58, "r": 12, "t": 10, "b": 44}


def load_figure(
    view: TenantView, look: Look, ahead: Ahead | None, limit_kw: float | None, pixels: int
) -> dict[str, Any]:
    """Demand of the day and the one before, the same days a week before, and the day ahead."""
    t, zone = view.t, view.formats.zone
    demand, first = look.quarters.demand, look.quarters.first
    begin = (micros(look.day) - _DAY_US) // _QUARTER_US - first
    begin = max(begin, 0)
    end = min(-(-micros(look.until) // _QUARTER_US) - first, demand.size)
    later = 0 if ahead is None else ahead.first + ahead.load.value.size - first
    whole = np.arange(begin, max(end, later))
    starts = (first + whole) * _QUARTER_US
    week = whole - _WEEK
    before = np.where((week >= 0) & (week < demand.size), demand[np.clip(week, 0, demand.size - 1)], np.nan)
    shown = np.arange(begin, end)
    data = [
        _line(starts, before, zone, t("energy.week_before"), {"color": MUTED, "dash": "dot", "width": 1.2}),
        _line(
            (first + shown) * _QUARTER_US, demand[shown], zone, t("energy.measured"),
            {"color": TRACES[0], "width": 1.8},
        ),
    ]  # fmt: skip
    if ahead is not None:
        data += _ahead(view, ahead)
    span = [starts[0], starts[-1] + _QUARTER_US] if starts.size else [micros(look.day), micros(look.until)]
    if limit_kw is not None:
        level = np.array([limit_kw, limit_kw])
        style = {"color": TONE_COLOURS[Tone.BAD], "dash": "dash", "width": 1.4}
        data.append(_line(np.array(span), level, zone, t("energy.limit"), style, shape="linear"))
    layout = {
        "template": CHART,
        "height": 320,
        "margin": {**_MARGIN, "t": 34},
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "font": {"size": 11}},
        "xaxis": {**TIME_AXIS, "nticks": max(2, pixels // _TICK_PX)},
        "yaxis": {"title": {"text": "kW"}, "rangemode": "tozero", "fixedrange": True},
        "shapes": _unknown(view, look, begin, end),
        "uirevision": str(look.meter.signal.id),
    }
    return {"data": data, "layout": layout}


def _line(
    starts: NDArray[np.int64], values: Values, zone: Any, name: str, line: dict[str, Any], shape: str = "hv"  # noqa: ANN401 - ZoneInfo
) -> dict[str, Any]:  # fmt: skip
    return {
        "type": "scatter", "mode": "lines", "connectgaps": False,
        "x": local_texts(starts, zone), "y": _numbers(values), "name": name,
        "line": {**line, "shape": shape}, "hovertemplate": "%{y:.5~g} kW",
    }  # fmt: skip


def _ahead(view: TenantView, ahead: Ahead) -> list[dict[str, Any]]:
    """The forecast between the ends of its interval."""
    t, zone = view.t, view.formats.zone
    starts = (ahead.first + np.arange(ahead.load.value.size)) * _QUARTER_US
    edge = {"color": TRACES[1], "width": 0}
    low = _line(starts, ahead.load.low, zone, "P10", edge) | {"showlegend": False}
    high = _line(starts, ahead.load.high, zone, t("energy.interval"), edge)
    high |= {"fill": "tonexty", "fillcolor": "rgba(213,94,0,0.16)"}
    middle = _line(starts, ahead.load.value, zone, t("energy.forecast"), {"color": TRACES[1], "width": 1.6})
    return [low, high, middle]


def _unknown(view: TenantView, look: Look, begin: int, end: int) -> list[dict[str, Any]]:
    """Stretches of which nothing, or too little, is known."""
    blank = ~np.isfinite(look.quarters.demand[begin:end])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], blank, [False]]).astype(np.int8)))
    moments = local_texts((look.quarters.first + begin + edges) * _QUARTER_US, view.formats.zone)
    return [
        {
            "type": "rect", "xref": "x", "yref": "paper", "x0": low, "x1": high, "y0": 0, "y1": 1,
            "line": {"width": 0}, "fillcolor": MUTED, "opacity": 0.14, "layer": "below",
            "label": {"text": view.t("energy.unknown"), "font": {"size": 11, "color": INK},
                      "textposition": "top center"},
        }
        for low, high in zip(moments[::2], moments[1::2], strict=True)
    ]  # fmt: skip


def period_figure(
    view: TenantView, rows: Sequence[Stretch], labels: Sequence[str], pixels: int
) -> dict[str, Any]:
    """Bars of energy, the oldest first; hatched where a part is unknown, pale where it is not over."""
    t = view.t
    order = list(reversed(range(len(rows))))
    partly = [rows[n].amount.known < COMPLETE for n in order]
    bars = {
        "type": "bar",
        "x": [labels[n] for n in order],
        "y": [round(rows[n].amount.kwh, 3) if rows[n].amount.known > 0 else None for n in order],
        "marker": {
            "color": TRACES[0],
            "opacity": [0.55 if rows[n].running else 1.0 for n in order],
            "pattern": {
                "shape": ["/" if part else "" for part in partly],
                "fgcolor": "#ffffff",
                "fillmode": "overlay",
            },
        },
        "customdata": [view.formats.percent(rows[n].amount.known) for n in order],
        "hovertemplate": "%{y:,.5~g} kWh<br>" + t("energy.known") + " %{customdata}<extra></extra>",
    }
    layout = {
        "template": CHART,
        "height": 220,
        "margin": _MARGIN,
        "xaxis": {
            "type": "category",
            "tickmode": "linear",
            "dtick": max(1, -(-len(rows) * _TICK_PX // max(pixels - _SIDES_PX, _TICK_PX))),
            "tickangle": 0,
            "fixedrange": True,
        },
        "yaxis": {"title": {"text": "kWh"}, "rangemode": "tozero", "fixedrange": True},
        "hovermode": "closest",
    }
    return {"data": [bars], "layout": layout}


def _numbers(values: Values) -> list[float | None]:
    return [round(one, 3) if np.isfinite(one) else None for one in values.tolist()]
