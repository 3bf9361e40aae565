"""The shift calendar that a subscriber writes down as text."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tundish_analytics.oee.written import written_calendar

if TYPE_CHECKING:
    from tundish_analytics.oee.calendar import Shift
    from tundish_platform.sdk import AppInputs


def planned(inputs: AppInputs) -> list[Shift]:
    """The shifts that touch the window, by the subscription's parameters.

    Raises:
        ValueError: a time, day or zone cannot be read, or shifts overlap.
    """
    calendar = written_calendar(inputs.parameters, "Asia/Shanghai")
    here = ZoneInfo(calendar.zone)
    first, last = (moment.astimezone(here).date() for moment in (inputs.start, inputs.end))
    # A shift of the evening before may reach into the window.
    return calendar.shifts(first.fromordinal(first.toordinal() - 1), last)
