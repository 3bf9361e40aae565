"""Words, numbers and times of a report in one language, on the plant's clock."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tundish_platform.documents.blocks import Language
    from tundish_platform.sdk import Texts

_UNITS = ((86_400.0, "days_unit"), (3_600.0, "hours_unit"), (60.0, "minutes_unit"))


@lru_cache(maxsize=1)
def _said() -> dict[str, dict[str, str]]:
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Words:
    """How one reader is told a report.

    Attributes:
        language: of the texts.
        zone: of the plant, in which instants are told.
    """

    language: Language
    zone: ZoneInfo

    def __call__(self, key: str, **given: object) -> str:
        """A text with what is filled in."""
        return _said()[key][self.language].format(**given)

    def of(self, texts: Texts) -> str:
        """A text that comes in both languages."""
        return texts.zh if self.language == "zh" else texts.en

    def moment(self, at: datetime) -> str:
        """Date and time."""
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def day(self, at: datetime) -> str:
        """The day on the plant's calendar."""
        return at.astimezone(self.zone).strftime("%Y-%m-%d")

    def span(self, seconds: float | None) -> str:
        """A length of time in its largest fitting unit; a dash for none."""
        if seconds is None:
            return "–"
        size, key = next((one for one in _UNITS if abs(seconds) >= one[0]), (1.0, "seconds_unit"))
        return self(key, n=self.number(seconds / size, 1))

    def number(self, value: Any, digits: int = 3) -> str:  # noqa: ANN401 - a number, a text or nothing
        """A number without zeros at its end, a text as it is, a dash for nothing."""
        if value is None or isinstance(value, str):
            return value or "–"
        text = f"{value:,.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text

    def percent(self, share: float | None) -> str:
        """A share as percent, whole."""
        return self("unjudged") if share is None else f"{100 * share:.0f}%"
