from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tundish_platform.store.query.windows import Period, Shift, ShiftCalendar

HOUR = 3_600_000_000
NAMES = {"day": "白班", "late": "中班", "night": "夜班"}


def shifts(*begins: str) -> tuple[Shift, ...]:
    codes = list(NAMES)[: len(begins)]
    return tuple(
        Shift(code=code, name_zh=NAMES[code], name_en=code, begins=time.fromisoformat(at))
        for code, at in zip(codes, begins, strict=True)
    )


def micros(text: str, zone: str = "UTC") -> int:
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int(at.timestamp()) * 1_000_000


def wall(instant: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(instant / 1e6, UTC).astimezone(ZoneInfo(zone)):%m-%d %H:%M}"


def lengths(calendar: ShiftCalendar, period: Period, start: str, end: str) -> list[float]:
    found = calendar.windows(period, micros(start, calendar.zone), micros(end, calendar.zone))
    return [float(n) for n in (found.bounds[:, 1] - found.bounds[:, 0]) / HOUR]


def test_days_begin_at_eight_in_china() -> None:
    plant = ShiftCalendar(zone="Asia/Shanghai", shifts=shifts("08:00", "16:00", "00:00"), day_begins=time(8))
    found = plant.windows(Period.SHIFT, micros("2026-03-01T01:00"), micros("2026-03-02T00:00"))
    assert [
        (wall(a, plant.zone), wall(b, plant.zone), found.shifts[shift].code, str(day))
        for (a, b), shift, day in zip(found.bounds.tolist(), found.shift, found.day, strict=True)
    ] == [
        ("03-01 08:00", "03-01 16:00", "day", "2026-03-01"),
        ("03-01 16:00", "03-02 00:00", "late", "2026-03-01"),
        # The night shift belongs to the production day in which it begins.
        ("03-02 00:00", "03-02 08:00", "night", "2026-03-01"),
    ]
    days = plant.windows(Period.PRODUCTION_DAY, micros("2026-03-01T01:00"), micros("2026-03-02T00:00"))
    assert days.bounds.tolist() == [[found.bounds[0, 0], found.bounds[-1, 1]]]


def test_calendar_days_begin_at_midnight_whatever_the_production_day() -> None:
    plant = ShiftCalendar(zone="Asia/Shanghai", day_begins=time(8))
    for period, first in ((Period.DAY, "03-01 00:00"), (Period.PRODUCTION_DAY, "02-28 08:00")):
        found = plant.windows(period, micros("2026-03-01", plant.zone), micros("2026-03-02", plant.zone))
        assert wall(int(found.bounds[0, 0]), plant.zone) == first


@pytest.mark.parametrize(
    ("night", "expected"), [("2026-03-28", 7.0), ("2026-10-24", 9.0), ("2026-05-02", 8.0)]
)
def test_the_night_in_which_clocks_change_is_an_hour_shorter_or_longer(night: str, expected: float) -> None:
    berlin = ShiftCalendar(zone="Europe/Berlin", shifts=shifts("06:00", "14:00", "22:00"), day_begins=time(6))
    start = f"{night}T06:00"
    end = str(np.datetime64(start) + np.timedelta64(24, "h"))
    assert lengths(berlin, Period.SHIFT, start, end) == [8.0, 8.0, expected]
    assert lengths(berlin, Period.PRODUCTION_DAY, start, end) == [16.0 + expected]


def test_both_hours_of_the_same_name_are_windows_of_their_own() -> None:
    berlin = ShiftCalendar(zone="Europe/Berlin")
    for day, count in (("2026-03-29", 23), ("2026-10-25", 25)):
        following = str(np.datetime64(day) + 1)
        assert lengths(berlin, Period.HOUR, day, following) == [1.0] * count
        assert lengths(berlin, Period.DAY, day, following) == [float(count)]


def test_a_shift_that_begins_in_the_hour_jumped_over_begins_at_the_jump() -> None:
    berlin = ShiftCalendar(zone="Europe/Berlin", shifts=shifts("02:30", "14:00"), day_begins=time(14))
    found = berlin.windows(Period.SHIFT, micros("2026-03-28T20:00"), micros("2026-03-29T03:00"))
    assert [wall(a, berlin.zone) for a, _ in found.bounds.tolist()] == ["03-28 14:00", "03-29 03:00"]


