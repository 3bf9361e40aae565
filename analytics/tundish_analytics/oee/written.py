"""Shift calendars that people write down as text: ``08:00-20:00 20:00-08:00``, breaks, working days."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from tundish_analytics.oee.calendar import ShiftCalendar, ShiftRule

if TYPE_CHECKING:
    from collections.abc import Mapping

WEEK: Final = "1234567"
_ALWAYS: Final = ShiftRule("all", time(0), time(0))


def written_calendar(settings: Mapping[str, float | str], zone: str) -> ShiftCalendar:
    """The calendar of ``shifts``, ``breaks``, ``days`` and ``zone``; all time is planned without any shift.

    Args:
        settings: texts as written; absent ones leave nothing out.
        zone: IANA name where the settings name none.

    Raises:
        ValueError: a time, day or zone cannot be read, or a break lies in no shift.
    """
    rules = _rules(settings)
    days = str(settings.get("days", WEEK))
    if not days or set(days) - set(WEEK):
        raise ValueError(f"days {days!r}")
    named = str(settings.get("zone", zone))
    try:
        ZoneInfo(named)
    except (KeyError, OSError) as error:
        raise ValueError(f"zone {named!r}") from error
    return ShiftCalendar(named, tuple(rules if day in days else () for day in WEEK))


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
