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
FORMATS: Final = ("arrow", "json")
# JSON costs some hundred bytes and several µs a row; Arrow carries more in the same memory and time.
MAX_ANSWERS: Final = {"json": 100_000, "arrow": 1_000_000}
INTERPOLATIONS: Final = ("signal", "step", "line")
MAX_WINDOW: Final = timedelta(days=3_660)

_MAX_DIGITS = 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)


def only(*known: str) -> None:
    """Refuse parameters this route does not have, and any that is given twice."""
    for name in request.args:
        if name not in known:
            raise wrong(name[:60], "is no parameter here", "不是此接口的参数")
        if len(request.args.getlist(name)) > 1:
            raise wrong(name, "is given twice", "重复出现")


def signal_ids() -> list[int]:
    """``signals=1,2,3``, needed, without repeats."""
    ids = optional_signal_ids()
    if not ids:
        raise wrong("signals", "is needed, such as signals=1,2", "必填, 例如 signals=1,2")
    return ids


def optional_signal_ids() -> list[int] | None:
    """``signals=1,2,3`` or nothing."""
    text = request.args.get("signals")
    if text is None:
        return None
    words = text.split(",")
    if len(words) > MAX_SIGNALS:
        raise wrong("signals", f"names more than {MAX_SIGNALS} signals", f"超过 {MAX_SIGNALS} 个信号")
    numbers = [_number_of_signal(word) for word in words]
    return list(dict.fromkeys(numbers))


def window() -> tuple[datetime, datetime]:
    """``start`` and ``end`` in ISO 8601 with zone, as UTC; the end does not belong to the window."""
    start, end = _instant("start"), _instant("end")
    if start < EARLIEST or end > LATEST:
        raise wrong(
            "start", f"and end must lie from {EARLIEST:%Y} to {LATEST:%Y}", "和 end 超出可存储的时间范围"
        )
    if start >= end:
        raise wrong("end", "must be later than start", "必须晚于 start")
    if end - start > MAX_WINDOW:
        raise wrong(
            "end", f"is more than {MAX_WINDOW.days} days after start", f"距 start 超过 {MAX_WINDOW.days} 天"
        )
    return start, end


def some_window() -> tuple[datetime | None, datetime | None]:
    """``start`` and ``end`` like `window`, each where it is given."""
    start, end = (_instant(name) if name in request.args else None for name in ("start", "end"))
    if start is not None and end is not None and start >= end:
        raise wrong("end", "must be later than start", "必须晚于 start")
    return start, end


def micros(instant: datetime) -> int:
    """µs since 1970."""
    return (instant - _EPOCH) // _US


def kind() -> SampleKind:
    """``kind`` of the samples, numeric by default; gaps have a route of their own."""
    known = [kind.value for kind in SampleKind if kind is not SampleKind.GAP]
    return SampleKind(word("kind", known, SampleKind.NUMERIC.value))


def interpolation(signals: Sequence[SignalInfo], default: str) -> dict[int, bool]:
    """``interpolation``, by signal: true where values are held until the next sample, false for lines."""
    chosen = word("interpolation", INTERPOLATIONS, default)
    return {s.id: s.step if chosen == "signal" else chosen == "step" for s in signals}


def numbers(signals: Sequence[SignalInfo]) -> Sequence[SignalInfo]:
    """The same signals; refused where one has no numbers."""
    for signal in signals:
        if signal.kind not in {SampleKind.NUMERIC, SampleKind.INTEGER}:
            raise wrong("signals", f"{signal.id} has no numbers", f"中的 {signal.id} 不是数值信号")
    return signals


def whole(name: str, least: int, most: int, default: int) -> int:
    """A whole number within bounds."""
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and least <= int(text) <= most):
        raise wrong(name, f"must be {least} to {most}", f"须为 {least} 至 {most}")
    return int(text)


def step(start: datetime, end: datetime, columns: int, most: int = MAX_CELLS) -> timedelta:
    """``step_s``, seconds above 0.001; refused where there would be more than so many values."""
    text = request.args.get("step_s", "")
    try:
        seconds = float(text)
    except ValueError:
        raise wrong("step_s", "must be a number of seconds", "须为秒数") from None
    if not math.isfinite(seconds) or not 0.001 <= seconds <= MAX_WINDOW.total_seconds():  # noqa: PLR2004 - 1 ms
        raise wrong("step_s", "must be 0.001 or more seconds", "须不小于 0.001 秒")
    if (end - start).total_seconds() / seconds * columns > most:
        raise wrong("step_s", f"would make more than {most} values", f"将产生超过 {most} 个值")
    return timedelta(seconds=seconds)


def word(name: str, known: Collection[str], default: str) -> str:
    """One of the known words."""
    text = request.args.get(name, default)
    if text not in known:
        choices = ", ".join(known)
        raise wrong(name, f"must be one of {choices}", f"须为 {choices} 之一")
    return text


def text(name: str, longest: int) -> str:
    """A short text without a NUL, which PostgreSQL cannot hold; empty if absent."""
    found = request.args.get(name, "")
    if len(found) > longest or "\0" in found:
        raise wrong(name, f"must be at most {longest} characters", f"不得超过 {longest} 个字符")
    return found


def _number_of_signal(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) <= MAX_ID:
        return int(text)
    raise wrong("signals", "must be numbers of signals, such as 1,2", "须为信号编号, 例如 1,2")


def _instant(name: str) -> datetime:
    text = request.args.get(name, "")
    try:
        # A plus sign that was not escaped arrives as a blank; no ISO 8601 text holds one otherwise.
        instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if instant.tzinfo is None:
            raise wrong(name, "needs a time zone, such as Z or +08:00", "需要时区, 例如 Z 或 +08:00")
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong(
            name,
            "must be an instant such as 2026-01-31T08:00:00Z",
            "须为时刻, 例如 2026-01-31T08:00:00Z",
        ) from None


def wrong(name: str, en: str, zh: str) -> Problem:
    """The refusal of a parameter, to be raised."""
    return Problem(400, f"Parameter {name} {en}.", f"参数 {name} {zh}。", "bad_parameter")
