"""How a machine's condition, evidence, signals, alarms and history are shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.alarms.rows import name_of, priority
from tundish_dashboards.formats import unit_text
from tundish_dashboards.machine.data import ranked
from tundish_dashboards.overview.hearing import Running, machine_state
from tundish_dashboards.overview.shifts import STATES
from tundish_dashboards.plant.conditions import Condition
from tundish_dashboards.plant.words import status_words, value_words
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone
from tundish_platform.alarms import ANNUNCIATED
from tundish_platform.samples import SampleKind, SignalRole
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dash.development.base_component import Component

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.machine.data import Machine
    from tundish_dashboards.plant.conditions import SignalState
    from tundish_dashboards.plant.data import LastHour
    from tundish_platform.alarms import AlarmView
    from tundish_platform.alarms.maintenance import Window
    from tundish_platform.alerts import AlertView
    from tundish_platform.api.predictions import Prediction
    from tundish_platform.maintenance import RecordView

_EVIDENCE_SHOWN: Final = 8
_SIGNALS_SHOWN: Final = 300
_MOST_EXPLORED: Final = 8
LIFE: Final = "life"


def explorer_link(view: TenantView, words: str, numbers: Sequence[int]) -> Component:
    """A link to the explorer with some signals on its chart."""
    asked = ",".join(str(number) for number in list(numbers)[:_MOST_EXPLORED])
    link: Component = dcc.Link(words, href=f"{Route(Page.EXPLORER, view.scope.slug).path}?signals={asked}")
    return link


def figures(view: TenantView, machine: Machine, hour: LastHour) -> Component:
    """State, signals, completeness, alarms and last maintenance at a glance."""
    t, formats = view.t, view.formats
    if not machine.states:
        return components.nothing(t("machine.no_signals"), t("machine.no_signals_then"))
    good = sum(state.condition is Condition.GOOD for state in machine.states)
    shares = [hour.shares[s.signal.id] for s in machine.states if s.signal.id in hour.shares]
    standing = [alarm for alarm in machine.alarms if alarm.state in ANNUNCIATED]
    hidden = len(machine.alarms) - len(standing)
    return components.figures(
        [
            *_states(view, machine),
            components.figure(
                t("plant.signals_good"),
                t("plant.of_all", n=good, all=len(machine.states)),
                t("machine.as_of", at=formats.moment(machine.line.now)),
                Tone.NOTICE if good < len(machine.states) else None,
            ),
            components.figure(
                t("plant.completeness"),
                formats.percent(sum(shares) / len(shares) if shares else None),
                t("plant.completeness_of") if shares else t("overview.no_period"),
            ),
            components.figure(
                t("overview.alarms"),
                formats.number(len(standing), 0),
                t("machine.hidden", n=hidden) if hidden else "",
                Tone.BAD if standing else None,
            ),
            components.figure(t("machine.last_work"), *_last_work(view, machine)),
        ]
    )


def _states(view: TenantView, machine: Machine) -> list[Component]:
    states = [state for state in machine.states if state.signal.role is SignalRole.STATE]
    if not states:
        return [
            components.figure(
                view.t("overview.head_state"), view.t("overview.unknown"), view.t("overview.no_state")
            )
        ]
    return [_state(view, machine, state) for state in states]


def _state(view: TenantView, machine: Machine, state: SignalState) -> Component:
    t = view.t
    name = t.of(state.signal.name_zh, state.signal.name_en)
    if state.latest is None:
        return components.figure(name, t("overview.unknown"), t("overview.never"), Tone.NOTICE)
    told = t("overview.state_age", age=view.formats.span(max(machine.clock - state.latest.ts, timedelta())))
    known = machine_state(state, heard=machine.heard).running is not Running.UNKNOWN
    if state.signal.semantic not in STATES:
        # Words of the plant's own: they are known as long as the signal and its line are heard.
        known = machine.heard and state.condition is Condition.GOOD
    if known:
        return components.figure(name, value_words(view, state), told)
    last = t("machine.last_said", value=value_words(view, state))
    return components.figure(name, t("overview.unknown"), f"{last} · {told}", Tone.NOTICE)


def _last_work(view: TenantView, machine: Machine) -> tuple[str, str]:
    if not machine.records:
        return "–", view.t("machine.no_records")
    last = machine.records[0]
    ago = view.formats.span(max(machine.wall - last.ended_at, timedelta()))
    return view.t("plant.ago", span=ago), f"{view.t(f'maintenance_kind.{last.kind}')} · {last.text}"


def life(view: TenantView, machine: Machine) -> Component:
    """What is known of the remaining life, with its interval; and what is not."""
    t = view.t
    said = [one for one in machine.predictions if LIFE in one.target]
    ahead = [one for one in machine.alerts if one.closed_at is None and one.horizon is not None]
    if not said and not ahead:
        return components.nothing(t("machine.no_life"), t("machine.no_life_then"))
    return components.figures([*(_life(view, one) for one in said), *(_ahead(view, one) for one in ahead)])


def _life(view: TenantView, one: Prediction) -> Component:
    t, formats = view.t, view.formats
    label = t.of(one.label_zh, one.label_en) or one.target
    if not isinstance(one.value, float):
        return components.figure(t("machine.life"), t("overview.unknown"), label, Tone.NOTICE)
    value = f"{formats.brief(one.value)} {unit_text(one.unit)}".rstrip()
    interval = t("machine.no_interval")
    if one.low is not None and one.high is not None:
        interval = t("prediction.interval", low=formats.brief(one.low), high=formats.brief(one.high))
    return components.figure(t("machine.life"), value, f"{label} · {interval}")


def _ahead(view: TenantView, alert: AlertView) -> Component:
    t, moment = view.t, view.formats.moment
    name = t.of(alert.target_zh, alert.target_en) or alert.target
    horizon = alert.horizon
    if horizon is None:
        return components.figure(name, "–")
    note = t("machine.no_interval")
    if horizon.earliest is not None and horizon.latest is not None:
        ends = (moment(end, seconds=False) for end in (horizon.earliest, horizon.latest))
        note = t("machine.between", **dict(zip(("earliest", "latest"), ends, strict=True)))
    return components.figure(
        t("machine.expected", name=name), moment(horizon.expected_at, seconds=False), note, Tone.NOTICE
    )


def evidence(view: TenantView, machine: Machine) -> Component:
    """The signals that models rest on, the weightiest first."""
    t, formats = view.t, view.formats
    found = ranked(machine.predictions)[:_EVIDENCE_SHOWN]
    if not found:
        return components.nothing(t("machine.no_evidence"), t("machine.no_evidence_then"))
    numbers = {state.signal.path: state.signal.id for state in machine.line.states}
    known = list(dict.fromkeys(numbers[item.signal] for _, item in found if item.signal in numbers))
    rows = [
        [
            html.Span(t.of(item.name_zh, item.name_en), title=item.signal),
            _with_unit(view, item.value, item.unit),
            _with_unit(view, item.expected, item.unit),
            formats.percent(item.contribution, 0),
            t.of(one.label_zh, one.label_en) or one.target,
        ]
        for one, item in found
    ]
    head = [t(f"machine.evidence_{key}") for key in ("signal", "value", "expected", "share", "says")]
    table = components.table(head, rows, t("machine.evidence"))
    return html.Div([table, explorer_link(view, t("machine.explore_evidence"), known) if known else None])


def _with_unit(view: TenantView, value: float | str | None, unit: str) -> str:
    if isinstance(value, str):
        return value
    return f"{view.formats.brief(value)} {unit_text(unit)}".rstrip()


def signals(view: TenantView, machine: Machine, hour: LastHour) -> Component:
    """Every signal with its newest value, its quality, its age and its completeness."""
    t, formats = view.t, view.formats
    if not machine.states:
        return components.nothing(t("machine.no_signals"), t("machine.no_signals_then"))
    shown = machine.states[:_SIGNALS_SHOWN]
    rows = [
        [
            _signal_name(view, state, machine.path),
            value_words(view, state),
            components.status(state.condition.tone, _quality(view, state)),
            formats.moment(state.latest.ts if state.latest else None),
            formats.percent(hour.shares.get(state.signal.id)),
        ]
        for state in shown
    ]
    head = [t(f"machine.signal_{key}") for key in ("name", "value", "quality", "at", "complete")]
    rest = len(machine.states) - len(shown)
    more = html.P(t("machine.more_signals", n=rest), className="muted") if rest else None
    return html.Div([components.table(head, rows, t("machine.signals")), more])


def _signal_name(view: TenantView, state: SignalState, machine: str) -> Component:
    signal = state.signal
    name = view.t.of(signal.name_zh, signal.name_en)
    if signal.kind is SampleKind.ARRAY:
        return html.Span(name, title=signal.path)
    link = explorer_link(view, name, [signal.id])
    return html.Span([link, html.Div(signal.path.removeprefix(f"{machine}/"), className="code muted")])


def _quality(view: TenantView, state: SignalState) -> str:
    words = view.t(f"condition.{state.condition}")
    if state.latest is None or state.condition not in {Condition.BAD, Condition.UNCERTAIN}:
        return words
    return status_words(view, state.latest.status)


def alarms(view: TenantView, machine: Machine) -> Component:
    """The machine's alarms and predictive alerts, standing ones first."""
    t = view.t
    items = [_alarm(view, machine, alarm) for alarm in machine.alarms]
    items += [_alert(view, alert) for alert in machine.alerts]
    if not items:
        return components.status(Tone.GOOD, t("machine.no_alarms"))
    ways = html.Div(
        [
            dcc.Link(t("page.alarms"), href=Route(Page.ALARMS, view.scope.slug).path),
            " · ",
            dcc.Link(t("page.alerts"), href=Route(Page.ALERTS, view.scope.slug).path),
        ],
        className="entries-foot",
    )
    return html.Div([components.entries(items), ways])


