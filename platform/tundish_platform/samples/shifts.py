"""Shift calendars: local rules of a zone to half-open stretches of UTC, days of 23 and 25 hours included.

A shift belongs to the production date on which it starts. Exceptions (make-up days, holidays, overtime)
replace a day's shifts as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Span = tuple[int, int]


def instant(moment: datetime) -> int:
    """Microseconds since 1970 in UTC of a moment that knows its zone."""
    return (moment - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class ShiftRule:
    """A shift by the local clock.

    Attributes:
        end: on the next day where it is not after the start.
        breaks: local beginning and end of each planned break.
    """

    name: str
    start: time
    end: time
    breaks: tuple[tuple[time, time], ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift of one day; all instants in µs UTC, half-open."""

    name: str
    production_date: date
    start: int
    end: int
    breaks: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ShiftCalendar:
    """The rules of a site.

    Attributes:
        zone: IANA name, such as ``Asia/Shanghai``.
        week: shifts of each weekday, Monday first.
        exceptions: what replaces a date's shifts; empty for a holiday.
    """

    zone: str
    week: tuple[tuple[ShiftRule, ...], ...]
    exceptions: Mapping[date, tuple[ShiftRule, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.week) != 7:  # noqa: PLR2004 - days of a week
            raise ValueError("a week has seven days, each with its shifts or none")
        ZoneInfo(self.zone)

    def shifts(self, first: date, last: date) -> list[Shift]:
        """All shifts of the production dates from ``first`` to ``last``, both included, in order.

        Raises:
            ValueError: two shifts overlap, or a break lies outside its shift.
        """
        found = sorted(self._days(first, last), key=lambda shift: shift.start)
        for earlier, later in pairwise(found):
            if later.start < earlier.end:
                raise ValueError(
                    f"shift {later.name} of {later.production_date} begins before {earlier.name} ends"
                )
        return found

    def _days(self, first: date, last: date) -> Iterator[Shift]:
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            for rule in self.exceptions.get(day, self.week[day.weekday()]):
                yield self._shift(rule, day)

    def _shift(self, rule: ShiftRule, day: date) -> Shift:
        start, end = self._span(day, rule.start, rule.start, rule.end)
        breaks = tuple(self._span(day, rule.start, low, high) for low, high in rule.breaks)
        if any(low < start or high > end for low, high in breaks):
            raise ValueError(f"a break of shift {rule.name} lies outside it")
        return Shift(rule.name, day, start, end, breaks)

    def _span(self, day: date, origin: time, low: time, high: time) -> Span:
        """A span of a shift that begins at ``origin``; what is earlier on the clock is the next day's."""
        first = day if low >= origin else day + timedelta(days=1)
        second = first if high > low else first + timedelta(days=1)
        zone = ZoneInfo(self.zone)
        return (
            instant(datetime.combine(first, low, zone)),
            instant(datetime.combine(second, high, zone)),
        )
