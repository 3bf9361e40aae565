"""A shift plan as people write it down, and the calendar it stands for."""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import pairwise
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tundish_platform.samples.shifts import ShiftCalendar, ShiftRule

MAX_SHIFTS: Final = 8
MAX_EXCEPTIONS: Final = 200
MAX_PEOPLE: Final = 50
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY

Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Name = Annotated[
    str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]*[^\s\x00-\x1f][^\x00-\x1f]*$")
]
_Path = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]
_Strict: Final = ConfigDict(frozen=True, extra="forbid")


class ShiftSpec(BaseModel):
    """One shift by the plant's clock.

    Attributes:
        ends: on the next day where it is not after `begins`; the same time is a whole day.
        days: on which it begins, 1 for Monday to 7.
        breaks: begin and end of each planned break.
    """

    model_config = _Strict

    code: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[A-Za-z0-9_-]+$")]
    name_zh: _Name
    name_en: _Name
    begins: Clock
    ends: Clock
    days: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1, max_length=7)] = (
        1, 2, 3, 4, 5, 6, 7,
    )  # fmt: skip
    breaks: Annotated[tuple[tuple[Clock, Clock], ...], Field(max_length=6)] = ()

    @property
    def minutes(self) -> int:
        """How long it lasts by the clock, 1 to 1440."""
        return (_minutes(self.ends) - _minutes(self.begins) - 1) % _DAY + 1

    @model_validator(mode="after")
    def _check(self) -> Self:
        for low, high in self.breaks:
            begin = (_minutes(low) - _minutes(self.begins)) % _DAY
            length = (_minutes(high) - _minutes(low)) % _DAY
            if not length or begin + length > self.minutes:
                raise ValueError(f"the break {low}-{high} lies outside the shift {self.code}")
        return self

    def rule(self) -> ShiftRule:
        """The same for a `ShiftCalendar`."""
        spans = tuple((time.fromisoformat(low), time.fromisoformat(high)) for low, high in self.breaks)
        return ShiftRule(self.code, time.fromisoformat(self.begins), time.fromisoformat(self.ends), spans)


class DayException(BaseModel):
    """A day with other shifts than its weekday's: codes of the plan's shifts; none for a holiday."""

    model_config = _Strict

    day: date
    shifts: Annotated[tuple[str, ...], Field(max_length=MAX_SHIFTS)] = ()


class HandoverMailing(BaseModel):
    """Who gets the report by mail after each shift.

    Attributes:
        channel: number of a mail channel.
        people: numbers of people whose mail addresses are known.
        after_min: minutes from the shift's end, for data that is on its way.
    """

    model_config = _Strict

    channel: Annotated[int, Field(ge=1, le=2**31 - 1)]
    people: Annotated[
        tuple[Annotated[int, Field(ge=1, le=2**31 - 1)], ...], Field(min_length=1, max_length=MAX_PEOPLE)
    ]
    language: Literal["zh", "en"] = "zh"
    after_min: Annotated[int, Field(ge=0, le=240)] = 10


class ShiftPlanSpec(BaseModel):
    """The shifts of a site, an area or a line, and what is measured there.

    Attributes:
        zone: IANA name; the enterprise's own where it is empty.
        shifts: none where those of the place above hold.
        state, total, rejects: paths of the signals that tell the state, all pieces and bad ones; where one
            is empty it is looked for by what the line's signals mean.
        ideal_s: seconds that a piece takes at best; without it there is no performance and no OEE.
        target: pieces that each shift is to make; none where nobody plans them.
    """

    model_config = _Strict

    path: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]
    zone: Annotated[str, Field(max_length=60)] = ""
    shifts: Annotated[tuple[ShiftSpec, ...], Field(max_length=MAX_SHIFTS)] = ()
    exceptions: Annotated[tuple[DayException, ...], Field(max_length=MAX_EXCEPTIONS)] = ()
    state: _Path = ""
    total: _Path = ""
    rejects: _Path = ""
    ideal_s: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None = None
    target: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] | None = None
    mail: HandoverMailing | None = None

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        if zone:
            try:
                ZoneInfo(zone)
            except (KeyError, OSError, ValueError) as error:
                raise ValueError(f"no time zone {zone[:60]}") from error
        return zone

    @model_validator(mode="after")
    def _check(self) -> Self:
        codes = [shift.code for shift in self.shifts]
        if len(set(codes)) < len(codes):
            raise ValueError("two shifts have the same code")
        if unknown := {code for one in self.exceptions for code in one.shifts} - set(codes):
            raise ValueError(f"an exception names the shift {min(unknown)}, which the plan does not have")
        if len({one.day for one in self.exceptions}) < len(self.exceptions):
            raise ValueError("a day has two exceptions")
        _check_overlap([(day, shift) for shift in self.shifts for day in set(shift.days)])
        return self

    def calendar(self, zone: str) -> ShiftCalendar:
        """The plan's shifts; ``zone`` holds where the plan names none."""
        rules = {shift.code: shift.rule() for shift in self.shifts}
        week = tuple(
            tuple(rules[shift.code] for shift in self.shifts if day in shift.days) for day in range(1, 8)
        )
        exceptions = {one.day: tuple(rules[code] for code in one.shifts) for one in self.exceptions}
        return ShiftCalendar(self.zone or zone, week, exceptions)


class ShiftPlanView(ShiftPlanSpec):
    """A plan as it is kept."""

    id: int
    since: datetime
    version: int
    changed_by: str
    changed_at: datetime


def _check_overlap(found: list[tuple[int, ShiftSpec]]) -> None:
    """No shift of the week may begin before the one before it ends, Sunday's night into Monday included."""
    spans = sorted(
        ((day - 1) * _DAY + _minutes(shift.begins), shift.minutes, shift.code) for day, shift in found
    )
    around = [*spans, *((begin + _WEEK, length, code) for begin, length, code in spans[:1])]
    for (begin, length, code), (later, _, other) in pairwise(around):
        if later < begin + length:
            raise ValueError(f"the shift {other} begins before {code} ends")


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
