"""Pareto of a line's faults by label, and of its stops by reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from dash import dcc, html

from tundish_analytics.oee.calendar import Shift
from tundish_analytics.oee.hearing import Held, heard
from tundish_analytics.oee.reliability import UNASSIGNED, pareto
from tundish_analytics.oee.timesplit import SECOND, Time, classify
from tundish_analytics.quality import defect_pareto
from tundish_dashboards import components
from tundish_dashboards.instants import micros
from tundish_dashboards.plant.conditions import line_of
from tundish_dashboards.theme import CHART, CHART_CONFIG, MUTED, TRACES
from tundish_platform.samples import SampleKind, Severity, SignalRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.samples import SignalInfo

_STATES: Final = ("state.packml", "state.machinery")
_BESIDE: Final = {"mode": "state.mode", "reason": "reason.stop"}
_SEVERITY_SHIFT: Final = 30
_MOST_BARS: Final = 12
_LOST: Final = (Time.DOWN, Time.DELAY, Time.SETUP, Time.MICRO_STOP)


@dataclass(frozen=True, slots=True)
class Bar:
    """One cause; ``amount`` is pieces, or minutes of ``stops`` stops."""

    name: str
    amount: float
    stops: int | None
    share: float
    cumulative: float


@dataclass(frozen=True, slots=True)
class Found:
    """A Pareto.

    Attributes:
        minutes: whether amounts are minutes; else pieces.
        unknown: share of the window of which the state is unknown, or of the labels that are bad.
    """

    bars: Sequence[Bar]
    minutes: bool
    unknown: float


def subjects(signals: Iterable[SignalInfo], line: str) -> list[SignalInfo]:
    """What a Pareto of the line can be of: labels that people or machines give, then states."""
    mine = sorted(
        (s for s in signals if line_of(s) == line and s.kind is SampleKind.TEXT), key=lambda s: s.path
    )
    labels = [s for s in mine if s.role is SignalRole.LABEL]
    return labels + [s for s in mine if s.semantic in _STATES]


def read_pareto(
    view: TenantView, signals: Iterable[SignalInfo], subject: SignalInfo, start: datetime, end: datetime
) -> Found:
    """Counts of a label, or lost time by reason, over ``[start, end)``."""
    if subject.role is SignalRole.LABEL:
        return _of_labels(view, subject, start, end)
    near = {
        key: next((s for s in signals if s.semantic == semantic and s.machine == subject.machine), None)
        for key, semantic in _BESIDE.items()
    }
    return _of_stops(view, subject, near, start, end)


def _of_labels(view: TenantView, subject: SignalInfo, start: datetime, end: datetime) -> Found:
    table = view.context.telemetry.read(view.scope, [subject.id], start, end, SampleKind.TEXT)
    good = table["status"].to_numpy() >> _SEVERITY_SHIFT == Severity.GOOD
    words = [
        word for word, fine in zip(table["value"].to_pylist(), good.tolist(), strict=True) if fine and word
    ]
    unknown = 1 - len(words) / table.num_rows if table.num_rows else 0.0
    rows = [Bar(row.name, row.count, None, row.share, row.cumulative) for row in defect_pareto(words)]
    return Found(rows, minutes=False, unknown=unknown)


def _of_stops(
    view: TenantView, subject: SignalInfo, near: dict[str, SignalInfo | None], start: datetime, end: datetime
) -> Found:
    first, last = micros(start), micros(end)
    mode, reason = (
        None if near[key] is None else _held(view, near[key], start, end) for key in ("mode", "reason")
    )
    states = heard(_held(view, subject, start, end), first, last, mode, reason).states
    # Shift plans are not read here, so the whole window counts as planned.
    always = Shift("all", start.date(), first, last, ())
    pieces = classify(states, [always], first, last)
    split = pieces.split()
    rows = [
        Bar(row.reason, row.seconds / 60, row.stops, row.share, row.cumulative)
        for row in pareto(states, pieces, _LOST)
    ]
    return Found(rows, minutes=True, unknown=split[Time.UNKNOWN] / max(last - first, SECOND))


def _held(view: TenantView, signal: SignalInfo | None, start: datetime, end: datetime) -> Held:
    if signal is None:
        return Held.of(np.empty(0, np.int64), [], np.empty(0, np.bool_), micros(end))
    table = view.context.telemetry.read(view.scope, [signal.id], start, end, SampleKind.TEXT)
    at = table["ts"].cast(pa.int64()).to_numpy()
    good = table["status"].to_numpy() >> _SEVERITY_SHIFT == Severity.GOOD
    return Held.of(at, table["value"].to_pylist(), good, micros(end), signal.period_s)


def pareto_panel(view: TenantView, found: Found) -> Component:
    """Bars with their cumulated share, and the same as a table."""
    t, formats = view.t, view.formats
    unknown = html.P(t("spc.pareto_unknown", share=formats.percent(found.unknown)), className="muted")
    if not found.bars:
        return html.Div([components.nothing(t("spc.pareto_none"), t("spc.pareto_none_then")), unknown])
    kind = "minutes" if found.minutes else "pieces"
    head = [t(f"spc_pareto.{name}") for name in ("name", kind, "share", "cumulative")]
    rows = []
    for bar in found.bars:
        amount = formats.number(bar.amount, 1 if found.minutes else 0)
        if bar.stops is not None:
            amount = t("spc.pareto_stops", minutes=amount, stops=bar.stops)
        rows.append([_name(view, bar), amount, formats.percent(bar.share), formats.percent(bar.cumulative)])
    return html.Div(
        [
            dcc.Graph(
                id="quality-pareto-chart", figure=_figure(view, found), config=CHART_CONFIG, animate=False
            ),
            components.table(head, rows, t("spc.pareto")),
            unknown,
        ]
    )


def _figure(view: TenantView, found: Found) -> dict[str, Any]:
    shown = found.bars[:_MOST_BARS]
    names = [_name(view, bar) for bar in shown]
    t = view.t
    unit = t("spc_pareto.minutes") if found.minutes else t("spc_pareto.pieces")
    bars = {"type": "bar", "x": names, "y": [bar.amount for bar in shown], "marker": {"color": TRACES[0]},
            "name": unit, "hovertemplate": "%{y:.5~g}"}  # fmt: skip
    line = {
        "type": "scatter", "mode": "lines+markers", "x": names, "y": [100 * bar.cumulative for bar in shown],
        "yaxis": "y2", "line": {"color": TRACES[1], "width": 1.6}, "name": t("spc_pareto.cumulative"),
        "hovertemplate": "%{y:.1f} %",
    }  # fmt: skip
    layout = {
        "template": CHART, "height": 240, "margin": {"l": 52, "r": 48, "t": 10, "b": 60},
        "xaxis": {"type": "category", "tickangle": "auto", "automargin": True, "fixedrange": True},
        "yaxis": {"title": {"text": unit}, "rangemode": "tozero", "fixedrange": True},
        "yaxis2": {"overlaying": "y", "side": "right", "range": [0, 105],
                   "tickvals": [0, 50, 100], "ticksuffix": " %",
                   "showgrid": False, "fixedrange": True, "color": MUTED},
    }  # fmt: skip
    return {"data": [bars, line], "layout": layout}


def _name(view: TenantView, bar: Bar) -> str:
    return view.t("spc.no_reason") if bar.name == UNASSIGNED else view.t.maybe(f"fault.{bar.name}", bar.name)
