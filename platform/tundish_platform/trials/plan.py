"""When an app would have run over a stretch of history. Pure."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

LONGEST: Final = timedelta(days=30)
MAX_RUNS: Final = 720
"""One an hour for thirty days; what would run more often is tried at coarser steps."""


def step_of(schedule_s: float, stretch: timedelta, most: int = MAX_RUNS) -> float:
    """Seconds between the runs: the schedule's, or its least multiple that makes `most` at most."""
    runs = stretch.total_seconds() / schedule_s
    return schedule_s * max(math.ceil(runs / most), 1)


def moments(start: datetime, end: datetime, step_s: float) -> list[datetime]:
    """Ends of the windows: a step after the start and then a step after each other, up to the end."""
    count = int((end - start) / timedelta(seconds=step_s))
    return [start + timedelta(seconds=step_s) * number for number in range(1, count + 1)]


def slowed(step_s: float, left: int, seconds_each: float, budget_s: float) -> float:
    """The step after the first run, whose time says for how many more the budget has room."""
    return step_s * max(math.ceil(left * seconds_each / budget_s), 1)
