"""Shift calendars: windows as a plant lives them, in its own time zone.

Each window ends where the next begins. When clocks change, a shift lasts an hour less or more in UTC, and no
time is lost or counted twice. Weeks and months are made of whole production days, so that sums over shifts,
production days, weeks and months agree; with ``day_begins = 00:00`` they are those of the calendar.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Self
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tundish_platform.store.query.zones import Offsets

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAY_US: Final = 86_400_000_000
_HOUR_US: Final = 3_600_000_000
# 1970-01-01 was a Thursday.
_MONDAY: Final = 4
_MOST_DAYS: Final = 100 * 366


class Period(StrEnum):
    """What windows are cut by."""

    HOUR = "hour"
    SHIFT = "shift"
    PRODUCTION_DAY = "production_day"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone of the IANA's, such as Asia/Shanghai") from error
    return name


def _wall_time(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("is a time on the plant's wall and must not name a time zone itself")
    return at


WallTime = Annotated[time, AfterValidator(_wall_time)]


class Shift(BaseModel):
    """One shift; it ends where the next one begins.

    Attributes:
        code: short and unique in the calendar.
        name_zh, name_en: for people.
        begins: on the plant's wall clock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(min_length=1)
    name_zh: str
    name_en: str
    begins: WallTime


class ShiftCalendar(BaseModel):
    """When a plant's days and shifts begin.

    Attributes:
        zone: IANA name of the plant's time zone.
        shifts: of a production day, in any order; none if the plant has none.
        day_begins: when a production day begins; where there are shifts, one of them begins then.

    Raises:
        ValidationError: names the key that is wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    zone: Annotated[str, AfterValidator(_known_zone)]
    shifts: tuple[Shift, ...] = ()
    day_begins: WallTime = time(0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key in ("code", "begins"):
            values = [getattr(shift, key) for shift in self.shifts]
            twice = {str(value) for value in values if values.count(value) > 1}
            if twice:
                raise ValueError(f"shifts: {key} {min(twice)} is used twice")
        if self.shifts and self.day_begins not in {shift.begins for shift in self.shifts}:
            raise ValueError(
                f"day_begins: no shift begins at {self.day_begins:%H:%M}; "
                "a production day would cut a shift in two"
            )
        return self

    def windows(self, period: Period, start_us: int, end_us: int) -> CalendarWindows:
        """All windows of a kind that overlap ``[start, end)``, whole, by time.

        Args:
            period: shifts need a calendar that has some.
            start_us: µs since 1970, UTC.
            end_us: behind the start, within a hundred years.

        Raises:
            ValueError: there are no shifts to cut by, or the stretch is empty or too long.
        """
        if not 0 < end_us - start_us <= _MOST_DAYS * _DAY_US:
            raise ValueError("a calendar needs a start and a later end, at most a hundred years apart")
        if period is Period.SHIFT and not self.shifts:
            raise ValueError(f"shifts: the calendar of {self.zone} has none to cut windows by")
        # A month more at both ends, so that every window that reaches into the stretch is whole.
        offsets = Offsets(ZoneInfo(self.zone), start_us - 32 * _DAY_US, end_us + 32 * _DAY_US)
        starts, day, shift = self._starts(period, offsets, start_us, end_us)
        bounds = np.column_stack([starts[:-1], starts[1:]])
        # A day or shift whose whole time was jumped over did not take place.
        some = (bounds[:, 1] > bounds[:, 0]) & (bounds[:, 1] > start_us) & (bounds[:, 0] < end_us)
        return CalendarWindows(bounds[some], day[:-1][some], shift[:-1][some], self._in_order())

    def _in_order(self) -> tuple[Shift, ...]:
        """Shifts as they follow each other in a production day."""
        begins = _micros(self.day_begins)
        return tuple(sorted(self.shifts, key=lambda s: (_micros(s.begins) - begins) % _DAY_US))

    def _starts(
        self, period: Period, offsets: Offsets, start_us: int, end_us: int
    ) -> tuple[NDArray[np.int64], NDArray[np.datetime64], NDArray[np.int64]]:
        """Where windows begin, the local day each belongs to, and its shift (-1 for none)."""
        if period is Period.HOUR:
            starts = offsets.every(_HOUR_US, end_us + _DAY_US)
            days = offsets.local(starts) // _DAY_US
            return starts, days.astype("datetime64[D]"), np.full(len(starts), -1, dtype=np.int64)
        first, last = offsets.local(np.array([start_us, end_us])) // _DAY_US
        days = np.arange(first - 32, last + 33)
        if period is Period.WEEK:
            days = days[(days - _MONDAY) % 7 == 0]
        elif period is Period.MONTH:
            months = days.astype("datetime64[D]").astype("datetime64[M]")
            days = np.unique(months).astype("datetime64[D]").astype(np.int64)
        begins = 0 if period is Period.DAY else _micros(self.day_begins)
        shift = np.full(len(days), -1, dtype=np.int64)
        wall = days * _DAY_US + begins
        if period is Period.SHIFT:
            behind = [(_micros(s.begins) - begins) % _DAY_US for s in self._in_order()]
            wall = (wall[:, None] + np.array(behind)).ravel()
            shift = np.tile(np.arange(len(behind)), len(days))
            days = np.repeat(days, len(behind))
        return offsets.instant(wall), days.astype("datetime64[D]"), shift


@dataclass(frozen=True, slots=True)
class CalendarWindows:
    """Windows with what they are called.

    Attributes:
        bounds: shape ``(n, 2)``, µs since 1970, UTC, ``[start, end)``.
        day: the local day on which the window's production day, day, week or month begins; ``(n,)``.
        shift: number of the shift in `shifts`, -1 for other windows; shape ``(n,)``.
        shifts: of a production day, in their order.
    """

    bounds: NDArray[np.int64]
    day: NDArray[np.datetime64]
    shift: NDArray[np.int64]
    shifts: tuple[Shift, ...]

    def __len__(self) -> int:
        return len(self.bounds)


def _micros(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000_000 + at.microsecond
