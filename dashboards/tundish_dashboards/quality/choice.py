"""What can be charted of a line, and what the reader chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from tundish_dashboards import wishes
from tundish_dashboards.plant.conditions import DERIVED_ROLES, line_of
from tundish_platform.samples import SampleKind, SignalRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from tundish_platform.samples import SignalInfo

SPANS: Final[Mapping[str, timedelta]] = {
    "1h": timedelta(hours=1),
    "8h": timedelta(hours=8),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
FIRST_SPAN: Final = "1d"
SIZES: Final = ("1", "3", "5", "10", "15", "25", "50", "100")
_LONGEST: Final = 2_000
_NUMBERS: Final = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER})
_UNKNOWN: Final = "unclassified"
_FAULTY: Final = "count.defective"
_FAULTS: Final = "count.defect"
_LOOKED_AT: Final = "count.processed"


class Nature(StrEnum):
    """What a signal's samples are to a control chart; the value is the key of its words."""

    VALUES = "values"
    LABELS = "labels"
    FAULTY = "faulty"
    FAULTS = "faults"
    PIECE_FAULTS = "piece_faults"


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A signal that can be charted.

    Attributes:
        looked_at: counts the pieces that were looked at, for counters of faults.
    """

    signal: SignalInfo
    nature: Nature
    looked_at: SignalInfo | None = None


def characteristics(signals: Iterable[SignalInfo]) -> list[Characteristic]:
    """All that can be charted: results first, then labels and counts, then measurements."""
    known = list(signals)
    looked = {s.machine: s for s in known if s.semantic == _LOOKED_AT and s.role is SignalRole.COUNTER}
    found = [one for signal in known if (one := _characteristic(signal, looked)) is not None]
    return sorted(found, key=lambda one: (line_of(one.signal), _rank(one), one.signal.path))


def _characteristic(signal: SignalInfo, looked: Mapping[str, SignalInfo]) -> Characteristic | None:
    if signal.role in DERIVED_ROLES or signal.semantic == _UNKNOWN:
        return None
    if signal.kind is SampleKind.TEXT:
        return Characteristic(signal, Nature.LABELS) if signal.role is SignalRole.LABEL else None
    if signal.kind not in _NUMBERS or signal.role in {SignalRole.STATE, SignalRole.IDENTITY}:
        return None
    if signal.semantic.startswith(_FAULTS):
        return _of_counts(signal, looked.get(signal.machine))
    return None if signal.role is SignalRole.COUNTER else Characteristic(signal, Nature.VALUES)


def _of_counts(signal: SignalInfo, looked: SignalInfo | None) -> Characteristic | None:
    if signal.role is not SignalRole.COUNTER:
        return Characteristic(signal, Nature.PIECE_FAULTS)
    if signal.semantic == _FAULTY:
        # A number of faulty pieces says nothing without how many were looked at.
        return None if looked is None else Characteristic(signal, Nature.FAULTY, looked)
    return Characteristic(signal, Nature.FAULTS, looked)


def _rank(one: Characteristic) -> int:
    if one.nature is not Nature.VALUES:
        return 1
    return 0 if one.signal.role is SignalRole.RESULT else 2


@dataclass(frozen=True, slots=True)
class Period:
    """The stretch that limits come from, ``[start, end)``."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """Specification limits as the reader stated them; None where none was."""

    lower: float | None = None
    upper: float | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for; None and empty where it says nothing."""

    signal: int | None
    span: str
    size: str
    word: str
    baseline: Period | None
    limits: Limits


def asked_of(search: object, zone: ZoneInfo) -> Asked:
    """Read ``?signal=7&span=1d&size=5&word=…&from=…&to=…&lower=…&upper=…&target=…``; wrong parts are none."""
    given = parse_qs(wishes.word(search, "the address", _LONGEST).removeprefix("?"))
    first = {name: values[0] for name, values in given.items()}
    number = first.get("signal", "")
    baseline = kept_period({"from": first.get("from"), "to": first.get("to")}, zone)
    return Asked(
        int(number) if number.isascii() and number.isdigit() and len(number) < 11 else None,  # noqa: PLR2004 - u32
        span if (span := first.get("span", "")) in SPANS else FIRST_SPAN,
        size if (size := first.get("size", "")) in SIZES else SIZES[0],
        first.get("word", "")[:200],
        baseline,
        Limits(*(_number(first.get(name)) for name in ("lower", "upper", "target"))),
    )


def kept_period(kept: Mapping[str, object], zone: ZoneInfo) -> Period | None:
    """A period out of wall-clock texts of the plant; None where it cannot be read."""
    start, end = (_instant(kept.get(name), zone) for name in ("from", "to"))
    return Period(start, end) if start is not None and end is not None and start < end else None


def told_period(period: Period, zone: ZoneInfo) -> dict[str, str]:
    """A period as the browser keeps it."""
    start, end = (
        at.astimezone(zone).replace(tzinfo=None).isoformat(timespec="microseconds")
        for at in (period.start, period.end)
    )
    return {"from": start, "to": end}


def of_line(found: Sequence[Characteristic], line: str) -> list[Characteristic]:
    """Those of one line."""
    return [one for one in found if line_of(one.signal) == line]


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < 1e15 else None  # noqa: PLR2004 - NaN is not, either


def _instant(text: object, zone: ZoneInfo) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
        moment = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if datetime(1970, 1, 2, tzinfo=UTC) < moment < datetime(2200, 1, 1, tzinfo=UTC) else None