def _alarm(view: TenantView, machine: Machine, alarm: AlarmView) -> Component:
    t, formats = view.t, view.formats
    age = formats.span(max(machine.wall - alarm.raised_ts, timedelta())) if alarm.raised_ts else "–"
    since = t("alarms.since", since=formats.moment(alarm.raised_ts), age=age)
    head = [priority(view, alarm.priority), html.Strong(name_of(view, alarm))]
    return components.entry(head, [t(f"alarm_state.{alarm.state}"), since, alarm.reason])


def _alert(view: TenantView, alert: AlertView) -> Component:
    t, formats = view.t, view.formats
    over = alert.closed_at is not None
    name = t.of(alert.target_zh, alert.target_en) or alert.target
    said = ""
    if alert.feedback is not None:
        verdict = t(f"alert_verdict.{alert.feedback.verdict}")
        said = " · ".join(part for part in (verdict, alert.feedback.note, alert.feedback.by) if part)
    head = [priority(view, alert.priority), html.Strong(f"{name}: {t.of(alert.label_zh, alert.label_en)}")]
    times = t("alerts.opened_at", at=formats.moment(alert.opened_at), since=formats.moment(alert.since))
    closed = t("alerts.closed_at", at=formats.moment(alert.closed_at)) if over else ""
    check = t.of(alert.check_zh, alert.check_en)
    word = t("alerts.closed" if over else "alerts.still_open")
    return components.entry(head, [word, times, closed, said], more=check or None)


