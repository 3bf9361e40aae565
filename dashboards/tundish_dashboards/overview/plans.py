"""Which shifts hold at a line, and how fast its machine could be.

Both stand in the shift plans of the hand-over. What has none there has the settings of the enterprise's
subscription to the app that computes OEE; read from where the reports and the app read them, the page cannot
tell another truth. Without either a shift is the plant's whole day.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from tundish_analytics.oee.calendar import instant
from tundish_analytics.oee.timesplit import MICRO_STOP_S
from tundish_analytics.oee.written import written_calendar
from tundish_dashboards.overview.shifts import moment, states_of
from tundish_platform.api.completeness import WINDOW
from tundish_platform.handover import planned_for
from tundish_platform.marketplace import NotSubscribed
from tundish_platform.marketplace.subscriptions import active_row
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from tundish_analytics.oee.calendar import Shift, ShiftCalendar
    from tundish_platform.handover import ShiftPlanView
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

OEE_APP: Final = "oee-pareto"
_DAY: Final = timedelta(days=1)
_COUNTING: Final = frozenset({"total", "pieces"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What an enterprise planned for a line.

    Attributes:
        calendar: its shifts; whole days where it has written none down.
        written: whether it has.
        names: Chinese and English name of shifts that have more than a code.
        own: the line's own shift plan; it alone says by which signals the line is judged and how fast it is.
        machine: path of the machine that its ideal cycle is of; empty for the first by path.
        ideal_s: seconds per piece; None where nobody said.
        micro_stop_s: stops shorter than this stay in production time.
    """

    calendar: ShiftCalendar
    written: bool
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    own: ShiftPlanView | None = None
    machine: str = ""
    ideal_s: float | None = None
    micro_stop_s: float = MICRO_STOP_S

    def near(self, at: datetime) -> list[Shift]:
        """Shifts of the days around an instant, in order.

        Raises:
            ValueError: shifts overlap.
        """
        day = at.astimezone(ZoneInfo(self.calendar.zone)).date()
        return self.calendar.shifts(day - _DAY, day + _DAY)

    def running(self, at: datetime) -> Shift | None:
        """The shift in which an instant lies."""
        now = instant(at)
        return next((shift for shift in self.near(at) if shift.start <= now < shift.end), None)

    def reference(self, signals: Sequence[SignalInfo]) -> SignalInfo | None:
        """The state by which a line is judged: the one that was named, else the first by path."""
        ordered = sorted(states_of(signals), key=lambda signal: signal.path)
        first = next(iter(ordered), None)
        if self.own is not None:
            return _of_path(signals, self.own.state, SampleKind.TEXT) or first
        named = (s for s in ordered if self.machine and f"{s.path}/".startswith(f"{self.machine}/"))
        return next(named, first)

    def counted(
        self, near: Mapping[str, SignalInfo], signals: Sequence[SignalInfo]
    ) -> Mapping[str, SignalInfo]:
        """What is known beside the state, with the counters that the line's own plan names."""
        if self.own is None:
            return near
        found = dict(near)
        if (total := _of_path(signals, self.own.total)) is not None:
            found = {key: signal for key, signal in near.items() if key not in _COUNTING}
            found["pieces" if total.kind is SampleKind.TEXT else "total"] = total
        if (rejects := _of_path(signals, self.own.rejects)) is not None:
            found["rejects"] = rejects
        return found

    def ideal_of(self, state: SignalInfo) -> float | None:
        """Seconds per piece of the machine whose state it is; one cycle is never taken for another's."""
        if self.own is not None:
            return self.own.ideal_s
        mine = self.machine and f"{state.path}/".startswith(f"{self.machine}/")
        return self.ideal_s if mine else None


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a line's figures are of.

    Attributes:
        plan: which shifts hold.
        shift: the one that runs at the clock, if any.
        since: from when completeness is reckoned: the shift's start, or an hour before the clock.
    """

    plan: Plan
    shift: Shift | None
    since: datetime

    @property
    def named(self) -> tuple[object, ...]:
        """What people are told of it; the same for lines in the same shift."""
        if self.shift is None:
            return ()
        return self.plan.written, *self.name, self.shift.start, self.shift.end

    @property
    def name(self) -> tuple[str, str]:
        """Of the shift, Chinese and English; empty where none runs."""
        code = self.shift.name if self.shift is not None else ""
        return self.plan.names.get(code, (code, code))


def stretches_at(plans: Mapping[str, Plan], clock: datetime) -> dict[str, Stretch]:
    """What the figures of each line are of at a clock; lines by path."""
    # Lines that share a calendar share its object.
    calendars = {id(plan.calendar): plan for plan in plans.values()}
    running = {number: _running(plan, clock) for number, plan in calendars.items()}
    found = {}
    for path, plan in plans.items():
        shift = running[id(plan.calendar)]
        start = moment(shift.start) if shift is not None else clock - WINDOW
        # A shift that began this very moment is no stretch yet.
        found[path] = Stretch(plan, shift, min(start, clock - timedelta(seconds=1)))
    return found


def _running(plan: Plan, clock: datetime) -> Shift | None:
    try:
        return plan.running(clock)
    except ValueError:
        # Shifts that overlap: the app says so on its page, and here no shift is known.
        return None


def read_plans(session: Session, scope: TenantScope, zone: str, lines: Iterable[str]) -> dict[str, Plan]:
    """What the enterprise planned for each line, by path; where the scope may not read, the app's settings.

    Args:
        session: of the tenant.
        scope: who looks.
        zone: IANA name, of the days of lines with no shifts at all.
        lines: their paths.
    """
    app = read_plan(session, scope, zone)
    found = dict.fromkeys(lines, app)
    for path, planned in planned_for(session, scope, found).items():
        plan = app
        if planned.calendar is not None:
            names = {code: (shift.name_zh, shift.name_en) for code, shift in planned.named.items()}
            plan = replace(plan, calendar=planned.calendar, written=True, names=names)
        if planned.plan is not None:
            # As the hand-over judges the line; it knows no other bound of minor stops.
            plan = replace(plan, own=planned.plan, micro_stop_s=MICRO_STOP_S)
        found[path] = plan
    return found


def read_plan(session: Session, scope: TenantScope, zone: str) -> Plan:
    """The app's settings; whole days of ``zone`` where nothing readable was written down."""
    try:
        settings = active_row(session, scope, OEE_APP).parameters
    except NotSubscribed:
        settings = {}
    try:
        calendar = written_calendar(settings, zone)
    except ValueError:
        # The app says on its own page what it cannot read.
        return Plan(written_calendar({}, zone), written=False)
    return Plan(
        calendar,
        written=bool(settings.get("shifts")),
        machine=str(settings.get("machine", "")),
        ideal_s=_positive(settings, "ideal_cycle_s"),
        micro_stop_s=_positive(settings, "micro_stop_s") or MICRO_STOP_S,
    )


def _of_path(signals: Iterable[SignalInfo], path: str, kind: SampleKind | None = None) -> SignalInfo | None:
    return next((s for s in signals if s.path == path and kind in (None, s.kind)), None)


def _positive(settings: Mapping[str, object], key: str) -> float | None:
    value = settings.get(key)
    return float(value) if isinstance(value, int | float) and value > 0 else None
