"""Change against the beginning, its stage, and when a limit is passed once degradation has begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.condition.bearing import (
    BEGINNING,
    CHANGED_DB,
    RECENT,
    SEVERE_DB,
    BearingBaseline,
    Change,
)
from tundish_analytics.life.degradation import LEAST, NoDrift, WienerDegradation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.life.degradation import Passage
    from tundish_app_bearing_health.blocks import Blocks

    Values = NDArray[np.float64]

# P10 to P90.
_LEVEL: Final = 0.8
# Degradation is taken to begin where the smoothed change last left half of what counts as changed.
_BEGUN_DB: Final = CHANGED_DB / 2
_SMOOTH: Final = 9
_DB: Final = 20 / np.log(10)


@dataclass(frozen=True, slots=True)
class Health:
    """What is said of a bearing.

    Attributes:
        change: of the last blocks, dB.
        leading: index of the indicator that changed most.
        course: smoothed change of that indicator, dB, shape ``(n,)``.
        stage: ``steady``, ``changed`` or ``severe``.
        begun: index of the block where degradation began; None while steady.
        limit_db: change at the limit; None where none is given.
        passage: hours until the limit; None while steady, without a limit, or where no drift towards it is
            sure.
    """

    change: Change
    leading: int
    course: Values
    stage: str
    begun: int | None
    limit_db: float | None
    passage: Passage | None


def judge(blocks: Blocks, baseline: float | None, limit: float | None) -> Health | None:
    """Judge blocks in time order; None below 70 of them (11 with a baseline that is given).

    Args:
        blocks: of one signal.
        baseline: RMS when healthy; without it the first 60 blocks.
        limit: RMS at which to stop; without it no time is told.
    """
    learnt = 1 if baseline is not None else BEGINNING
    if len(blocks.rows) < learnt + RECENT:
        return None
    beginning = BearingBaseline.fit(blocks.rows[:BEGINNING])
    if baseline is not None:
        shift = np.log(baseline) - beginning.middle[0]
        # Of waveforms the other indicators are taken to have grown as the RMS has.
        beginning = BearingBaseline(beginning.rows + shift, beginning.middle + shift)
    change = beginning.change(blocks.rows[-RECENT:])
    leading = int(change.decibels.argmax())
    decibels = beginning.decibels(blocks.rows)
    course = _smoothed(decibels[:, leading])
    stage = stage_of(change)
    limit_db = None if limit is None else _DB * float(np.log(limit) - beginning.middle[0])
    if stage == "steady":
        return Health(change, leading, course, stage, None, limit_db, None)
    low = np.flatnonzero(course < _BEGUN_DB)
    begun = int(low[-1]) + 1 if low.size else 0
    return Health(
        change, leading, course, stage, begun, limit_db, _passage(blocks.hours, course, begun, limit_db)
    )


def stage_of(change: Change) -> str:
    """A change whose interval reaches below half the limit does not count."""
    for name, limit in (("severe", SEVERE_DB), ("changed", CHANGED_DB)):
        if change.value >= limit and change.low >= limit / 2:
            return name
    return "steady"


def _passage(hours: Values, course: Values, begun: int, limit_db: float | None) -> Passage | None:
    """Of the course since degradation began, at every so-manieth block: smoothed neighbours are not free."""
    chosen = np.arange(len(course) - 1, max(begun - 1, 0), -_SMOOTH)[::-1]
    if limit_db is None or chosen.size <= LEAST:
        return None
    try:
        return WienerDegradation.fit(hours[chosen], course[chosen]).passage(limit_db, level=_LEVEL)
    except NoDrift:
        return None


def _smoothed(values: Values) -> Values:
    """Median of the last nine blocks."""
    padded = np.concatenate([np.full(_SMOOTH - 1, values[0]), values])
    smooth: Values = np.median(np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH), axis=1)
    return smooth
