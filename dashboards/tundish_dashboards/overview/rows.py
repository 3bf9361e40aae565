"""How sites and lines are shown: every number with what it rests on, and why where there is none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from dash import dcc, html

from tundish_dashboards import components
from tundish_dashboards.alarms.rows import priority
from tundish_dashboards.overview.hearing import Running
from tundish_dashboards.overview.shifts import moment
from tundish_dashboards.plant.words import value_words
from tundish_dashboards.routes import Page, Route
from tundish_dashboards.theme import Tone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dash.development.base_component import Component

    from tundish_analytics.oee.figures import Ratio
    from tundish_analytics.oee.machine import Judged
    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.overview.data import LineRow, Overview, SiteRow
    from tundish_dashboards.overview.hearing import MachineState
    from tundish_dashboards.overview.plans import Plan, Stretch

RUNNING_TONES: Final = {
    Running.RUNNING: Tone.GOOD,
    Running.STOPPED: Tone.NOTICE,
    Running.UNKNOWN: Tone.QUIET,
}
_ENOUGH: Final = 0.9
# The priority above which an alarm is urgent.
_HIGH: Final = 3
_WEAK: Final = "D"


def place_link(view: TenantView, page: Page, words: str, **query: str) -> Component:
    """A link to a tenant's page about one place of it."""
    href = f"{Route(page, view.scope.slug).path}?{urlencode(query)}"
    link: Component = dcc.Link(words, href=href)
    return link


def time_basis(view: TenantView, overview: Overview) -> str:
    """Until when everything is reckoned, in which zone, and of which shift where all lines share one."""
    t, formats = view.t, view.formats
    until = formats.moment(overview.clock)
    zone = formats.zone_text(overview.clock)
    key = "overview.as_of_late" if overview.late else "overview.as_of"
    told = [t(key, at=until, zone=zone)]
    if overview.lines:
        shared = overview.shared
        told.append(t("overview.shifts_differ") if shared is None else shift_words(view, shared))
    return " · ".join(told)


def shift_words(view: TenantView, stretch: Stretch) -> str:
    """Which stretch figures are of."""
    t, formats = view.t, view.formats
    if stretch.shift is None:
        return t("overview.no_shift_now")
    start, end = (formats.moment(moment(at))[:16] for at in (stretch.shift.start, stretch.shift.end))
    key = "overview.shift" if stretch.plan.written else "overview.day"
    return t(key, name=t.of(*stretch.name), start=start, end=end[11:], day=start[:10])


def strip(view: TenantView, overview: Overview) -> Component:
    """All lines together."""
    t, formats = view.t, view.formats
    lines = overview.lines
    running = {kind: sum(_running(line) is kind for line in lines) for kind in Running}
    received = sum(line.filled.received for line in lines)
    expected = sum(line.filled.expected for line in lines)
    unheard = sum(line.filled.unheard for line in lines)
    signals = sum(line.filled.signals for line in lines)
    alarms = _added(line.alarms for line in lines)
    alerts = _added(line.alerts for line in lines)
    return components.figures(
        [
            components.figure(
                t("overview.lines_running"),
                t("plant.of_all", n=formats.number(running[Running.RUNNING], 0), all=len(lines)),
                t(
                    "overview.lines_others",
                    stopped=running[Running.STOPPED],
                    unknown=running[Running.UNKNOWN],
                ),
            ),
            components.figure(
                t("overview.alarms"),
                _page_link(view, Page.ALARMS, formats.number(sum(alarms.values()), 0)),
                _priorities(view, alarms) or t("overview.none"),
                Tone.BAD if max(alarms, default=0) > _HIGH else None,
            ),
            components.figure(
                t("overview.alerts"),
                _page_link(view, Page.ALERTS, formats.number(sum(alerts.values()), 0)),
                _priorities(view, alerts) or t("overview.none"),
            ),
            components.figure(
                t("overview.received"),
                formats.percent(received / expected) if expected else "–",
                t("overview.received_of", n=formats.number(received, 0), all=formats.number(expected, 0)),
            ),
            components.figure(
                t("overview.unheard"),
                formats.number(unheard, 0),
                t("overview.unheard_of", all=formats.number(signals, 0)),
                Tone.NOTICE if unheard else None,
            ),
        ]
    )


