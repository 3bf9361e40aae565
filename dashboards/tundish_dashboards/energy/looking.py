"""What the energy page shows of one meter at one moment, and of all lines beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.energy import EnergyUse, energy_use, idle_energy
from tundish_dashboards.energy.meters import best_by_line, meters_of
from tundish_dashboards.energy.reading import HISTORY, expected_until, line_now, outputs_of, read_quarters
from tundish_dashboards.instants import micros, moment
from tundish_dashboards.known import KnownSignals, whose
from tundish_dashboards.recent import Recent
from tundish_platform.alarms import list_rules
from tundish_platform.alarms.limits import LimitKind
from tundish_platform.store.query.windows import Period, Shift, ShiftCalendar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_analytics.energy import Quarters
    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.energy.meters import Meter
    from tundish_dashboards.energy.reading import Output
    from tundish_platform.samples import SignalInfo

    Values = NDArray[np.float64]

_KEPT_S: Final = 5.0
_HOUR_US: Final = 3_600_000_000
_DAY: Final = timedelta(days=1)
MADE: Final = timedelta(days=14)
# How many windows of each kind are listed.
SHOWN: Final[Mapping[Period, int]] = {
    Period.HOUR: 24, Period.SHIFT: 15, Period.DAY: 14, Period.WEEK: 8, Period.MONTH: 3,
}  # fmt: skip
# Begins of shifts by the plant's clock; shift plans are of lines, meters are not, so one chooses.
PATTERNS: Final[Mapping[str, tuple[int, ...]]] = {"two": (8, 20), "three": (0, 8, 16)}


@dataclass(frozen=True, slots=True)
class Amount:
    """Energy of a window: what is known of it, and which share of the time that is."""

    kwh: float
    known: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A window of the list.

    Attributes:
        start, end: of the window; ``shift`` its number by the pattern, -1 for other windows.
        running: it is not over.
        peak_kw: largest quarter; None where none is known.
    """

    start: datetime
    end: datetime
    shift: int
    running: bool
    amount: Amount
    peak_kw: float | None


@dataclass(frozen=True, slots=True)
class Made:
    """Energy against what was made, over hours that know both.

    Attributes:
        use: of `energy_use`; ``idle_kwh``: of the hours in which nothing was made.
        hours: how many know both.
    """

    output: Output
    use: EnergyUse
    idle_kwh: float
    hours: int


@dataclass(frozen=True, slots=True)
class Look:
    """One meter.

    Attributes:
        now: newest source time of its line; ``until``: when its newest value was due.
        quarters: of the history; ``today``, ``before``: of the local day so far, and of the same stretch a
            week earlier.
    """

    meter: Meter
    now: datetime
    until: datetime
    quarters: Quarters
    day: datetime
    today: Amount
    before: Amount
    made: Sequence[Made]

    @property
    def version(self) -> str:
        """Differs as soon as anything of it does, late data of days ago included."""
        parts = self.quarters.kwh.tobytes(), self.quarters.covered.tobytes()
        made = [one.output.hours.tobytes() for one in self.made]
        return blake2b(b"".join([*parts, *made]) + str(self.until).encode(), digest_size=12).hexdigest()

    @property
    def known_quarters(self) -> NDArray[np.int64]:
        """Places of quarters of the local day with a demand."""
        starts = self.quarters.starts_us()
        found: NDArray[np.int64] = np.flatnonzero(
            (starts >= micros(self.day)) & np.isfinite(self.quarters.demand)
        )
        return found


@dataclass(frozen=True, slots=True)
class LineDays:
    """A line's day so far and the whole day before."""

    meter: Meter
    today: Amount
    yesterday: Amount


class Energy:
    """Looks as they were a moment ago: many open pages of a tenant share one reading."""

    def __init__(self) -> None:
        self._signals = KnownSignals()
        self._looks: Recent[Look | None] = Recent(_KEPT_S)
        self._lines: Recent[list[LineDays]] = Recent(_KEPT_S)

    def signals(self, view: TenantView) -> list[SignalInfo]:
        """All that the person may see."""
        return self._signals.of(view)

    def look(self, view: TenantView, meter: Meter) -> Look | None:
        """One meter; None while its line has no data."""
        return self._looks.get(
            (*whose(view), meter.signal.id), lambda: look_at(view, meter, self.signals(view))
        )

    def lines(self, view: TenantView) -> list[LineDays]:
        """All lines with a meter."""
        return self._lines.get(whose(view), lambda: lines_of(view, self.signals(view)))


