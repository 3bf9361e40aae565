"""The stretch of time that the explorer shows, as the browser keeps it and as the server reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NoReturn

from flask import abort

from tundish_platform.store.rows import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

SPANS: Final[Mapping[str, timedelta]] = {
    "10m": timedelta(minutes=10),
    "1h": timedelta(hours=1),
    "8h": timedelta(hours=8),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "1y": timedelta(days=366),
}
FIRST_SPAN: Final = "1h"
SHORTEST: Final = timedelta(milliseconds=1)
LONGEST: Final = timedelta(days=3660)
# How far back the line lies that a window is compared with; its own length where nothing is said.
COMPARED: Final[Mapping[str, timedelta | None]] = {
    "none": None,
    "before": timedelta(0),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
_LONGEST_TEXT: Final = 40


@dataclass(frozen=True, slots=True)
class Window:
    """``[start, end)``.

    Attributes:
        start: first instant.
        end: first instant behind it.
        follows: name of the span that ends where data ends; empty for a window that stands.
    """

    start: datetime
    end: datetime
    follows: str = ""

    @property
    def length(self) -> timedelta:
        """From start to end."""
        return self.end - self.start

    def kept(self, zone: ZoneInfo) -> dict[str, str]:
        """What the browser keeps of it: wall-clock texts, as its chart's axis has them."""
        return {"from": _text(self.start, zone), "to": _text(self.end, zone), "span": self.follows}


def wished_window(wish: object, zone: ZoneInfo, newest: datetime) -> Window:
    """The window that a browser asked for; the first span where it asked for none.

    Args:
        wish: ``{"span": "8h"}``, or ``{"from": …, "to": …}`` in ISO 8601 without zone, of the plant's clock.
        zone: the plant's.
        newest: where data ends.
    """
    asked: object = {"span": FIRST_SPAN} if wish is None else wish
    if not isinstance(asked, dict):
        _refuse()
    span = asked.get("span")
    if isinstance(span, str) and span in SPANS:
        end = min(newest + timedelta(microseconds=1), LATEST)
        return Window(max(end - SPANS[span], EARLIEST), end, span)
    start, end = (_instant(asked.get(name), zone) for name in ("from", "to"))
    if start > end:
        start, end = end, start
    if end - start > LONGEST:
        start = end - LONGEST
    if end - start < SHORTEST:
        end = start + SHORTEST
    if end > LATEST:
        start, end = LATEST - (end - start), LATEST
    return Window(max(start, EARLIEST), end)


def _instant(value: object, zone: ZoneInfo) -> datetime:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        _refuse()
    try:
        local = datetime.fromisoformat(value)
        moment = (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        _refuse()
    return min(max(moment, EARLIEST), LATEST)


def _text(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _refuse() -> NoReturn:
    abort(400, description="The page sent the time range in a form that the server does not know.")
