"""The energy page's figures and tables in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from dash import html

from tundish_dashboards import components
from tundish_dashboards.energy.ahead import LEAST_DAYS, Ahead, Lack, Warned
from tundish_dashboards.instants import moment
from tundish_dashboards.theme import Tone
from tundish_platform.store.query.windows import Period

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component

    from tundish_analytics.energy import Estimate
    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.energy.looking import Amount, LineDays, Look, Made, Stretch

_QUARTER_US: Final = 900_000_000
# Sums of which more is missing are not compared: the difference would be that of the holes.
_COMPARED: Final = 0.95
# A line through fewer hours, or through a cloud, is no base load.
_LEAST_HOURS: Final = 24
_LEAST_EXPLAINED: Final = 0.1
_TONES: Final = {Warned.LIKELY: Tone.BAD, Warned.POSSIBLE: Tone.NOTICE, Warned.NONE: Tone.GOOD,
                 Warned.NO_LIMIT: Tone.QUIET}  # fmt: skip


def day_figures(view: TenantView, look: Look, ahead: Ahead | Lack) -> Component:
    """The day in six figures, each with how much of it is known."""
    t, formats = view.t, view.formats
    demand = look.quarters.demand
    places = look.known_quarters
    top = places[np.argmax(demand[places])] if places.size else None
    peak = None if top is None else float(demand[top])
    mean = float(demand[places].mean()) if places.size else None
    last = None if not places.size else float(demand[places[-1]])
    known = t("energy.known_of", share=formats.percent(look.today.known))
    return components.figures(
        [
            components.figure(t("energy.today"), _kwh(view, look.today), known),
            components.figure(t("energy.against_week"), *_against(view, look)),
            components.figure(
                t("energy.demand"), formats.quantity(last, "kW"),
                "" if last is None else _from(view, look, int(places[-1])),
            ),
            components.figure(
                t("energy.peak_today"), formats.quantity(peak, "kW"),
                "" if top is None else _from(view, look, int(top)),
            ),
            components.figure(
                t("energy.load_factor"), formats.percent(mean / peak if mean is not None and peak else None),
                t("energy.load_factor_is"),
            ),
            components.figure(t("energy.peak_ahead"), *_peak_ahead(view, ahead)),
        ]
    )  # fmt: skip


def _kwh(view: TenantView, amount: Amount) -> str:
    return view.formats.quantity(amount.kwh if amount.known > 0 else None, "kW.h")


def _against(view: TenantView, look: Look) -> tuple[str, str]:
    """The day so far against the same stretch of the same weekday a week before."""
    t, formats = view.t, view.formats
    note = t("energy.before_was", kwh=_kwh(view, look.before), share=formats.percent(look.before.known))
    if min(look.today.known, look.before.known) < _COMPARED or look.before.kwh <= 0:
        return "–", t("energy.not_compared", share=formats.percent(_COMPARED, 0), before=note)
    change = look.today.kwh / look.before.kwh - 1
    return f"{'+' if change >= 0 else '−'}{formats.number(100 * abs(change), 1)} %", note


def _from(view: TenantView, look: Look, place: int) -> str:
    begins = moment((look.quarters.first + place) * _QUARTER_US)
    return view.t("energy.quarter_from", at=view.formats.moment(begins, seconds=False))


def _peak_ahead(view: TenantView, ahead: Ahead | Lack) -> tuple[str, str]:
    t, formats = view.t, view.formats
    if isinstance(ahead, Lack):
        return "–", t(f"energy_lack.{ahead}", days=LEAST_DAYS)
    best = int(ahead.load.value.argmax())
    note = t(
        "energy.peak_ahead_note",
        at=formats.moment(moment((ahead.first + best) * _QUARTER_US), seconds=False),
        low=formats.number(float(ahead.load.low[best])),
        high=formats.number(float(ahead.load.high[best])),
    )
    return formats.quantity(float(ahead.load.value[best]), "kW"), note


def warning(view: TenantView, ahead: Ahead | Lack, limit_kw: float | None) -> Component:
    """What is to be expected of the limit, and how far forecasts of this meter were off."""
    t, formats = view.t, view.formats
    if isinstance(ahead, Lack):
        return components.notice(
            Tone.QUIET, t("energy.no_forecast"), t(f"energy_lack.{ahead}", days=LEAST_DAYS)
        )
    warned, error = ahead.warned(limit_kw), ahead.error
    limit = formats.quantity(limit_kw, "kW")
    naive = formats.quantity(error.naive_mae, "kW")
    held, promised = formats.percent(error.covered), formats.percent(error.promised, 0)
    lines = [
        html.P(
            t(
                "energy.error",
                mae=formats.quantity(error.mae, "kW"), naive=naive, n=formats.number(error.quarters, 0),
                peak=formats.quantity(error.peak_mae, "kW"),
            )
        ),
        html.P(t("energy.covered", covered=held, promised=promised)),
    ]  # fmt: skip
    if error.naive_mae is not None and error.mae >= error.naive_mae:
        lines.append(html.P(components.status(Tone.NOTICE, t("energy.not_better"))))
    title = components.status(_TONES[warned], t(f"energy_warned.{warned}", limit=limit))
    return html.Div([html.P(title, id="energy-warned"), *lines], className="notice")


def labels(view: TenantView, rows: Sequence[Stretch], period: Period) -> list[str]:
    """What each window is called."""
    cut = {Period.DAY: 10, Period.WEEK: 10, Period.MONTH: 7}.get(period, 16)
    return [view.formats.moment(row.start, seconds=False)[:cut] for row in rows]


def period_table(view: TenantView, rows: Sequence[Stretch], names: Sequence[str]) -> Component:
    """Consumption window by window."""
    t, formats = view.t, view.formats
    head = [t(f"energy.head_{name}") for name in ("window", "kwh", "peak", "known")]
    cells = []
    for row, name in zip(rows, names, strict=True):
        words = t("energy.so_far", window=name) if row.running else name
        share = formats.percent(row.amount.known)
        cells.append([words, _kwh(view, row.amount), formats.quantity(row.peak_kw, "kW"), share])
    return components.table(head, cells, t("energy.consumption"))


def line_table(view: TenantView, lines: Sequence[LineDays]) -> Component:
    """All lines that have a meter."""
    t, formats = view.t, view.formats
    head = [t(f"energy.head_{name}") for name in ("line", "today", "known", "yesterday", "known", "basis")]
    return components.table(
        head,
        [
            [
                html.Span(one.meter.line, className="code"),
                _kwh(view, one.today), formats.percent(one.today.known),
                _kwh(view, one.yesterday), formats.percent(one.yesterday.known),
                html.Span([t(f"energy_basis.{one.meter.basis}"), " ",
                           html.Span(one.meter.signal.path, className="code muted")]),
            ]
            for one in lines
        ],
        t("energy.lines"),
    )  # fmt: skip


def made_table(view: TenantView, made: Sequence[Made]) -> Component:
    """Energy for what the line makes."""
    t, formats = view.t, view.formats
    if not made:
        return components.nothing(t("energy.nothing_counted"), t("energy.nothing_counted_then"))
    head = [
        t(f"energy_made.{name}")
        for name in ("by", "output", "kwh", "per", "base", "more", "idle", "explained", "hours")
    ]
    rows = []
    for one in made:
        unit = t("energy.tonne") if one.output.tonnes else t("energy.piece")
        signal, use = one.output.signal, one.use
        each = formats.quantity(use.per_output_kwh, f"kWh/{unit}")
        rows.append(
            [
                html.Span(
                    [t.of(signal.name_zh, signal.name_en), html.Div(signal.path, className="code muted")]
                ),
                f"{formats.number(use.output, 1 if one.output.tonnes else 0)} {unit}",
                formats.quantity(use.total_kwh, "kW.h"),
                html.Strong(each),
                _estimate(view, one, use.base_kw, "kW"),
                _estimate(view, one, use.specific_kwh, f"kWh/{unit}"),
                formats.quantity(one.idle_kwh, "kW.h"),
                formats.percent(use.explained),
                t("energy_made.known_hours", hours=one.hours, share=formats.percent(use.coverage)),
            ]
        )
    return components.table(head, rows, t("energy.made"))


def _estimate(view: TenantView, one: Made, found: Estimate | None, unit: str) -> str:
    if found is None:
        return "–"
    if one.hours < _LEAST_HOURS or (one.use.explained or 0.0) < _LEAST_EXPLAINED:
        return view.t("energy_made.too_loose")
    number = view.formats.number
    return f"{number(found.value)} ({number(found.low)} … {number(found.high)}) {unit}"
