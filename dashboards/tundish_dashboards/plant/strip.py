"""The state of the line at a glance: machine states, clocks, connectors, and what needs attention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dash import html

from tundish_dashboards import components
from tundish_dashboards.plant.conditions import Condition, SignalState
from tundish_dashboards.plant.data import lag_of
from tundish_dashboards.plant.words import status_words, value_words
from tundish_dashboards.theme import Tone
from tundish_platform.samples import SignalRole

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.data import Line
    from tundish_platform.assets import SourceInfo

# Nothing has arrived for this long: worth a colour.
_LATE = timedelta(seconds=30)
_LISTED = 12
_ENOUGH = 0.9
_ATTENTION = (Condition.FAILED, Condition.BAD, Condition.SILENT, Condition.MISSING, Condition.UNCERTAIN)
_SOURCE_TONES = {"running": Tone.GOOD, "connecting": Tone.NOTICE, "down": Tone.BAD}


def strip(view: TenantView, line: Line, completeness: float | None) -> Component:
    """Machine states, source time, arrival, signals and completeness beside each other."""
    t = view.t
    if line.now is None:
        return components.nothing(t("plant.no_data"), t("plant.no_data_then"))
    return components.figures(
        [
            *_machine_states(view, line),
            _source_clock(view, line),
            _arrival(view, line),
            _signal_count(view, line),
            _completeness(view, completeness),
        ]
    )


def connectors(view: TenantView, line: Line) -> Component:
    """Each connector's state, its counts stage by stage, and how long its spool lasts."""
    t, formats = view.t, view.formats
    if not line.sources:
        return components.nothing(t("plant.no_sources"), t("plant.no_sources_then"))
    keys = ("name", "state", "received", "queued", "sent", "dropped", "spool", "signals", "seen")
    rows = [
        [
            source.name,
            _source_state(view, source),
            *(formats.number(getattr(source.counts, stage), 0) for stage in ("received", "queued", "sent")),
            formats.number(source.counts.dropped, 0),
            "–"
            if source.spool_hours_left is None
            else t("span.hours", n=formats.number(source.spool_hours_left, 1)),
            formats.number(source.signals.subscribed, 0),
            formats.moment(source.seen_at),
        ]
        for source in line.sources
    ]
    return components.table([t(f"source.{key}") for key in keys], rows, t("plant.connectors"))


def attention(view: TenantView, line: Line) -> Component:
    """Signals that do not deliver good values, worst first, with the reason in plain words."""
    t = view.t
    order = {condition: rank for rank, condition in enumerate(_ATTENTION)}
    wanting = sorted(
        (state for state in line.states if state.condition in order),
        key=lambda s: (order[s.condition], s.signal.path),
    )
    if not wanting:
        words = t("plant.all_good") if line.states else t("plant.no_signals")
        return components.status(Tone.GOOD if line.states else Tone.QUIET, words)
    items = [_attention_item(view, line, state) for state in wanting[:_LISTED]]
    if len(wanting) > _LISTED:
        items.append(html.Li(t("plant.more_attention", n=len(wanting) - _LISTED), className="muted"))
    return html.Ul(items, className="attention")


def reason_words(view: TenantView, line: Line, state: SignalState) -> str:
    """Why a signal delivers no good value, and what that means, in a sentence."""
    t, formats = view.t, view.formats
    match state.condition:
        case Condition.FAILED:
            return t("reason.failed", reason=state.reason)
        case Condition.SILENT if state.latest is not None and line.now is not None:
            silence = formats.span(line.now - state.latest.ts)
            return t("reason.silent", since=formats.moment(state.latest.ts), silence=silence)
        case Condition.BAD | Condition.UNCERTAIN if state.latest is not None:
            return t(f"reason.{state.condition}", status=status_words(view, state.latest.status))
        case _:
            return t("reason.missing")


def _attention_item(view: TenantView, line: Line, state: SignalState) -> Component:
    signal = state.signal
    return html.Li(
        [
            components.status(state.condition.tone, view.t(f"condition.{state.condition}")),
            html.Span(view.t.of(signal.name_zh, signal.name_en), className="name"),
            html.Span(reason_words(view, line, state), className="why"),
        ],
        title=signal.path,
    )


def _machine_states(view: TenantView, line: Line) -> list[Component]:
    states = [state for state in line.states if state.signal.role is SignalRole.STATE]
    shown = []
    for state in states:
        note = "" if state.condition is Condition.GOOD else view.t(f"condition.{state.condition}")
        since = view.formats.clock(state.latest.ts) if state.latest else "–"
        shown.append(
            components.figure(
                view.t.of(state.signal.name_zh, state.signal.name_en),
                value_words(view, state),
                note or view.t("plant.as_of", at=since),
                None if state.condition is Condition.GOOD else state.condition.tone,
            )
        )
    return shown


def _source_clock(view: TenantView, line: Line) -> Component:
    lag = lag_of(line.now)
    return components.figure(
        view.t("plant.source_time"),
        html.Span(view.formats.clock(line.now), id="source-clock"),
        view.t("plant.behind", date=view.formats.moment(line.now)[:10], lag=view.formats.span(lag)),
    )


def _arrival(view: TenantView, line: Line) -> Component:
    ago = None if line.arrival is None else max(datetime.now(UTC) - line.arrival, timedelta())
    late = ago is None or ago > _LATE
    note = view.t("plant.arrival_late") if late else view.formats.moment(line.arrival)
    return components.figure(
        view.t("plant.last_arrival"),
        view.t("plant.ago", span=view.formats.span(ago)),
        note,
        Tone.NOTICE if late else None,
    )


def _signal_count(view: TenantView, line: Line) -> Component:
    good = sum(state.condition is Condition.GOOD for state in line.states)
    counts = {c: sum(state.condition is c for state in line.states) for c in _ATTENTION}
    parts = [view.t("plant.count", n=n, what=view.t(f"condition.{c}")) for c, n in counts.items() if n]
    return components.figure(
        view.t("plant.signals_good"),
        view.t("plant.of_all", n=view.formats.number(good, 0), all=view.formats.number(len(line.states), 0)),
        " · ".join(parts) or view.t("plant.all_deliver"),
        Tone.NOTICE if parts else None,
    )


def _completeness(view: TenantView, share: float | None) -> Component:
    low = share is not None and share < _ENOUGH
    return components.figure(
        view.t("plant.completeness"),
        view.formats.percent(share),
        view.t("plant.completeness_of"),
        Tone.NOTICE if low else None,
    )


def _source_state(view: TenantView, source: SourceInfo) -> Component:
    if source.stale:
        return components.status(Tone.BAD, view.t("source.stale"), view.t("source.stale_then"))
    words = view.t(f"source_state.{source.state}")
    return components.status(
        _SOURCE_TONES[source.state], words, view.t.of(source.message_zh, source.message_en)
    )
