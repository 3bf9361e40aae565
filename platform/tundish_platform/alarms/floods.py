"""Alarm floods: more alarms than a person can handle, after ISA-18.2 and EEMUA 191."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# ISA-18.2: a flood begins with more than ten alarms in ten minutes and ends below five in ten minutes.
FLOOD_WINDOW: Final = timedelta(minutes=10)
FLOOD_BEGINS_ABOVE: Final = 10
FLOOD_ENDS_BELOW: Final = 5


@dataclass(frozen=True, slots=True)
class Flood:
    """A stretch of too many alarms.

    Attributes:
        start: when the eleventh alarm within ten minutes came.
        end: when fewer than five lay within the last ten minutes.
        alarms: that came from start to end, with the ten that led to it.
    """

    start: datetime
    end: datetime
    alarms: int


def floods(times: Sequence[datetime]) -> list[Flood]:
    """The floods among the instants at which alarms were raised.

    Args:
        times: ascending.

    Returns:
        In order; the last one's end may lie ahead of the last instant.
    """
    found: list[Flood] = []
    recent: deque[datetime] = deque()
    start: datetime | None = None
    count = 0
    for now in times:
        if start is not None and (end := _ebb(recent)) <= now:
            found.append(Flood(start, end, count))
            start = None
        while recent and recent[0] <= now - FLOOD_WINDOW:
            recent.popleft()
        recent.append(now)
        if start is not None:
            count += 1
        elif len(recent) > FLOOD_BEGINS_ABOVE:
            start, count = now, len(recent)
    if start is not None:
        found.append(Flood(start, _ebb(recent), count))
    return found


def _ebb(recent: deque[datetime]) -> datetime:
    """When, without another alarm, fewer than `FLOOD_ENDS_BELOW` lie within the window."""
    keep = FLOOD_ENDS_BELOW - 1
    return recent[-(keep + 1)] + FLOOD_WINDOW if len(recent) > keep else recent[-1]