def look_at(view: TenantView, meter: Meter, signals: Sequence[SignalInfo]) -> Look | None:
    """Read a meter's history and what its line made."""
    now = line_now(view, signals, meter.line)
    if now is None:
        return None
    until = expected_until(meter, now)
    quarters = read_quarters(view, meter, now - HISTORY, now)
    day = _midnight(view, until)
    week = timedelta(days=7)
    today, before = amounts(quarters, [(day, until), (day - week, until - week)], until)
    return Look(meter, now, until, quarters, day, today, before, _made(view, meter, signals, quarters, until))


def amounts(
    quarters: Quarters, windows: Sequence[tuple[datetime, datetime]], until: datetime
) -> list[Amount]:
    """Energy and known share of windows."""
    bounds = np.array([[micros(start), micros(end)] for start, end in windows], np.int64).reshape(-1, 2)
    kwh, known = quarters.within(bounds, micros(until))
    return [Amount(*pair) for pair in zip(kwh.tolist(), known.tolist(), strict=True)]


def stretches(view: TenantView, look: Look, period: Period, pattern: str) -> list[Stretch]:
    """The last windows of a kind, the newest first.

    Those that begin before the history, or end before the meter spoke first, are left out.
    """
    calendar = calendar_of(view, pattern)
    begin = micros(look.now - HISTORY)
    cut = calendar.windows(period, begin, micros(look.until) + 1)
    spoken = look.quarters.starts_us()[look.quarters.covered > 0]
    first = int(spoken[0]) if spoken.size else micros(look.until)
    told = (cut.bounds[:, 0] >= begin) & (cut.bounds[:, 1] > first)
    bounds = cut.bounds[told][-SHOWN[period] :]
    shifts = cut.shift[-len(bounds) :] if len(bounds) else cut.shift[:0]
    kwh, known = look.quarters.within(bounds, micros(look.until))
    starts, demand = look.quarters.starts_us(), look.quarters.demand
    found = []
    for (low, high), shift, energy, share in zip(
        bounds.tolist(), shifts.tolist(), kwh.tolist(), known.tolist(), strict=True
    ):
        inside = demand[(starts >= low) & (starts < high)]
        peak = float(np.nanmax(inside)) if np.isfinite(inside).any() else None
        running = high > micros(look.until)
        found.append(Stretch(moment(low), moment(high), shift, running, Amount(energy, share), peak))
    return found[::-1]


def calendar_of(view: TenantView, pattern: str) -> ShiftCalendar:
    """The plant's zone with shifts of a pattern."""
    begins = PATTERNS[pattern]
    shifts = tuple(
        Shift(code=str(number), name_zh=f"{hour:02d}:00", name_en=f"{hour:02d}:00", begins=time(hour))
        for number, hour in enumerate(begins)
    )
    return ShiftCalendar(zone=view.formats.zone.key, shifts=shifts, day_begins=time(begins[0]))


def limit_of(view: TenantView, meter: Meter) -> float | None:
    """The lowest demand in kW at which an alarm rule of the meter speaks; None where none does."""
    with view.context.metadata.session() as session:
        rules = list_rules(session, view.scope)
    found = [
        meter.limit_kw(rule.threshold)
        for rule in rules
        if rule.signal == meter.signal.id and rule.kind is LimitKind.HIGH and rule.enabled
    ]
    return min((one for one in found if one is not None), default=None)


def lines_of(view: TenantView, signals: Sequence[SignalInfo]) -> list[LineDays]:
    """Each line by its best meter."""
    found = []
    for line, meter in best_by_line(meters_of(signals)).items():
        now = line_now(view, signals, line)
        if now is None:
            continue
        until = expected_until(meter, now)
        day = _midnight(view, until)
        yesterday = _midnight(view, day - _DAY / 2)
        quarters = read_quarters(view, meter, yesterday, now)
        today, whole = amounts(quarters, [(day, until), (yesterday, day)], until)
        found.append(LineDays(meter, today, whole))
    return found


def _made(
    view: TenantView, meter: Meter, signals: Sequence[SignalInfo], quarters: Quarters, until: datetime
) -> list[Made]:
    start = moment(micros(until - MADE) // _HOUR_US * _HOUR_US)
    found = []
    for output in outputs_of(view, signals, meter.line, start, until):
        edges = micros(start) + np.arange(output.hours.size + 1, dtype=np.int64) * _HOUR_US
        kwh, known = quarters.within(np.column_stack([edges[:-1], edges[1:]]), micros(until))
        hourly = np.where(known >= 0.9, kwh, np.nan)  # noqa: PLR2004 - as a quarter's demand
        both = np.isfinite(hourly) & np.isfinite(output.hours)
        use = energy_use(hourly, output.hours, 1.0)
        idle = idle_energy(np.where(both, hourly, np.nan), np.nan_to_num(output.hours) > 0)
        found.append(Made(output, use, idle, int(both.sum())))
    return found


def _midnight(view: TenantView, at: datetime) -> datetime:
    """Begin of the plant's day."""
    local = at.astimezone(view.formats.zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
