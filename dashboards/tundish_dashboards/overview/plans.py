"""Which shifts hold at a line, and how fast its machine could be.

The enterprise wrote both down once: as settings of its subscription to the app that computes OEE. Read from
there, the page and the app cannot tell two truths. Without them a shift is the plant's whole day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from tundish_analytics.oee.calendar import instant
from tundish_analytics.oee.timesplit import MICRO_STOP_S
from tundish_analytics.oee.written import written_calendar
from tundish_platform.marketplace import NotSubscribed
from tundish_platform.marketplace.subscriptions import active_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from tundish_analytics.oee.calendar import Shift, ShiftCalendar
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

OEE_APP: Final = "oee-pareto"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an enterprise planned.

    Attributes:
        calendar: its shifts; whole days where it has written none down.
        written: whether it has.
        machine: path of the machine that its ideal cycle is of; empty for the first by path.
        ideal_s: seconds per piece; None where nobody said.
        micro_stop_s: stops shorter than this stay in production time.
    """

    calendar: ShiftCalendar
    written: bool
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

    def reference(self, states: Sequence[SignalInfo]) -> SignalInfo | None:
        """The state by which a line is judged: that of the machine that was named, else the first by path."""
        ordered = sorted(states, key=lambda signal: signal.path)
        named = (s for s in ordered if self.machine and f"{s.path}/".startswith(f"{self.machine}/"))
        return next(named, ordered[0] if ordered else None)

    def ideal_of(self, state: SignalInfo) -> float | None:
        """Seconds per piece of the machine whose state it is; one cycle is never taken for another's."""
        mine = self.machine and f"{state.path}/".startswith(f"{self.machine}/")
        return self.ideal_s if mine else None


def read_plan(session: Session, scope: TenantScope, zone: str) -> Plan:
    """What the enterprise planned; whole days of ``zone`` where nothing readable was written down."""
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


def _positive(settings: Mapping[str, object], key: str) -> float | None:
    value = settings.get(key)
    return float(value) if isinstance(value, int | float) and value > 0 else None
