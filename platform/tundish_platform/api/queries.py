"""What routes and dashboards both ask: samples joined with what the tenant's signals mean.

"Now" of a line is its newest source time, because a replayed or buffered line lags behind the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow.compute as pc

from tundish_platform.assets import find_signals, list_signals, list_sources
from tundish_platform.samples import SampleKind, Severity, SignalRole, severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.assets import SourceInfo
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

Value = float | int | str | list[float] | None

# What models and apps computed says nothing of whether the line's own data is complete.
DERIVED: Final = frozenset({SignalRole.PREDICTION, SignalRole.OUTPUT})
WINDOW: Final = timedelta(minutes=10)

_LINE_LEVELS = 3
# A window shorter than a few periods cannot tell a late sample from a missing one.
_PERIODS_PER_WINDOW = 8
# One sample from a wrong clock must not move a line's "now" out of reach of all others.
_CLOCK_TOLERANCE = timedelta(days=1)
_COLUMN_OF_KIND = {
    SampleKind.NUMERIC: "value",
    SampleKind.INTEGER: "integer",
    SampleKind.TEXT: "text",
    SampleKind.ARRAY: "array",
}


@dataclass(frozen=True, slots=True)
class LatestValue:
    """The newest sample of a signal; ``value`` is of the signal's kind, or None with a bad status."""

    signal: SignalInfo
    ts: datetime
    value: Value
    status: int
    arrival: datetime

    @property
    def good(self) -> bool:
        """Whether the source vouched for the value."""
        return severity(self.status) is Severity.GOOD


@dataclass(frozen=True, slots=True)
class Trend:
    """A signal over a window, thinned so that the eye loses nothing: first, min, max, last per bucket.

    Attributes:
        points: ``ts, value, status`` as Arrow columns, by time.
    """

    signal: SignalInfo
    points: pa.Table


@dataclass(frozen=True, slots=True)
class Completeness:
    """How much of what was expected came, over windows that end at the line's newest source time.

    Attributes:
        now: newest source time of the line.
        share: mean over the periodic signals, 0 to 1; None where no signal has a period or nothing came yet.
        by_signal: share of each periodic signal, by number.
        silent: numbers of the periodic signals of which nothing came in the window.
    """

    now: datetime | None
    share: float | None
    by_signal: dict[int, float]
    silent: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LineOverview:
    """One line at a glance.

    Attributes:
        line: path of the line, the first three levels.
        signals: its own signals, without what models and apps computed.
        latest: newest sample of each that has one.
        completeness: of the last window.
        sources: those that declared its signals.
        arrival: when its newest sample came, by the collector's clock.
    """

    line: str
    signals: tuple[SignalInfo, ...]
    latest: tuple[LatestValue, ...]
    completeness: Completeness
    sources: tuple[SourceInfo, ...]
    arrival: datetime | None

    @property
    def states(self) -> tuple[LatestValue, ...]:
        """The newest state of each machine."""
        return tuple(value for value in self.latest if value.signal.role is SignalRole.STATE)


def line_of(path: str) -> str:
    """Path of the line a signal belongs to: Site/Area/Line."""
    return "/".join(path.split("/")[:_LINE_LEVELS])


def signals(context: PlatformContext, scope: TenantScope) -> list[SignalInfo]:
    """All signals the scope may see, by path."""
    with context.metadata.session() as session:
        return list_signals(session, scope)


def signals_of(context: PlatformContext, scope: TenantScope, ids: Iterable[int]) -> list[SignalInfo]:
    """The signals with these numbers, in the order asked for.

    Raises:
        UnknownSignals: the scope sees no such signals.
    """
    with context.metadata.session() as session:
        return find_signals(session, scope, ids)


def sources(context: PlatformContext, scope: TenantScope) -> list[SourceInfo]:
    """The tenant's sources with their last heartbeats, by name."""
    with context.metadata.session() as session:
        return list_sources(session, scope)


def latest_values(
    context: PlatformContext, scope: TenantScope, ids: Sequence[int] | None = None
) -> list[LatestValue]:
    """Newest sample of each signal that has one, by path; of all signals for ``ids=None``.

    Raises:
        UnknownSignals: the scope sees no such signals.
    """
    known = signals(context, scope) if ids is None else signals_of(context, scope, ids)
    return _latest_of(context, scope, known)


