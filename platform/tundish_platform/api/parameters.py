"""Query parameters by name: what each may be, in words and as JSON schema, and how a view reads it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from tundish_platform.api import params
from tundish_platform.samples import SampleKind
from tundish_platform.store.query.queries import Thinning
from tundish_platform.store.query.windows import Period

if TYPE_CHECKING:
    from collections.abc import Iterable

_TEXT: Final = {"type": "string"}
_INSTANT: Final = {"type": "string", "format": "date-time"}


@dataclass(frozen=True)
class Query:
    """A parameter of an address.

    Attributes:
        name: in the address.
        says: what it means.
        shape: its JSON schema.
        required: whether the route refuses without it.
    """

    name: str
    says: str
    shape: dict[str, Any]
    required: bool = False

    @property
    def needed(self) -> Self:
        """The same parameter of a route that does not answer without it."""
        return replace(self, required=True)

    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        return self.shape


@dataclass(frozen=True)
class Whole(Query):
    """A whole number from `least` to `most`."""

    least: int = 0
    most: int = 0
    default: int = 0

    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most, "default": self.default}

    def read(self) -> int:
        """The request's value, or the default."""
        return params.whole(self.name, self.least, self.most, self.default)


@dataclass(frozen=True)
class Word(Query):
    """One of some words; without a default it is needed."""

    choices: tuple[str, ...] = ()
    default: str = ""

    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        return {"type": "string", "enum": list(self.choices)} | (
            {"default": self.default} if self.default else {}
        )

    def read(self) -> str:
        """The request's word, or the default."""
        return params.word(self.name, self.choices, self.default)


@dataclass(frozen=True)
class Text(Query):
    """A short text; empty if absent."""

    longest: int = 0

    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        return {"type": "string", "maxLength": self.longest, "pattern": r"^[^\x00]*$"}

    def read(self) -> str:
        """The request's text, or an empty one."""
        return params.text(self.name, self.longest)


def whole(name: str, least: int, most: int, default: int, says: str) -> Whole:
    """A whole number within bounds."""
    return Whole(name, says, {}, least=least, most=most, default=default)


def word(name: str, choices: Iterable[str], default: str, says: str) -> Word:
    """One of some words."""
    return Word(name, says, {}, not default, choices=tuple(choices), default=default)


def text(name: str, longest: int, says: str) -> Text:
    """A short text."""
    return Text(name, says, {}, longest=longest)


def page(most: int, default: int | None = None) -> Whole:
    """``limit`` of a list that is given in pages."""
    return whole(
        "limit", 1, most, default or most, "At most so many. The Link header leads to the next page."
    )


SIGNAL_LIMIT: Final = page(10_000, 1_000)
AFTER_SIGNAL: Final = whole("after", 0, params.MAX_ID, 0, "Number of the last signal of the page before.")

_IDS: Final = {"type": "string", "pattern": r"^[0-9]{1,10}(,[0-9]{1,10})*$"}
_WALL: Final = {"type": "string", "pattern": r"^[0-9]{2}:[0-9]{2}(,[0-9]{2}:[0-9]{2})*$"}
_SECONDS: Final = {"type": "number", "minimum": 0.001}

SOME_SIGNALS: Final = Query(
    "signals", f"Numbers of signals with commas, at most {params.MAX_SIGNALS}; all if absent.", _IDS
)
SIGNALS: Final = Query(
    "signals", f"Numbers of signals with commas, at most {params.MAX_SIGNALS}.", _IDS, required=True
)
START: Final = Query(
    "start", "Instant in ISO 8601 with a zone; belongs to the window.", _INSTANT, required=True
)
END: Final = Query(
    "end", "Instant in ISO 8601 with a zone; does not belong to the window.", _INSTANT, required=True
)
WINDOW: Final = (START, END)
FORMAT: Final = word("format", params.FORMATS, "arrow", "Arrow IPC stream or JSON.")
JSON_FIRST: Final = replace(FORMAT, default="json")
KIND: Final = word(
    "kind",
    (k.value for k in SampleKind if k is not SampleKind.GAP),
    SampleKind.NUMERIC.value,
    "Of the samples.",
)
UNIT: Final = Query("unit", "UCUM code of the unit to answer in; as stored if absent.", _TEXT)
STEP_S: Final = Query("step_s", "Seconds of each step.", _SECONDS)
MAX_POINTS: Final = whole("max_points", 2, params.MAX_POINTS, 1_000, "About so many points of each signal.")
THINNING: Final = word("thinning", list(Thinning), Thinning.EXTREMES, "How points are left out.")
GRID_HOLD: Final = word(
    "interpolation", params.INTERPOLATIONS, "step", "Hold values, draw lines, or as each signal says."
)
OWN_HOLD: Final = replace(GRID_HOLD, default="signal")
BY: Final = word("by", (*(period.value for period in Period), "step"), "", "What the stretch is cut by.")
SHIFTS: Final = Query("shifts", "When shifts begin on the plant's clock, such as 08:00,20:00.", _WALL)
DAY_BEGINS: Final = Query("day_begins", "When a production day begins, such as 08:00.", _WALL)
ZONE: Final = Query("zone", "IANA time zone; the tenant's own if absent.", _TEXT)
CUT: Final = (START, END, BY, STEP_S, SHIFTS, DAY_BEGINS, ZONE)
RULE: Final = Query("rule", "Version of the programme's rules; the official one if absent.", _TEXT)
APP: Final = Query("app", "Short name of an app; all if absent.", _TEXT)
