"""How alarms and their events are shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from dash import html

from tundish_dashboards import components
from tundish_dashboards.theme import Tone
from tundish_platform.alarms import AlarmState
from tundish_platform.samples import AlarmPriority
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from dash.development.base_component import Component

    from tundish_dashboards.alarms.data import Alarms
    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.alarms import AlarmView, EventView

_TONES: Final = {
    AlarmState.UNACKNOWLEDGED: Tone.BAD,
    AlarmState.RETURNED: Tone.NOTICE,
    AlarmState.ACKNOWLEDGED: Tone.GOOD,
}
_COUNTED: Final = (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED)


def counts(view: TenantView, alarms: Alarms) -> Component:
    """How many alarms are in which state."""
    number = view.formats.number
    standing = [
        components.figure(
            view.t(f"alarm_state.{state}"),
            number(alarms.counts[state], 0),
            view.t(f"alarm_state_means.{state}"),
            _TONES[state] if alarms.counts[state] and state is not AlarmState.ACKNOWLEDGED else None,
        )
        for state in _COUNTED
    ]
    hidden = sum(n for state, n in alarms.counts.items() if state not in _COUNTED)
    return components.figures(
        [
            *standing,
            components.figure(view.t("alarms.hidden"), number(hidden, 0), view.t("alarms.hidden_means")),
        ]
    )


def flood_banner(view: TenantView, alarms: Alarms) -> Component | None:
    """Says that more alarms come than a person can handle, and where to begin."""
    if alarms.flood is None:
        return None
    words = view.t("alarms.flood_words", n=alarms.flood.alarms, since=view.formats.clock(alarms.flood.start))
    return components.notice(Tone.BAD, view.t("alarms.flood"), words)


def alarm_list(view: TenantView, alarms: Alarms, choice: str) -> Component:
    """The chosen alarms, the worst first; one under the other, so that a phone needs no sideways scroll."""
    if not alarms.shown:
        return components.nothing(view.t(f"alarms.none_{choice}"), view.t(f"alarms.none_{choice}_then"))
    rows: list[Any] = [html.Li(_alarm(view, alarm, alarms), className="alarm") for alarm in alarms.shown]
    more = view.t("alarms.more", n=alarms.more) if alarms.more else ""
    return html.Div([html.Ul(rows, className="alarms"), html.P(more, className="muted")])


def _alarm(view: TenantView, alarm: AlarmView, alarms: Alarms) -> list[Component]:
    message = view.t.of(alarm.message_zh, alarm.message_en)
    return [
        priority(view, alarm.priority),
        html.Div(
            [
                html.Div(
                    [
                        html.Strong(name_of(view, alarm), className="alarm-name"),
                        components.status(
                            _TONES.get(alarm.state, Tone.QUIET), view.t(f"alarm_state.{alarm.state}")
                        ),
                    ],
                    className="alarm-head",
                ),
                html.Div(message, hidden=not message),
                html.Div(
                    [
                        html.Span(
                            machine_of(alarm), className="alarm-machine", title=alarm.path or alarm.source
                        ),
                        html.Span(_since(view, alarm, alarms)),
                        html.Span(_hidden_words(view, alarm)),
                    ],
                    className="alarm-facts",
                ),
            ],
            className="alarm-words",
        ),
        html.Div(_buttons(view, alarm), className="alarm-buttons"),
    ]


def name_of(view: TenantView, alarm: AlarmView) -> str:
    """The alarm's name in the person's language."""
    return view.t.of(alarm.name_zh, alarm.name_en) or alarm.key


def machine_of(alarm: AlarmView) -> str:
    """Line and machine of the alarm's path, or its source where it has none."""
    parts = alarm.path.split("/")
    return "/".join(parts[2:4]) if len(parts) > 3 else alarm.path or alarm.source  # noqa: PLR2004 - site, shop, line


def priority(view: TenantView, number: int) -> Component:
    """The priority as a word on its colour, and as a number for those who see no colours."""
    words = view.t(f"alarm_priority.{AlarmPriority(number).name.lower()}")
    return html.Span(
        words, className=f"priority priority-{number}", title=view.t("alarms.priority", n=number)
    )


def _since(view: TenantView, alarm: AlarmView, alarms: Alarms) -> str:
    if alarm.raised_ts is None:
        return "–"
    age = max(alarms.now - alarm.raised_ts, timedelta())
    # In steps, so that a page that shows nothing new is not sent again every two seconds.
    step = timedelta(seconds=10) if age < timedelta(minutes=2) else timedelta(minutes=1)
    return view.t(
        "alarms.since", since=view.formats.moment(alarm.raised_ts), age=view.formats.span(age // step * step)
    )


def _hidden_words(view: TenantView, alarm: AlarmView) -> str:
    if alarm.state is AlarmState.SHELVED:
        return view.t("alarms.shelved_until", until=view.formats.moment(alarm.shelved_until, seconds=False))
    return alarm.reason


def _buttons(view: TenantView, alarm: AlarmView) -> list[Component]:
    name = name_of(view, alarm)
    known = [("events", "alarms.events_of", True)]
    if view.may(Permission.HANDLE):
        waiting = alarm.state in {AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED}
        standing = waiting or alarm.state is AlarmState.ACKNOWLEDGED
        known = [
            ("acknowledge", "alarms.acknowledge_of", waiting),
            ("shelve", "alarms.shelve_of", standing),
            ("unshelve", "alarms.unshelve_of", alarm.state is AlarmState.SHELVED),
            *known,
        ]
    return [
        html.Button(
            view.t(f"alarms.{role}"),
            id={"role": f"alarm-{role}", "alarm": alarm.id},
            className="quiet strong" if role == "acknowledge" else "quiet",
            **components.labelled(view.t(label, name=name)),
        )
        for role, label, fits in known
        if fits
    ]


def timeline(view: TenantView, events: tuple[EventView, ...], alarms: dict[int, AlarmView]) -> Component:
    """Events one under the other, newest first; with the alarms' names where there are several alarms."""
    if not events:
        return components.nothing(view.t("alarms.no_events"), view.t("alarms.no_events_then"))
    return html.Ol([html.Li(_event(view, event, alarms)) for event in events], className="timeline")


def _event(view: TenantView, event: EventView, alarms: dict[int, AlarmView]) -> list[Any]:
    alarm = alarms.get(event.alarm)
    what = view.t(f"alarm_event.{event.transition}")
    late = view.t("alarms.late", ts=view.formats.moment(event.ts)) if event.late else ""
    value = "" if event.value is None else view.formats.brief(event.value)
    more = " · ".join(part for part in (event.by, value, event.comment, late) if part)
    return [
        html.Span(view.formats.moment(event.at), className="when number"),
        html.Span(
            [html.Strong(what), f" {name_of(view, alarm)}" if alarm else ""],
            className=f"what what-{event.transition}",
        ),
        html.Span(more, className="muted"),
    ]
