"""Shifts by the local clock become the right stretches of UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from itertools import pairwise

import pytest

from tundish_analytics.oee import ShiftCalendar, ShiftRule, instant

HOUR = 3_600_000_000
NIGHT = ShiftRule("night", time(22), time(6), ((time(1), time(1, 30)),))


def week_of(*rules: ShiftRule) -> tuple[tuple[ShiftRule, ...], ...]:
    return (rules,) * 7


def test_a_night_shift_belongs_to_the_day_it_begins_on(two_shifts: ShiftCalendar) -> None:
    day, night = two_shifts.shifts(date(2026, 3, 2), date(2026, 3, 2))
    assert (day.start, day.end) == (
        instant(datetime(2026, 3, 2, 0, tzinfo=UTC)),
        instant(datetime(2026, 3, 2, 12, tzinfo=UTC)),
    )
    assert night.production_date == date(2026, 3, 2)
    assert night.start == day.end
    # Its break at midnight local is that of the next day, 16:00 UTC of this one.
    assert night.breaks[0][0] == instant(datetime(2026, 3, 2, 16, tzinfo=UTC))


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 27), 8), (date(2026, 3, 28), 7), (date(2026, 10, 24), 9)]
)
def test_a_night_over_the_change_of_clocks_is_shorter_or_longer(day: date, hours: int) -> None:
    calendar = ShiftCalendar("Europe/Berlin", week_of(NIGHT))
    shift = calendar.shifts(day, day)[0]
    assert shift.end - shift.start == hours * HOUR


def test_days_of_23_and_25_hours_are_covered_without_holes() -> None:
    three = [ShiftRule(str(n), time(8 * n), time(8 * (n + 1) % 24)) for n in range(3)]
    calendar = ShiftCalendar("Europe/Berlin", week_of(*three))
    for first, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)):
        shifts = calendar.shifts(first, first)
        assert all(a.end == b.start for a, b in pairwise(shifts))
        assert shifts[-1].end - shifts[0].start == hours * HOUR


def test_an_exception_replaces_the_whole_day(two_shifts: ShiftCalendar) -> None:
    overtime = (ShiftRule("overtime", time(8), time(10)),)
    calendar = ShiftCalendar(
        two_shifts.zone, two_shifts.week, {date(2026, 10, 1): (), date(2026, 10, 2): overtime}
    )
    found = calendar.shifts(date(2026, 9, 30), date(2026, 10, 3))
    assert [shift.name for shift in found] == ["day", "night", "overtime", "day", "night"]


def test_shifts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="seven days"):
        ShiftCalendar("Asia/Shanghai", ((NIGHT,),))
    overlapping = ShiftCalendar("Asia/Shanghai", week_of(NIGHT, ShiftRule("early", time(5), time(9))))
    with pytest.raises(ValueError, match="begins before night ends"):
        overlapping.shifts(date(2026, 3, 2), date(2026, 3, 3))
    late = ShiftRule("day", time(8), time(16), ((time(17), time(18)),))
    with pytest.raises(ValueError, match="break"):
        ShiftCalendar("Asia/Shanghai", week_of(late)).shifts(date(2026, 3, 2), date(2026, 3, 2))