def sites(view: TenantView, overview: Overview) -> list[Component]:
    """A panel per site."""
    if not overview.sites:
        return [components.nothing(view.t("overview.nothing"), view.t("overview.nothing_then"))]
    return [_site(view, overview, site) for site in overview.sites]


def _site(view: TenantView, overview: Overview, site: SiteRow) -> Component:
    t = view.t
    name = t.of(site.name_zh, site.name_en)
    heads = ("line", "state", "oee", "parts", "alarms", "alerts", "complete")
    head = html.Div([html.Span(t(f"overview.head_{key}")) for key in heads], className="line-row line-head")
    rows = [_line(view, overview, line) for line in site.lines]
    aside = t("overview.lines_of", n=len(site.lines))
    body = [head, *rows] if rows else components.nothing(t("overview.no_lines"), t("overview.no_lines_then"))
    return components.panel(name, html.Div(body, className="line-rows"), aside=aside)


def _line(view: TenantView, overview: Overview, line: LineRow) -> Component:
    t = view.t
    name = t.of(line.name_zh, line.name_en)
    area = "/".join(line.path.split("/")[1:])
    cells: list[tuple[str, Any]] = [
        (
            "line",
            [
                place_link(view, Page.PLANT, name, line=line.path),
                html.Div(area, className="code muted"),
                None
                if overview.shared is not None
                else html.Div(shift_words(view, line.stretch), className="muted small"),
            ],
        ),
        ("state", _state(view, overview, line)),
        ("oee", _oee(view, line)),
        ("parts", _parts(view, line)),
        ("alarms", _counted(view, line.alarms)),
        ("alerts", _counted(view, line.alerts)),
        ("complete", _complete(view, line)),
    ]
    return html.Article(
        [
            html.Div(
                [html.Span(t(f"overview.head_{key}"), className="line-label"), html.Div(cell)],
                className=f"line-cell line-{key}",
            )
            for key, cell in cells
        ],
        className="line-row",
        **components.labelled(name),
    )


def _running(line: LineRow) -> Running:
    return line.reference.running if line.reference is not None else Running.UNKNOWN


def running_status(view: TenantView, machine: MachineState) -> Component:
    """What a machine does now, as shape, colour and words, with its own word for it."""
    t = view.t
    words = t(f"overview.{machine.running}")
    own = value_words(view, machine.state)
    if machine.running is Running.STOPPED and own not in {"–", words}:
        words = f"{words} · {own}"
    return components.status(RUNNING_TONES[machine.running], words, machine.state.signal.path)


def age_words(view: TenantView, clock: datetime, machine: MachineState) -> str:
    """How old the newest word of a machine's state is."""
    latest = machine.state.latest
    if latest is None:
        return view.t("overview.never")
    age = max(clock - latest.ts, timedelta())
    return view.t("overview.state_age", age=view.formats.span(age))


def _state(view: TenantView, overview: Overview, line: LineRow) -> list[Component | None]:
    t = view.t
    if line.reference is None:
        why = t("overview.no_state") if line.filled.signals else t("overview.no_signals")
        return [components.status(Tone.QUIET, t("overview.unknown")), html.Div(why, className="muted small")]
    running = sum(machine.running is Running.RUNNING for machine in line.machines)
    several = len(line.machines) > 1
    beside = t("overview.machines_running", n=running, all=len(line.machines)) if several else None
    return [
        running_status(view, line.reference),
        html.Div(age_words(view, overview.clock, line.reference), className="muted small"),
        html.Div(_machine_link(view, line.reference), className="small"),
        html.Div(beside, className="muted small") if beside else None,
    ]


def _machine_link(view: TenantView, machine: MachineState) -> Component:
    path = "/".join(machine.state.signal.path.split("/")[:4])
    return place_link(view, Page.MACHINE, path.rpartition("/")[2], machine=path)


