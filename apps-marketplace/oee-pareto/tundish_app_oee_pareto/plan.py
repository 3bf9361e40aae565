"""The shift calendar that a subscriber writes down as text."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tundish_analytics.oee.calendar import ShiftCalendar, ShiftRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tundish_analytics.oee.calendar import Shift
    from tundish_platform.sdk import AppInputs

_WEEK = "1234567"
_ALWAYS = ShiftRule("all", time(0), time(0))


def planned(inputs: AppInputs) -> list[Shift]:
    """The shifts that touch the window, by the subscription's parameters.

    Raises:
        ValueError: a time, day or zone cannot be read, or shifts overlap.
    """
    settings = inputs.parameters
    rules = _rules(settings)
    days = str(settings.get("days", _WEEK))
    if not days or set(days) - set(_WEEK):
        raise ValueError(f"days {days!r}")
    zone = str(settings.get("zone", "Asia/Shanghai"))
    try:
        here = ZoneInfo(zone)
    except (KeyError, OSError) as error:
        raise ValueError(f"zone {zone!r}") from error
    calendar = ShiftCalendar(zone, tuple(rules if day in days else () for day in _WEEK))
    first, last = (moment.astimezone(here).date() for moment in (inputs.start, inputs.end))
    # A shift of the evening before may reach into the window.
    return calendar.shifts(first.fromordinal(first.toordinal() - 1), last)


def _rules(settings: Mapping[str, float | str]) -> tuple[ShiftRule, ...]:
    spans, breaks = (_spans(str(settings.get(key, ""))) for key in ("shifts", "breaks"))
    if not spans:
        return (ShiftRule(_ALWAYS.name, _ALWAYS.start, _ALWAYS.end, tuple(breaks)),)
    homeless = [one for one in breaks if not any(_within(one, span) for span in spans)]
    if homeless:
        raise ValueError(f"break {homeless[0][0]:%H:%M}-{homeless[0][1]:%H:%M} lies in no shift")
    return tuple(
        ShiftRule(f"{low:%H:%M}", low, high, tuple(one for one in breaks if _within(one, (low, high))))
        for low, high in spans
    )


def _spans(text: str) -> list[tuple[time, time]]:
    return [(_clock(low), _clock(high)) for low, _, high in (part.partition("-") for part in text.split())]


def _clock(text: str) -> time:
    return time(0) if text == "24:00" else datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a clock's hands


def _within(inner: tuple[time, time], outer: tuple[time, time]) -> bool:
    """Whether a break begins and ends in a shift, which may pass midnight."""
    low, length = _minutes(outer[0]), (_minutes(outer[1]) - _minutes(outer[0]) - 1) % 1440 + 1
    begin = (_minutes(inner[0]) - low) % 1440
    return begin < length and begin + (_minutes(inner[1]) - _minutes(inner[0])) % 1440 <= length


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute
