"""The state of the line at a glance: machine states, clocks, connectors, and what needs attention."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dash import html

from tundish_dashboards import components
from tundish_dashboards.live.marks import live, signal_mark
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
    words = clock_words(view, line)
    return components.figures(
        [
            *_machine_states(view, line),
            _source_clock(view, words),
            _arrival(view, line, words),
            _signal_count(view, line, words),
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


def state_note(view: TenantView, state: SignalState) -> str:
    """What stands below a machine's state: since when it is so, or why it cannot be relied on."""
    if state.condition is not Condition.GOOD:
        return view.t(f"condition.{state.condition}")
    return view.t("plant.as_of", at=view.formats.clock(state.latest.ts) if state.latest else "–")


def clock_words(view: TenantView, line: Line) -> dict[str, str]:
    """The line's clocks and counts in words, by the names of their marks."""
    t, formats = view.t, view.formats
    good = sum(state.condition is Condition.GOOD for state in line.states)
    return {
        "clock": formats.clock(line.now),
        "behind": t("plant.behind", date=formats.moment(line.now)[:10], lag=formats.span(lag_of(line.now))),
        "ago": t("plant.ago", span=formats.span(lag_of(line.arrival))),
        "arrival": t("plant.arrival_late") if _is_late(line) else formats.moment(line.arrival),
        "good": t("plant.of_all", n=formats.number(good, 0), all=formats.number(len(line.states), 0)),
        "counts": _wanting_words(view, line) or t("plant.all_deliver"),
    }


def _is_late(line: Line) -> bool:
    ago = lag_of(line.arrival)
    return ago is None or ago > _LATE


def _wanting_words(view: TenantView, line: Line) -> str:
    counts = {c: sum(state.condition is c for state in line.states) for c in _ATTENTION}
    parts = [view.t("plant.count", n=n, what=view.t(f"condition.{c}")) for c, n in counts.items() if n]
    return " · ".join(parts)


def _machine_states(view: TenantView, line: Line) -> list[Component]:
    return [
        components.figure(
            view.t.of(state.signal.name_zh, state.signal.name_en),
            live(signal_mark(state, "value"), value_words(view, state)),
            live(signal_mark(state, "note"), state_note(view, state)),
            None if state.condition is Condition.GOOD else state.condition.tone,
        )
        for state in line.states
        if state.signal.role is SignalRole.STATE
    ]


def _source_clock(view: TenantView, words: dict[str, str]) -> Component:
    return components.figure(
        view.t("plant.source_time"),
        live("line/clock", words["clock"], id="source-clock"),
        live("line/behind", words["behind"]),
    )


def _arrival(view: TenantView, line: Line, words: dict[str, str]) -> Component:
    return components.figure(
        view.t("plant.last_arrival"),
        live("line/ago", words["ago"]),
        live("line/arrival", words["arrival"]),
        Tone.NOTICE if _is_late(line) else None,
    )


def _signal_count(view: TenantView, line: Line, words: dict[str, str]) -> Component:
    return components.figure(
        view.t("plant.signals_good"),
        live("line/good", words["good"]),
        live("line/counts", words["counts"]),
        Tone.NOTICE if _wanting_words(view, line) else None,
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