def history(view: TenantView, machine: Machine) -> Component:
    """What was done, newest first, and when its alarms are suppressed for work."""
    t = view.t
    done = [_record(view, record) for record in machine.records]
    planned = [_window(view, machine, window) for window in machine.windows]
    listed = (
        components.entries(done)
        if done
        else components.nothing(t("machine.no_records"), t("machine.no_records_then"))
    )
    if not planned:
        return html.Div(listed)
    fold = components.more(t("machine.windows", n=len(planned)), components.entries(planned))
    return html.Div([listed, fold])


def _record(view: TenantView, record: RecordView) -> Component:
    t, formats = view.t, view.formats
    ends = dict.fromkeys((record.started_at, record.ended_at))
    took = record.ended_at - record.started_at
    facts: list[Any] = [
        " – ".join(formats.moment(at, seconds=False) for at in ends),
        t("machine.took", span=formats.span(took)) if took else "",
        t("machine.done_by", who=record.done_by),
        html.Span(record.path, className="code"),
        t("machine.noted_by", who=record.said_by, at=formats.moment(record.said_at, seconds=False)),
    ]
    head = [html.Strong(t(f"maintenance_kind.{record.kind}")), html.Span(record.text)]
    where = {"role": "machine-unrecord", "number": record.id}
    label = t("machine.remove_what", n=record.id)
    remove = components.quiet(t("machine.remove"), where, label)
    may = view.scope.allows(Permission.HANDLE, record.path)
    return components.entry(head, facts, [remove] if may else [])


def _window(view: TenantView, machine: Machine, window: Window) -> Component:
    t, moment = view.t, view.formats.moment
    state = (
        "over" if window.ends_at <= machine.wall else "on" if window.starts_at <= machine.wall else "ahead"
    )
    facts: list[Any] = [
        f"{moment(window.starts_at, seconds=False)} – {moment(window.ends_at, seconds=False)}",
        window.reason,
        t("notices.planned_by", by=window.made_by),
    ]
    return components.entry([html.Span(window.path, className="code"), t(f"window_state.{state}")], facts)