def _oee(view: TenantView, line: LineRow) -> list[Component | None]:
    t = view.t
    judged = line.judged
    if judged is None:
        key = "overview.no_shift_now" if line.stretch.shift is None else "overview.no_state"
        return [html.Strong("–"), html.Div(t(key), className="muted small")]
    missing = _missing(view, line.stretch.plan, judged)
    value = judged.oee if not missing else None
    grade = judged.confidence.grade
    weak = " line-weak" if grade == _WEAK else ""
    return [
        html.Strong(view.formats.percent(value), className=f"line-figure{weak}"),
        html.Div(_bounds(view, judged.figures.oee), className="muted small") if value is not None else None,
        html.Div(" ".join(missing), className="muted small") if missing else None,
        html.Div(_basis(view, judged), className="muted small"),
    ]


def _missing(view: TenantView, plan: Plan, judged: Judged) -> list[str]:
    """What keeps the OEE from being known, in words."""
    t = view.t
    if judged.figures.availability.value is None:
        return [t("overview.no_busy_time")]
    if judged.counted is None:
        known = plan.ideal_of(judged.state) is not None
        return [t("overview.no_count" if known else "overview.no_ideal")]
    if judged.counted.rejects is None:
        return [t("overview.no_rejects")]
    return []


def _basis(view: TenantView, judged: Judged) -> str:
    """How much of the planned time is known, and the grade of confidence that follows."""
    share = judged.unknown_share
    if share is None:
        return ""
    known = view.formats.percent(1 - share)
    return view.t("overview.known", share=known, grade=judged.confidence.grade)


def _bounds(view: TenantView, ratio: Ratio) -> str:
    if ratio.low is None or ratio.high is None or ratio.low == ratio.high:
        return ""
    low, high = (view.formats.percent(end) for end in (ratio.low, ratio.high))
    return view.t("overview.bounds", low=low, high=high)


def _parts(view: TenantView, line: LineRow) -> list[Component]:
    t, formats = view.t, view.formats
    if line.judged is None:
        return [html.Span("–")]
    judged, figures = line.judged, line.judged.figures
    parts: list[tuple[str, float | None]] = [("availability", figures.availability.value)]
    counted = judged.counted
    parts.append(("performance", figures.performance.value if counted is not None else None))
    known = counted is not None and counted.rejects is not None
    parts.append(("quality", figures.quality.value if known else None))
    weak = "line-weak" if judged.confidence.grade == _WEAK else None
    shown: list[Component] = [
        html.Div(
            [html.Span(t(f"overview.{name}"), className="muted"), " ", formats.percent(value)], className=weak
        )
        for name, value in parts
    ]
    # What is unknown leaves availability open; the other two are of what was known.
    shown.insert(1, html.Div(_bounds(view, figures.availability), className="muted small"))
    return shown


def _counted(view: TenantView, counts: Mapping[int, int]) -> Component:
    words = _priorities(view, counts)
    return html.Div(words) if words else html.Span(view.t("overview.none"), className="muted")


def _priorities(view: TenantView, counts: Mapping[int, int]) -> list[Component]:
    """A badge and a number per priority, the gravest first."""
    return [
        html.Span([priority(view, number), f" {counts[number]}"], className="line-count")
        for number in sorted(counts, reverse=True)
    ]


def _complete(view: TenantView, line: LineRow) -> list[Component | None]:
    t, formats, filled = view.t, view.formats, line.filled
    low = filled.share is not None and filled.share < _ENOUGH
    received = t(
        "overview.received_of",
        n=formats.number(filled.received, 0),
        all=formats.number(filled.expected, 0),
    )
    gaps = t("overview.gaps", n=filled.gaps, time=formats.span(filled.gap_time)) if filled.gaps else ""
    return [
        html.Strong(formats.percent(filled.share), className="line-low" if low else None),
        html.Div(received if filled.expected else t("overview.no_period"), className="muted small"),
        html.Div(gaps, className="small") if gaps else None,
        components.status(Tone.NOTICE, t("overview.unheard_n", n=filled.unheard, all=filled.signals))
        if filled.unheard
        else None,
    ]


def _page_link(view: TenantView, page: Page, words: str) -> Component:
    link: Component = dcc.Link(words, href=Route(page, view.scope.slug).path)
    return link


def _added(counts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for one in counts:
        for number, count in one.items():
            total[number] = total.get(number, 0) + count
    return total
