from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tundish_platform.alarms.hours import Hours, holds, within
from tundish_platform.alarms.limits import Limit, LimitKind, Watch, judge

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NIGHT = Hours.model_validate({"days": [5], "begins": "22:00", "ends": "06:00"})


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-06T21:59:59+08:00", False), ("2026-03-06T22:00:00+08:00", True),
        ("2026-03-07T05:59:59+08:00", True), ("2026-03-07T06:00:00+08:00", False),
        ("2026-03-07T23:00:00+08:00", False),
    ],
)  # fmt: skip
def test_a_night_shift_belongs_to_the_day_it_begins_on(at: str, expected: bool) -> None:
    assert holds((NIGHT,), SHANGHAI, datetime.fromisoformat(at)) is expected


def test_no_hours_mean_always_and_equal_ends_a_whole_day() -> None:
    at = datetime(2026, 3, 6, 12, tzinfo=UTC)
    assert holds((), SHANGHAI, at)
    friday = Hours.model_validate({"days": [5], "begins": "00:00", "ends": "00:00"})
    inside = [
        at + timedelta(hours=h) for h in range(-24, 24) if holds((friday,), SHANGHAI, at + timedelta(hours=h))
    ]
    assert len(inside) == 24
    assert {t.astimezone(SHANGHAI).isoweekday() for t in inside} == {5}


def test_the_wall_clock_counts_when_summer_time_begins() -> None:
    shift = Hours.model_validate({"days": [6], "begins": "22:00", "ends": "06:00"})
    start = datetime(2026, 3, 28, 21, tzinfo=UTC)
    minutes = [start + timedelta(minutes=m) for m in range(600)]
    assert sum(holds((shift,), BERLIN, m) for m in minutes) == 7 * 60


@given(st.lists(st.integers(0, 14 * 86_400), min_size=1, max_size=30).map(sorted))
def test_many_instants_are_judged_like_each_alone(seconds: list[int]) -> None:
    base = datetime(2026, 10, 20, tzinfo=UTC)
    ts = np.array([round((base.timestamp() + s) * 1e6) for s in seconds], dtype=np.int64)
    alone = [holds((NIGHT,), BERLIN, base + timedelta(seconds=s)) for s in seconds]
    assert within((NIGHT,), BERLIN, ts).tolist() == alone


def test_hours_with_a_zone_or_an_eighth_day_are_refused() -> None:
    for wrong in ({"days": [8]}, {"days": []}, {"begins": "08:00+08:00"}, {"ends": "25:00"}):
        with pytest.raises(ValidationError):
            Hours.model_validate({"days": [1], "begins": "08:00", "ends": "16:00"} | wrong)


def test_off_duty_samples_raise_nothing_and_clear_what_was_raised() -> None:
    ts = np.arange(4, dtype=np.int64) * 1_000_000
    value, status = np.full(4, 9.0), np.zeros(4, dtype=np.uint32)
    limit = Limit(LimitKind.HIGH, threshold=5.0)
    duty = np.array([False, True, True, False])
    watch, changes = judge(limit, Watch(), ts, value, status, duty)
    assert [(c.active, c.ts) for c in changes] == [(True, 1_000_000), (False, 3_000_000)]
    assert not watch.active
