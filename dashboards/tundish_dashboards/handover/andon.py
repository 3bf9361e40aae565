"""Andon: a wall screen of a line, or of a site's lines in turn. Plain pages, which run for days."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from flask import Blueprint, abort, render_template, request

from tundish_analytics.handover import ReportMaker
from tundish_analytics.oee import State
from tundish_analytics.oee.hearing import state_of
from tundish_dashboards import wishes
from tundish_dashboards.routes import Page, Route
from tundish_platform.alarms import list_alarms
from tundish_platform.api.queries import DERIVED, latest_values
from tundish_platform.handover import lines_below, moment, places_of, planned_at, signals_below
from tundish_platform.samples.shifts import instant
from tundish_platform.tenancy import AccessDenied
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tundish_dashboards.callbacks import Pages, TenantView
    from tundish_platform.alarms.listing import AlarmView
    from tundish_platform.api.queries import LatestValue
    from tundish_platform.assets import Place
    from tundish_platform.handover.facts import LineFact
    from tundish_platform.handover.plans import Planned
    from tundish_platform.samples import SignalInfo
    from tundish_platform.samples.shifts import Shift

ALARMS_SHOWN: Final = 5
LATE: Final = timedelta(seconds=90)
"""Without any sample for so long, or three periods of the line's fastest signal, the data is late."""
_KEPT_S: Final = 15.0
_MOST_KEPT: Final = 500
_TONES: Final = {
    State.PRODUCING: "good", State.FAULT: "bad", State.MAINTENANCE: "bad", State.SETUP: "notice",
    State.STARVED: "notice", State.BLOCKED: "notice", State.IDLE: "notice", State.PLANNED_STOP: "quiet",
    State.UNKNOWN: "quiet",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Screen:
    """What the wall shows of one line.

    Attributes:
        number, of: which of how many lines, from 1.
        state: of its machine; `State.UNKNOWN` where nothing tells it or the data is late.
        due: pieces that the plan wants by now.
        late_min: minutes since the newest sample, where that is too long ago.
    """

    line: Place
    number: int
    of: int
    shift: Shift | None
    shift_zh: str
    shift_en: str
    fact: LineFact | None
    state: State
    tone: str
    due: float | None
    alarms: Sequence[AlarmView]
    alarm_count: int
    heard: datetime | None
    late_min: int | None
    now: datetime

    @property
    def unknown(self) -> float:
        """Share of the shift up to now of which the state is not known."""
        seconds = self.fact.seconds if self.fact else {}
        whole = sum(seconds.values())
        return seconds.get("unknown", 0.0) / whole if whole else 0.0


class Figures:
    """Lines' figures of the running shift, kept some seconds: many screens may hang in one plant."""

    def __init__(self, pages: Pages) -> None:
        self._make = ReportMaker(pages.context.metadata, pages.context.telemetry)
        self._kept: dict[tuple[int, str, int], tuple[float, LineFact]] = {}
        self._lock = threading.Lock()

    def of(
        self, view: TenantView, line: Place, known: list[SignalInfo], planned: Planned, shift: Shift,
        now: datetime,
    ) -> LineFact:  # fmt: skip
        """The line's figures up to some seconds ago; who may see the line was asked before."""
        key, at = (view.scope.tenant_id, line.path, shift.start), time.monotonic()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and at - kept[0] < _KEPT_S:
            return kept[1]
        until = min(shift.end, instant(now))
        fact = self._make.line(view.scope, line, known, planned.plan, shift, until, brief=True)
        with self._lock:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (at, fact)
        return fact


def andon_pages(pages: Pages) -> Blueprint:
    """The screen, and what it asks for every few seconds."""
    routes = Blueprint("andon", __name__, template_folder="../templates")
    figures = Figures(pages)

    def lines(tenant: str, place: str) -> tuple[TenantView, list[Place]]:
        try:
            view = pages.view(Route(Page.HANDOVER, tenant).path)
            with view.context.metadata.session() as session:
                if not place:
                    found = [p for p in places_of(session, view.scope) if p.level.value == "line"]
                else:
                    found = lines_below(session, view.scope, place)
        except AccessDenied:
            abort(404)
        if place and not found:
            abort(404)
        return view, found

    @routes.get("/andon/<tenant>/")
    @routes.get("/andon/<tenant>/<path:place>")
    def wall(tenant: str, place: str = "") -> str:
        view, _ = lines(tenant, place)
        t = view.t
        return render_template("andon.html", t=t, view=view, place=place, language=view.person.language)

    @routes.get("/andon-now/<tenant>")
    def now(tenant: str) -> str:
        place = wishes.word(request.args.get("place"), "the place", 400)
        turn = request.args.get("turn", "0")
        view, found = lines(tenant, place)
        number = int(turn) if turn.isascii() and turn.isdigit() and len(turn) < 10 else 0  # noqa: PLR2004 - digits
        screen = _screen(view, figures, found, number % len(found)) if found else None
        ends = session_end(pages)
        template = "andon_line.html"
        return render_template(template, t=view.t, view=view, s=screen, ends=ends, formats=view.formats)

    return routes


def session_end(pages: Pages) -> datetime | None:
    """When this browser has to log in again."""
    return pages.sessions.ends_at(pages.person().principal)


def _screen(view: TenantView, figures: Figures, lines: list[Place], place: int) -> Screen:
    line, now = lines[place], utc_now()
    with view.context.metadata.session() as session:
        known = [s for s in signals_below(session, view.scope, line.path) if s.role not in DERIVED]
        planned = planned_at(session, view.scope, line.path)
        standing = list_alarms(session, view.scope, now)
    shift = next(
        (one for one in planned.between(now, now + timedelta(seconds=1)) if moment(one.start) <= now), None
    )
    fact = figures.of(view, line, known, planned, shift, now) if shift else None
    latest = latest_values(view.context, view.scope, [s.id for s in known]) if known else []
    heard = max((one.ts for one in latest), default=None)
    late = _late(known, heard, now)
    state = State.UNKNOWN if late is not None else _state(fact, latest)
    mine = sorted(
        (a for a in standing if a.active and (a.path == line.path or a.path.startswith(f"{line.path}/"))),
        key=lambda a: (-a.priority, -(a.raised_ts or now).timestamp()),
    )
    named = planned.named.get(shift.name) if shift else None
    return Screen(
        line, place + 1, len(lines), shift, named.name_zh if named else "", named.name_en if named else "",
        fact, state, _TONES[state], _due(fact, shift, now), mine[:ALARMS_SHOWN], len(mine), heard, late, now,
    )  # fmt: skip


def _state(fact: LineFact | None, latest: Sequence[LatestValue]) -> State:
    """The newest word of the signal that tells the line's state."""
    states = [one for one in latest if one.signal.semantic in {"state.packml", "state.machinery"}]
    told = next((one for one in states if fact and one.signal.path == fact.state_by), None)
    told = told or next(iter(states), None)
    if told is None or not told.good:
        return State.UNKNOWN
    return state_of(str(told.value))


def _late(known: Sequence[SignalInfo], heard: datetime | None, now: datetime) -> int | None:
    periods = [s.period_s for s in known if s.period_s is not None]
    least = max(LATE, timedelta(seconds=3 * min(periods, default=0.0)))
    if heard is None:
        return 0
    return int((now - heard).total_seconds() // 60) if now - heard > least else None


def _due(fact: LineFact | None, shift: Shift | None, now: datetime) -> float | None:
    """Pieces that the plan wants by now: in even pace over the shift without its breaks."""
    if fact is None or shift is None or fact.counts.target is None:
        return None
    at = instant(now)

    def worked(until: int) -> int:
        rest = sum(max(min(high, until) - low, 0) for low, high in shift.breaks)
        return until - shift.start - rest

    whole = worked(shift.end)
    return fact.counts.target * worked(min(at, shift.end)) / whole if whole > 0 else None
