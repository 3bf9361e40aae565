"""How complete a line's data is, in the one way that the API and all pages tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

WINDOW: Final = timedelta(hours=1)

# A window shorter than a few periods cannot tell a late sample from a missing one.
_PERIODS_PER_WINDOW = 8
# One sample from a wrong clock must not move a line's "now" out of reach of all others.
_CLOCK_TOLERANCE = timedelta(days=1)
_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Completeness:
    """How much of what was expected came, over windows that end at the line's newest source time.

    Attributes:
        now: newest source time of the line.
        share: mean over the periodic signals, 0 to 1; None where no signal has a period or nothing came yet.
        by_signal: share of each periodic signal, by number.
        silent: numbers of the periodic signals of which nothing came in the window.
        figures: all the store's figures of each periodic signal over its window, by number.
        expected: how many samples each periodic signal should have sent in its window, by number.
    """

    now: datetime | None
    share: float | None
    by_signal: Mapping[int, float]
    silent: tuple[int, ...]
    figures: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    expected: Mapping[int, int] = field(default_factory=dict)


def source_now(newest: Iterable[datetime]) -> datetime | None:
    """The newest of source times; those of clocks that run far ahead do not count."""
    horizon = datetime.now(UTC) + _CLOCK_TOLERANCE
    return max((ts for ts in newest if ts <= horizon), default=None)


def completeness(
    context: PlatformContext,
    scope: TenantScope,
    members: Iterable[SignalInfo],
    newest: Iterable[datetime],
    window: timedelta = WINDOW,
) -> Completeness:
    """Completeness of one line over the last window of its own time.

    Args:
        context: the platform's parts.
        scope: whose.
        members: the line's own signals; those without a period say nothing.
        newest: source times of their newest samples.
        window: longer for signals that come less than `_PERIODS_PER_WINDOW` times in it.
    """
    now = source_now(newest)
    if now is None:
        return Completeness(None, None, {}, ())
    figures: dict[int, Mapping[str, Any]] = {}
    expected: dict[int, int] = {}
    for length, group in _by_window(members, window).items():
        # The newest sample itself belongs to the window, whose end does not.
        table = context.telemetry.summary(scope, group, now + _US - length, now + _US)
        figures |= {row["signal"]: row for row in table.to_pylist()}
        expected |= {s.id: round(length.total_seconds() / (s.period_s or 1.0)) for s in group}
    by_signal = {number: row["completeness"] or 0.0 for number, row in figures.items()}
    share = sum(by_signal.values()) / len(by_signal) if by_signal else None
    silent = tuple(sorted(number for number, row in figures.items() if row["count"] == 0))
    return Completeness(now, share, by_signal, silent, figures, expected)


def _by_window(members: Iterable[SignalInfo], window: timedelta) -> dict[timedelta, list[SignalInfo]]:
    groups: dict[timedelta, list[SignalInfo]] = {}
    for signal in members:
        if signal.period_s is not None:
            length = max(window, timedelta(seconds=signal.period_s * _PERIODS_PER_WINDOW))
            groups.setdefault(length, []).append(signal)
    return groups