def trend(
    context: PlatformContext,
    scope: TenantScope,
    ids: Sequence[int],
    start: datetime,
    end: datetime,
    max_points: int,
) -> list[Trend]:
    """The signals over ``[start, end)``, each thinned to about ``max_points``, in the order asked for.

    Raises:
        UnknownSignals: the scope sees no such signals.
    """
    found = signals_of(context, scope, ids)
    table = context.telemetry.trend(scope, found, start, end, max_points)
    return [Trend(signal, _of_signal(table, signal.id).drop_columns("signal")) for signal in found]


def summary(
    context: PlatformContext, scope: TenantScope, ids: Sequence[int], start: datetime, end: datetime
) -> pa.Table:
    """Per signal: time-weighted mean, min, max, count, good_share, completeness over ``[start, end)``.

    Raises:
        UnknownSignals: the scope sees no such signals.
    """
    return context.telemetry.summary(scope, signals_of(context, scope, ids), start, end)


def line_completeness(
    context: PlatformContext, scope: TenantScope, line: str, window: timedelta = WINDOW
) -> Completeness:
    """Completeness of one line over the last window of its own time."""
    members = _members(signals(context, scope), line)
    return _completeness(context, scope, members, _latest_of(context, scope, members), window)


def line_overviews(
    context: PlatformContext, scope: TenantScope, window: timedelta = WINDOW
) -> list[LineOverview]:
    """Every line of the tenant, by path."""
    known = signals(context, scope)
    heard = {source.name: source for source in sources(context, scope)}
    lines = sorted({line_of(s.path) for s in known if s.role not in DERIVED})
    return [_overview(context, scope, line, _members(known, line), heard, window) for line in lines]


def _overview(
    context: PlatformContext,
    scope: TenantScope,
    line: str,
    members: list[SignalInfo],
    heard: dict[str, SourceInfo],
    window: timedelta,
) -> LineOverview:
    latest = _latest_of(context, scope, members)
    names = sorted({signal.source for signal in members})
    return LineOverview(
        line=line,
        signals=tuple(members),
        latest=tuple(latest),
        completeness=_completeness(context, scope, members, latest, window),
        sources=tuple(heard[name] for name in names if name in heard),
        arrival=max((value.arrival for value in latest), default=None),
    )


def _members(known: Iterable[SignalInfo], line: str) -> list[SignalInfo]:
    return [s for s in known if s.role not in DERIVED and s.path.startswith(f"{line}/")]


def _latest_of(
    context: PlatformContext, scope: TenantScope, known: Sequence[SignalInfo]
) -> list[LatestValue]:
    if not known:
        return []
    table = context.telemetry.latest(scope, [signal.id for signal in known])
    rows = {row["signal"]: row for row in table.to_pylist()}
    return [_latest(signal, rows[signal.id]) for signal in known if signal.id in rows]


def _latest(signal: SignalInfo, row: dict[str, Any]) -> LatestValue:
    value: Value = row[_COLUMN_OF_KIND[signal.kind]]
    return LatestValue(signal, row["ts"], value, row["status"], row["arrival"])


def _of_signal(table: pa.Table, number: int) -> pa.Table:
    return table.filter(pc.equal(table["signal"], number))


def _completeness(
    context: PlatformContext,
    scope: TenantScope,
    members: Sequence[SignalInfo],
    latest: Sequence[LatestValue],
    window: timedelta,
) -> Completeness:
    horizon = datetime.now(UTC) + _CLOCK_TOLERANCE
    now = max((value.ts for value in latest if value.ts <= horizon), default=None)
    if now is None:
        return Completeness(None, None, {}, ())
    by_signal: dict[int, float] = {}
    silent: list[int] = []
    for length, group in _by_window(members, window).items():
        # The newest sample itself belongs to the window, whose end does not.
        end = now + timedelta(microseconds=1)
        table = context.telemetry.summary(scope, group, end - length, end)
        for row in table.to_pylist():
            by_signal[row["signal"]] = row["completeness"] or 0.0
            if row["count"] == 0:
                silent.append(row["signal"])
    share = sum(by_signal.values()) / len(by_signal) if by_signal else None
    return Completeness(now, share, by_signal, tuple(sorted(silent)))


def _by_window(members: Iterable[SignalInfo], window: timedelta) -> dict[timedelta, list[SignalInfo]]:
    groups: dict[timedelta, list[SignalInfo]] = {}
    for signal in members:
        if signal.period_s is not None:
            length = max(window, timedelta(seconds=signal.period_s * _PERIODS_PER_WINDOW))
            groups.setdefault(length, []).append(signal)
    return groups
