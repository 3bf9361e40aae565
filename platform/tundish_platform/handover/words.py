"""Words of a shift's report, Chinese and English, from `words.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Words:
    """The report's words in one language, with numbers and times as people there write them.

    Attributes:
        zone: of the place; every time is told in it.
    """

    language: Language
    zone: ZoneInfo

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key.

        Raises:
            KeyError: there are none.
        """
        zh, en = _catalogue()[key]
        return (zh if self.language == "zh" else en).format(**values)

    def known(self, key: str, otherwise: str) -> str:
        """The words of a key that something else gave; what it said itself where there are none."""
        return self(key) if key in _catalogue() else otherwise

    def of(self, zh: str, en: str) -> str:
        """One of two texts."""
        return zh if self.language == "zh" else en

    def share(self, value: float | None) -> str:
        """A share of 1 as per cent; a dash for none."""
        return "–" if value is None else f"{value * 100:.1f} %"

    def count(self, value: float | None) -> str:
        """A number of pieces, or another amount with at most one decimal; a dash for none."""
        if value is None:
            return "–"
        return f"{value:,.0f}" if abs(value - round(value)) < 0.05 else f"{value:,.1f}"  # noqa: PLR2004 - half a decimal

    def value(self, value: float) -> str:
        """A measured value with about four digits."""
        return f"{value:,.4g}"

    def clock(self, at: datetime | None) -> str:
        """Day and time; a dash for none."""
        return "–" if at is None else f"{at.astimezone(self.zone):%m-%d %H:%M:%S}"

    def minute(self, at: datetime) -> str:
        """Date and time to the minute."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def span(self, seconds: float) -> str:
        """A length of time in hours, minutes and seconds."""
        whole = round(seconds)
        sign, whole = ("-" if whole < 0 else ""), abs(whole)
        hours, minutes = divmod(whole // 60, 60)
        if hours:
            return sign + self("span_hours", h=hours, m=minutes)
        return sign + (
            self("span_minutes", m=minutes, s=whole % 60) if minutes else self("span_seconds", s=whole)
        )


@cache
def _catalogue() -> dict[str, tuple[str, str]]:
    text = files(__package__).joinpath("words.toml").read_text(encoding="utf-8")
    return {key: (zh, en) for key, (zh, en) in tomllib.loads(text).items()}
