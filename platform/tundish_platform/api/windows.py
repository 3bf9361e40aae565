"""Query parameters that cut a stretch into windows: by hour, shift, day, week and month, or by a step."""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from flask import request

from tundish_platform.api import params
from tundish_platform.api.params import wrong
from tundish_platform.store.query.windows import CalendarWindows, Period, Shift, ShiftCalendar
from tundish_platform.tenancy.accounts import tenant_of_scope

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.tenancy import TenantScope

MAX_SHIFTS: Final = 24

_STEP: Final = "step"
_BY: Final = (*(period.value for period in Period), _STEP)
_WALL: Final = re.compile(r"[0-9]{2}:[0-9]{2}")
_PLANT: Final = ("zone", "shifts", "day_begins")
# A parameter without effect would let people believe that it had one.
_TAKES: Final = {_STEP: ("step_s",), Period.HOUR.value: ("zone",), Period.DAY.value: ("zone",)}


def windows(context: PlatformContext, scope: TenantScope, signals: int, most: int) -> CalendarWindows:
    """Windows as the request's parameters say, by time.

    Windows of a calendar are whole ones that overlap ``[start, end)``. Steps count from the start; the last
    of them ends at the end, and they have neither day nor shift.

    Args:
        context: knows the tenant's own time zone.
        scope: whose calendar.
        signals: how many there are of which each window asks.
        most: signals × windows at most.
    """
    start, end = params.window()
    by = params.word("by", _BY, "")
    for name in ("step_s", *_PLANT):
        if name in request.args and name not in _TAKES.get(by, _PLANT):
            raise wrong(name, f"has no meaning with by={by}", f"与 by={by} 不能同时使用")
    if by == _STEP:
        return _steps(start, end, signals, most)
    cut = _calendar(context, scope, by).windows(Period(by), params.micros(start), params.micros(end))
    if len(cut) * signals > most:
        raise wrong(
            "by",
            f"would make more than {most} values; ask for longer windows, fewer signals or a shorter stretch",
            f"将产生超过 {most} 个值; 请加大窗口, 减少信号或缩短时间段",
        )
    return cut


def named(table: pa.Table, cut: CalendarWindows) -> pa.Table:
    """Rows with what their windows are called: columns ``day`` and ``shift`` behind ``end``.

    Args:
        table: with the column ``start``.
        cut: the windows in which the rows lie.
    """
    at = np.searchsorted(cut.bounds[:, 0], table["start"].cast(pa.int64()).to_numpy())
    codes = pa.array([shift.code for shift in cut.shifts], pa.string())
    shift = pa.array(cut.shift[at], mask=cut.shift[at] < 0)
    place = table.column_names.index("end") + 1
    table = table.add_column(place, "day", pa.array(cut.day[at].astype("datetime64[D]"), pa.date32()))
    return table.add_column(place + 1, "shift", codes.take(shift))


def _steps(start: datetime, end: datetime, signals: int, most: int) -> CalendarWindows:
    step = params.step(start, end, signals, most) // timedelta(microseconds=1)
    first, last = params.micros(start), params.micros(end)
    cuts = np.arange(first, last, step, dtype=np.int64)
    bounds = np.column_stack([cuts, np.append(cuts[1:], last)])
    nothing: NDArray[np.datetime64] = np.full(len(cuts), "NaT", dtype="datetime64[D]")
    return CalendarWindows(bounds, nothing, np.full(len(cuts), -1, dtype=np.int64), ())


def _calendar(context: PlatformContext, scope: TenantScope, by: str) -> ShiftCalendar:
    begins = _shifts()
    if by == Period.SHIFT.value and not begins:
        raise wrong("shifts", "is needed with by=shift, such as shifts=08:00,20:00", "必填, 例如 08:00,20:00")
    text = request.args.get("day_begins")
    # The shift that is named first begins the day, unless another one is said to.
    day = _wall("day_begins", text) if text is not None else begins[0] if begins else time(0)
    if begins and day not in begins:
        raise wrong("day_begins", "must be one of the times in shifts", "须为 shifts 中的时间之一")
    named_by_time = tuple(
        Shift(code=f"{at:%H:%M}", name_zh=f"{at:%H:%M}", name_en=f"{at:%H:%M}", begins=at) for at in begins
    )
    return ShiftCalendar(zone=_zone(context, scope), shifts=named_by_time, day_begins=day)


def _shifts() -> list[time]:
    text = request.args.get("shifts")
    if text is None:
        return []
    words = text.split(",")
    if len(words) > MAX_SHIFTS:
        raise wrong("shifts", f"names more than {MAX_SHIFTS} shifts", f"超过 {MAX_SHIFTS} 个班次")
    begins = [_wall("shifts", word) for word in words]
    if len(set(begins)) < len(begins):
        raise wrong("shifts", "names a time twice", "有重复的时间")
    return begins


def _wall(name: str, text: str) -> time:
    try:
        if _WALL.fullmatch(text):
            return time.fromisoformat(text)
    except ValueError:
        pass
    raise wrong(name, "must be times on the plant's clock, such as 08:00", "须为当地时间, 例如 08:00")


def _zone(context: PlatformContext, scope: TenantScope) -> str:
    """``zone``, or the tenant's own."""
    name = request.args.get("zone")
    if name is None:
        with context.metadata.session() as session:
            return tenant_of_scope(session, scope).timezone
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise wrong(
            "zone", "must be a time zone such as Asia/Shanghai", "须为时区, 例如 Asia/Shanghai"
        ) from None
    return name
