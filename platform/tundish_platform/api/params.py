"""Query parameters: checked once, refused with words, never a surprise deeper down."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from flask import request

from tundish_platform.api.errors import Problem
from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tundish_platform.samples import SignalInfo

MAX_SIGNALS: Final = 500
MAX_ID: Final = 2**32 - 1
MAX_POINTS: Final = 20_000
MAX_CELLS: Final = 20_000_000
MAX_WINDOW: Final = timedelta(days=3_660)

_MAX_DIGITS = 10


def only(*known: str) -> None:
    """Refuse parameters this route does not have, and any that is given twice."""
    for name in request.args:
        if name not in known:
            raise _wrong(name[:60], "is no parameter here", "不是此接口的参数")
        if len(request.args.getlist(name)) > 1:
            raise _wrong(name, "is given twice", "重复出现")


def signal_ids() -> list[int]:
    """``signals=1,2,3``, needed, without repeats."""
    ids = optional_signal_ids()
    if not ids:
        raise _wrong("signals", "is needed, such as signals=1,2", "必填, 例如 signals=1,2")
    return ids


def optional_signal_ids() -> list[int] | None:
    """``signals=1,2,3`` or nothing."""
    text = request.args.get("signals")
    if text is None:
        return None
    words = text.split(",")
    if len(words) > MAX_SIGNALS:
        raise _wrong("signals", f"names more than {MAX_SIGNALS} signals", f"超过 {MAX_SIGNALS} 个信号")
    numbers = [_number_of_signal(word) for word in words]
    return list(dict.fromkeys(numbers))


def window() -> tuple[datetime, datetime]:
    """``start`` and ``end`` in ISO 8601 with zone, as UTC; the end does not belong to the window."""
    start, end = _instant("start"), _instant("end")
    if start < EARLIEST or end > LATEST:
        raise _wrong(
            "start", f"and end must lie from {EARLIEST:%Y} to {LATEST:%Y}", "和 end 超出可存储的时间范围"
        )
    if start >= end:
        raise _wrong("end", "must be later than start", "必须晚于 start")
    if end - start > MAX_WINDOW:
        raise _wrong(
            "end", f"is more than {MAX_WINDOW.days} days after start", f"距 start 超过 {MAX_WINDOW.days} 天"
        )
    return start, end


def numbers(signals: Sequence[SignalInfo]) -> Sequence[SignalInfo]:
    """The same signals; refused where one has no numbers."""
    for signal in signals:
        if signal.kind not in {SampleKind.NUMERIC, SampleKind.INTEGER}:
            raise _wrong("signals", f"{signal.id} has no numbers", f"中的 {signal.id} 不是数值信号")
    return signals


def max_points() -> int:
    """``max_points``, 2 to `MAX_POINTS`, 1,000 by default."""
    text = request.args.get("max_points", "1000")
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and 2 <= int(text) <= MAX_POINTS):  # noqa: PLR2004 - a trend has two ends
        raise _wrong("max_points", f"must be 2 to {MAX_POINTS}", f"须为 2 至 {MAX_POINTS}")
    return int(text)


def step(start: datetime, end: datetime, columns: int) -> timedelta:
    """``step_s``, seconds above 0.001; refused where the grid would have more than `MAX_CELLS` cells."""
    text = request.args.get("step_s", "")
    try:
        seconds = float(text)
    except ValueError:
        raise _wrong("step_s", "must be a number of seconds", "须为秒数") from None
    if not math.isfinite(seconds) or not 0.001 <= seconds <= MAX_WINDOW.total_seconds():  # noqa: PLR2004 - 1 ms
        raise _wrong("step_s", "must be 0.001 or more seconds", "须不小于 0.001 秒")
    if (end - start).total_seconds() / seconds * columns > MAX_CELLS:
        raise _wrong("step_s", f"would make more than {MAX_CELLS} values", f"将产生超过 {MAX_CELLS} 个值")
    return timedelta(seconds=seconds)


def word(name: str, known: Collection[str], default: str) -> str:
    """One of the known words."""
    text = request.args.get(name, default)
    if text not in known:
        choices = ", ".join(known)
        raise _wrong(name, f"must be one of {choices}", f"须为 {choices} 之一")
    return text


def _number_of_signal(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) <= MAX_ID:
        return int(text)
    raise _wrong("signals", "must be numbers of signals, such as 1,2", "须为信号编号, 例如 1,2")


def _instant(name: str) -> datetime:
    text = request.args.get(name, "")
    try:
        # A plus sign that was not escaped arrives as a blank; no ISO 8601 text holds one otherwise.
        instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if instant.tzinfo is None:
            raise _wrong(name, "needs a time zone, such as Z or +08:00", "需要时区, 例如 Z 或 +08:00")
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(
            name,
            "must be an instant such as 2026-01-31T08:00:00Z",
            "须为时刻, 例如 2026-01-31T08:00:00Z",
        ) from None


def _wrong(name: str, en: str, zh: str) -> Problem:
    return Problem(400, f"Parameter {name} {en}.", f"参数 {name} {zh}。", "bad_parameter")
