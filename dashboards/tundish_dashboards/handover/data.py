"""What the hand-over page reads: places, shifts, the report of one of them, and what people wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tundish_analytics.handover import ReportMaker
from tundish_dashboards import wishes
from tundish_dashboards.overview.hearing import clock_of
from tundish_dashboards.plant.conditions import last_arrival, source_now
from tundish_dashboards.plant.data import read_latest
from tundish_platform.assets import list_signals
from tundish_platform.handover import lines_below, moment, newest_edition, places_of, planned_at
from tundish_platform.handover.editions import editions_of
from tundish_platform.handover.files import report_of
from tundish_platform.tenancy.passwords import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.assets import Place
    from tundish_platform.handover import EditionView, Planned
    from tundish_platform.handover.files import Report
    from tundish_platform.samples.shifts import Shift

BACK: Final = timedelta(days=14)
_ISO: Final = 40


@dataclass(frozen=True, slots=True)
class Choice:
    """Which place and which of its shifts the page shows.

    Attributes:
        places: that the person may see, by path.
        place: None where there is none.
        shifts: of the last `BACK`, the newest first, begun ones only.
        shift: None where the place has no shifts.
    """

    places: tuple[Place, ...]
    place: Place | None
    planned: Planned | None
    shifts: tuple[Shift, ...]
    shift: Shift | None
    now: datetime

    @property
    def running(self) -> bool:
        """Whether the shift is not over."""
        return self.shift is not None and moment(self.shift.end) > self.now


def choose(view: TenantView, place: object, start: object) -> Choice:
    """The wished place and shift where the person may see them; else the first, and the shift of its data."""
    now = utc_now()
    with view.context.metadata.session() as session:
        places = tuple(places_of(session, view.scope))
        wish = wishes.word(place, "the place", 400)
        chosen = next((one for one in places if one.path == wish), None) or _first(places)
        if chosen is None:
            return Choice(places, None, None, (), None, now)
        planned = planned_at(session, view.scope, chosen.path)
    found = [one for one in planned.between(now - BACK, now) if moment(one.start) < now]
    shifts = tuple(reversed(found))
    begin = wishes.word(start, "the shift", _ISO)
    shift = next((one for one in shifts if str(one.start) == begin), None) or _newest(
        shifts, _clock(view, chosen.path, now)
    )
    return Choice(places, chosen, planned, shifts, shift, now)


def _newest(shifts: Sequence[Shift], clock: datetime) -> Shift | None:
    """The newest shift that has begun at the clock; the newest of all where none has."""
    begun = (one for one in shifts if moment(one.start) < clock)
    return next(begun, None) or next(iter(shifts), None)


def _clock(view: TenantView, path: str, now: datetime) -> datetime:
    """The place's own time: that of its data where they come in, but late, as the overview has it."""
    with view.context.metadata.session() as session:
        signals = [s for s in list_signals(session, view.scope) if f"{s.path}/".startswith(f"{path}/")]
    latest = read_latest(view)
    return clock_of(source_now(signals, latest), last_arrival(signals, latest), now)


def read_report(view: TenantView, choice: Choice) -> Report | None:
    """The newest edition of the chosen shift, or what it says up to now; None where no shift is chosen."""
    if choice.planned is None or choice.shift is None:
        return None
    with view.context.metadata.session() as session:
        start = moment(choice.shift.start)
        edition = newest_edition(session, view.scope, choice.planned.path, start)
    if edition is not None:
        facts, known = edition.facts, edition.view
    else:
        maker = ReportMaker(view.context.metadata, view.context.telemetry)
        facts, known = maker(view.scope, choice.planned, choice.shift, choice.now), None
    with view.context.metadata.session() as session:
        return report_of(session, view.scope, facts, known, choice.now)


def editions(view: TenantView, choice: Choice) -> list[EditionView]:
    """All editions of the chosen shift's report, the first one first."""
    if choice.planned is None or choice.shift is None:
        return []
    with view.context.metadata.session() as session:
        return editions_of(session, view.scope, choice.planned.path, moment(choice.shift.start))


def lines_of(view: TenantView, path: str) -> list[Place]:
    """The lines at or below a place that the person may see."""
    with view.context.metadata.session() as session:
        return lines_below(session, view.scope, path)


def _first(places: tuple[Place, ...]) -> Place | None:
    """A line before what lies above it: most people of a shift work at one."""
    lines = [one for one in places if one.level.value == "line"]
    return next(iter([*lines, *places]), None)
