"""A calendar and states that several tests of effectiveness use."""

from __future__ import annotations

from datetime import time

import pytest

from tundish_analytics.oee import ShiftCalendar, ShiftRule

_DAY = ShiftRule("day", time(8), time(20), ((time(12), time(13)),))
_NIGHT = ShiftRule("night", time(20), time(8), ((time(0), time(1)),))


@pytest.fixture(scope="session")
def two_shifts() -> ShiftCalendar:
    """Two shifts of twelve hours with an hour's break each, every day, in Shanghai."""
    return ShiftCalendar("Asia/Shanghai", ((_DAY, _NIGHT),) * 7)
