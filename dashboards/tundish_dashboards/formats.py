"""Numbers and times as people of the chosen language write them, in the plant's own time zone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from babel.dates import format_datetime, get_timezone_gmt
from babel.numbers import format_decimal, format_percent

from tundish_dashboards.i18n import Language, Texts, texts

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

_MINUTE = 60
_HOUR = 3600
_DAY = 86400
_LARGE = 1000.0
# UCUM codes that people write otherwise; all others are shown as they are.
_UNITS = {"Cel": "°C", "kW.h": "kWh", "kvar.h": "kvarh", "Ohm": "Ω", "m/s2": "m/s²", "m3/h": "m³/h", "1": ""}


def unit_text(unit: str) -> str:
    """A UCUM code as people write it."""
    return _UNITS.get(unit, unit)


@dataclass(frozen=True, slots=True)
class Formats:
    """How one reader sees numbers and times.

    Attributes:
        language: decides separators, order of date parts and words.
        zone: time zone in which every instant is shown.
    """

    language: Language
    zone: ZoneInfo

    @property
    def _t(self) -> Texts:
        return texts(self.language)

    def number(self, value: float | None, digits: int | None = None) -> str:
        """A number with ``digits`` decimals, or about four significant ones; a dash for none."""
        return self._decimal(value, digits, "0")

    def brief(self, value: float | None, digits: int | None = None) -> str:
        """Like `number`, without zeros at the end: for values that stand alone and do not change in place."""
        return self._decimal(value, digits, "#")

    def _decimal(self, value: float | None, digits: int | None, place: str) -> str:
        if value is None or not math.isfinite(value):
            return "–"
        places = _places(value) if digits is None else digits
        pattern = f"#,##0.{place * places}".rstrip(".")
        return str(format_decimal(value, format=pattern, locale=self.language.locale))

    def quantity(self, value: float | None, unit: str, digits: int | None = None) -> str:
        """A number with its unit."""
        shown = unit_text(unit)
        return f"{self.number(value, digits)} {shown}".rstrip()

    def percent(self, share: float | None, digits: int = 1) -> str:
        """A share of 1 as percent, rounded down below 100 %, so that 99.99 % never reads as complete."""
        if share is None or not math.isfinite(share):
            return "–"
        scale = 10.0 ** (digits + 2)
        kept = math.floor(share * scale + 1e-9) / scale if share < 1 else share
        return str(
            format_percent(kept, format=f"0.{'0' * digits}%".replace(".%", "%"), locale=self.language.locale)
        )

    def moment(self, at: datetime | None, *, seconds: bool = True) -> str:
        """Date and time in the plant's zone; a dash for none."""
        if at is None:
            return "–"
        pattern = "yyyy-MM-dd HH:mm:ss" if seconds else "yyyy-MM-dd HH:mm"
        return str(format_datetime(at, pattern, tzinfo=self.zone, locale=self.language.locale))

    def clock(self, at: datetime | None) -> str:
        """Time of day in the plant's zone."""
        return (
            "–"
            if at is None
            else str(format_datetime(at, "HH:mm:ss", tzinfo=self.zone, locale=self.language.locale))
        )

    def zone_text(self, at: datetime) -> str:
        """The zone's name with its offset at an instant, ``Asia/Shanghai (UTC+08:00)``."""
        offset = get_timezone_gmt(at.astimezone(self.zone), locale="en", width="long").replace("GMT", "UTC")
        return f"{self.zone.key} ({offset})"

    def span(self, length: timedelta | None) -> str:
        """A length of time in its largest fitting unit, ``3 min``."""
        if length is None:
            return "–"
        seconds = length.total_seconds()
        for size, key in ((_DAY, "span.days"), (_HOUR, "span.hours"), (_MINUTE, "span.minutes")):
            if seconds >= 2 * size:
                return self._t(key, n=self.brief(seconds / size, 1))
        return self._t("span.seconds", n=self.number(max(seconds, 0.0), 0 if seconds >= 1 else 1))


def _places(value: float) -> int:
    size = abs(value)
    if size >= _LARGE or size == 0:
        return 0 if float(value).is_integer() else 1
    return max(0, min(6, 3 - math.floor(math.log10(size))))