def test_hours_in_india_begin_at_half_past_in_utc() -> None:
    kolkata = ShiftCalendar(zone="Asia/Kolkata", shifts=shifts("06:00", "18:00"), day_begins=time(6))
    found = kolkata.windows(Period.HOUR, micros("2026-03-01T00:00"), micros("2026-03-01T02:00"))
    assert (found.bounds % HOUR == HOUR // 2).all()
    assert len(found) == 3
    assert lengths(kolkata, Period.SHIFT, "2026-03-01T06:00", "2026-03-02T06:00") == [12.0, 12.0]


@pytest.mark.parametrize(
    ("zone", "start", "end", "expected"),
    [
        # Shanghai had summer time in 1986: clocks went ahead on 4 May at 02:00.
        ("Asia/Shanghai", "1986-05-03", "1986-05-06", [24.0, 23.0, 24.0]),
        # Pyongyang went half an hour ahead on 4 May 2018 at 23:30.
        ("Asia/Pyongyang", "2018-05-04", "2018-05-06", [23.5, 24.0]),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", "2011-12-29", "2012-01-01", [24.0, 24.0]),
        # Cuba's clocks go back from 01:00 to midnight, which therefore comes twice.
        ("America/Havana", "2026-10-31", "2026-11-03", [24.0, 25.0, 24.0]),
    ],
)
def test_zones_change_their_rules(zone: str, start: str, end: str, expected: list[float]) -> None:
    assert lengths(ShiftCalendar(zone=zone), Period.DAY, start, end) == expected


def test_weeks_begin_on_monday_and_months_on_the_first_production_day() -> None:
    plant = ShiftCalendar(zone="Asia/Shanghai", day_begins=time(8))
    span = micros("2026-02-10", plant.zone), micros("2026-03-10", plant.zone)
    weeks, months = plant.windows(Period.WEEK, *span), plant.windows(Period.MONTH, *span)
    assert [date.fromisoformat(str(day)).isoweekday() for day in weeks.day] == [1] * 5
    assert wall(int(weeks.bounds[0, 0]), plant.zone) == "02-09 08:00"
    assert [str(day) for day in months.day] == ["2026-02-01", "2026-03-01"]
    assert wall(int(months.bounds[1, 0]), plant.zone) == "03-01 08:00"
    assert months.bounds[0, 1] - months.bounds[0, 0] == 28 * 24 * HOUR


ZONES = ["Europe/Berlin", "Asia/Shanghai", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    period=st.sampled_from(list(Period)),
    start=st.integers(micros("1985-01-01"), micros("2030-01-01")),
    days=st.integers(1, 400),
    begins=st.lists(st.integers(0, 95), min_size=1, max_size=3, unique=True),
)
def test_no_time_is_lost_or_doubled(
    zone: str, period: Period, start: int, days: int, begins: list[int]
) -> None:
    times = [f"{quarter // 4:02d}:{quarter % 4 * 15:02d}" for quarter in begins]
    plant = ShiftCalendar(zone=zone, shifts=shifts(*times), day_begins=time.fromisoformat(times[0]))
    end = start + days * 24 * HOUR
    bounds = plant.windows(period, start, end).bounds
    assert bounds[0, 0] <= start < bounds[0, 1]
    assert bounds[-1, 0] < end <= bounds[-1, 1]
    assert (bounds[1:, 0] == bounds[:-1, 1]).all()
    assert (bounds[:, 1] > bounds[:, 0]).all()


GOOD: dict[str, Any] = {"zone": "Asia/Shanghai", "shifts": shifts("08:00", "20:00"), "day_begins": time(8)}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"zone": "Asia/Atlantis"}, "zone"),
        ({"zone": "../etc/passwd"}, "zone"),
        ({"zone": ""}, "zone"),
        ({"day_begins": time(9)}, "day_begins"),
        ({"day_begins": time(8, tzinfo=UTC)}, "day_begins"),
        ({"shifts": shifts("08:00", "08:00")}, "shifts: begins 08:00"),
        ({"shifts": shifts("08:00") * 2}, "shifts: code day"),
        ({"shifts": [{"code": "", "name_zh": "白", "name_en": "d", "begins": "08:00"}]}, "shifts.0.code"),
        ({"shifts": [{"code": "d", "name_zh": "白", "name_en": "d", "begins": "25:00"}]}, "shifts.0.begins"),
        ({"hours": 8}, "hours"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], key: str) -> None:
    assert ShiftCalendar.model_validate(GOOD)
    with pytest.raises(ValidationError, match=key):
        ShiftCalendar.model_validate(GOOD | change)


def test_questions_without_an_answer_are_refused() -> None:
    plain = ShiftCalendar(zone="Asia/Shanghai")
    with pytest.raises(ValueError, match="shifts"):
        plain.windows(Period.SHIFT, 0, HOUR)
    for start, end in ((5, 5), (0, 40_000 * 24 * HOUR)):
        with pytest.raises(ValueError, match="hundred years"):
            plain.windows(Period.DAY, start, end)
