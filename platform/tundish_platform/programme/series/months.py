"""Calendar months, written ``2026-02``, as China's days bound them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

CLOCK: Final = ZoneInfo("Asia/Shanghai")
_SHAPE: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def month_of(moment: datetime) -> str:
    """The month an instant lies in."""
    return moment.astimezone(CLOCK).strftime("%Y-%m")


def shifted(month: str, by: int) -> str:
    """The month so many months later.

    Raises:
        ValueError: not a month.
    """
    found = _SHAPE.fullmatch(month)
    if found is None:
        raise ValueError(f"{month!r} is no month like 2026-02")
    number = int(found[1]) * 12 + int(found[2]) - 1 + by
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def bounds(month: str) -> tuple[datetime, datetime]:
    """Begin and end of a month, the end excluded."""
    begin, end = (datetime.strptime(m, "%Y-%m").replace(tzinfo=CLOCK) for m in (month, shifted(month, 1)))
    return begin, end


def row_of(first: str, last: str) -> tuple[str, ...]:
    """All months from one to another, both included; empty when the last lies before the first."""
    months = []
    while first <= last:
        months.append(first)
        first = shifted(first, 1)
    return tuple(months)


def complete(first: datetime, now: datetime) -> tuple[str, ...]:
    """The months that were over at `now`, from the one in which `first` lies."""
    return row_of(month_of(first), shifted(month_of(now), -1))
