"""Shift calendars, which the platform keeps for its reports too: `tundish_platform.samples.shifts`."""

from __future__ import annotations

from tundish_platform.samples.shifts import Shift, ShiftCalendar, ShiftRule, Span, instant

__all__ = ["Shift", "ShiftCalendar", "ShiftRule", "Span", "instant"]
