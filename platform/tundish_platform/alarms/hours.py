"""Hours of the week on the plant's own clock: when a rule is on, when a step of an escalation may tell."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

_US: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)


class Hours(BaseModel):
    """A stretch of the wall clock on some days of the week, such as a night shift.

    Attributes:
        days: on which it begins; 1 is Monday, 7 is Sunday.
        begins, ends: on the plant's clock; an end that is not later than the beginning lies on the next day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1, max_length=7)]
    begins: time
    ends: time

    @field_validator("begins", "ends")
    @classmethod
    def _on_the_plants_clock(cls, at: time) -> time:
        if at.tzinfo is not None:
            raise ValueError("is on the plant's own clock and takes no time zone")
        return at


Weekly = Annotated[tuple[Hours, ...], Field(max_length=21)]
"""Hours of a week; none at all means always."""


def holds(weekly: tuple[Hours, ...], zone: ZoneInfo, at: datetime) -> bool:
    """Whether an instant lies within the hours."""
    return bool(within(weekly, zone, np.array([(at - _EPOCH) // _US], dtype=np.int64))[0])


def within(weekly: tuple[Hours, ...], zone: ZoneInfo, ts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which instants lie within the hours.

    Args:
        weekly: hours; none means always.
        zone: the plant's.
        ts: µs since 1970, ascending, shape ``(n,)``.

    Returns:
        Shape ``(n,)``.
    """
    inside = np.full(len(ts), not weekly)
    if not weekly or len(ts) == 0:
        return inside
    for begin, end in _spans(weekly, zone, int(ts[0]), int(ts[-1])):
        inside[np.searchsorted(ts, begin) : np.searchsorted(ts, end)] = True
    return inside


def _spans(weekly: tuple[Hours, ...], zone: ZoneInfo, first: int, last: int) -> list[tuple[int, int]]:
    # The stretch that began the evening before may still hold.
    day = (_EPOCH + first * _US).astimezone(zone).date() - _DAY
    end = (_EPOCH + last * _US).astimezone(zone).date()
    spans = []
    while day <= end:
        for hours in weekly:
            if day.isoweekday() in hours.days:
                until = day if hours.ends > hours.begins else day + _DAY
                spans.append(
                    (
                        (datetime.combine(day, hours.begins, zone) - _EPOCH) // _US,
                        (datetime.combine(until, hours.ends, zone) - _EPOCH) // _US,
                    )
                )
        day += _DAY
    return spans
