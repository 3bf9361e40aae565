"""What routes and dashboards both ask: samples joined with what the tenant's signals mean.

"Now" of a line is its newest source time, because a replayed or buffered line lags behind the wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.api.completeness import WINDOW, Completeness, completeness, source_now
from tundish_platform.assets import find_signals, list_signals, list_sources, page_of_signals
from tundish_platform.samples import SampleKind, Severity, SignalRole, severity
from tundish_platform.store.query.queries import Thinning
from tundish_platform.store.query.states import STATES_SCHEMA
from tundish_platform.store.rows import EARLIEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from numpy.typing import NDArray

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.assets import SourceInfo
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

Value = float | int | str | list[float] | None

# What models and apps computed says nothing of whether the line's own data is complete.
DERIVED: Final = frozenset({SignalRole.PREDICTION, SignalRole.OUTPUT})

_LINE_LEVELS = 3
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


class LatestRow(NamedTuple):
    """`LatestValue` with the signal's number in place of the signal."""

    signal: int
    ts: datetime
    value: Value
    status: int
    arrival: datetime


@dataclass(frozen=True, slots=True)
class Trend:
    """A signal over a window, thinned so that the eye loses nothing: first, min, max, last per bucket.

    Attributes:
        points: ``ts, value, status`` as Arrow columns, by time.
    """

    signal: SignalInfo
    points: pa.Table


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


def signals_page(context: PlatformContext, scope: TenantScope, after: int, limit: int) -> list[SignalInfo]:
    """The next signals behind a number, by number."""
    with context.metadata.session() as session:
        return page_of_signals(session, scope, after, limit)


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


def latest_rows(
    context: PlatformContext, scope: TenantScope, kinds: Mapping[int, SampleKind]
) -> list[LatestRow]:
    """Newest sample of each of these signals that has one, in their order.

    Args:
        context: the platform's parts.
        scope: whose.
        kinds: of the signals, by number.
    """
    if not kinds:
        return []
    table = context.telemetry.latest(scope, list(kinds))
    values = {kind: table[_COLUMN_OF_KIND[kind]].to_pylist() for kind in set(kinds.values())}
    columns = (table[name].to_pylist() for name in ("signal", "ts", "status", "arrival"))
    rows = {
        number: LatestRow(number, ts, values[kinds[number]][place], status, arrival)
        for place, (number, ts, status, arrival) in enumerate(zip(*columns, strict=True))
    }
    return [rows[number] for number in kinds if number in rows]


def trend(
    context: PlatformContext,
    scope: TenantScope,
    ids: Sequence[int],
    start: datetime,
    end: datetime,
    max_points: int,
    *,
    thinning: Thinning = Thinning.EXTREMES,
) -> list[Trend]:
    """The signals over ``[start, end)``, each thinned to about ``max_points``, in the order asked for.

    Raises:
        UnknownSignals: the scope sees no such signals.
    """
    found = signals_of(context, scope, ids)
    table = context.telemetry.trend(scope, found, start, end, max_points, thinning=thinning)
    return [Trend(signal, _of_signal(table, signal.id).drop_columns("signal")) for signal in found]


def summary(
    context: PlatformContext, scope: TenantScope, ids: Sequence[int], start: datetime, end: datetime
) -> pa.Table:
    """Per signal: time-weighted mean, min, max, count, good_share, completeness over ``[start, end)``.

    Raises:
        UnknownSignals: the scope sees no such signals.
    """
    return context.telemetry.summary(scope, signals_of(context, scope, ids), start, end)


def states(
    context: PlatformContext, scope: TenantScope, asked: Sequence[SignalInfo], windows: NDArray[np.int64]
) -> pa.Table:
    """Seconds and entries of each state by window, `STATES_SCHEMA`.

    No state is known beyond the time that its line has reached: a line that fell silent is not running still.

    Args:
        context: the platform's parts.
        scope: whose.
        asked: signals with texts, whole numbers or booleans.
        windows: shape ``(n, 2)``, µs since 1970.

    Raises:
        ValueError: a signal's values are no states.
    """
    known = signals(context, scope)
    parts = [STATES_SCHEMA.empty_table()]
    for line in sorted({line_of(s.path) for s in asked}):
        mine = [s for s in asked if line_of(s.path) == line]
        speaking = {s.id: s for s in (*_members(known, line), *mine)}
        until = source_now(value.ts for value in _latest_of(context, scope, list(speaking.values())))
        parts.append(context.telemetry.states(scope, mine, windows, until or EARLIEST))
    table = pa.concat_tables(parts)
    return table.take(pa.array(np.argsort(table["signal"].to_numpy(), kind="stable")))


def line_completeness(
    context: PlatformContext, scope: TenantScope, line: str, window: timedelta = WINDOW
) -> Completeness:
    """Completeness of one line over the last window of its own time."""
    members = _members(signals(context, scope), line)
    times = [value.ts for value in _latest_of(context, scope, members)]
    return completeness(context, scope, members, times, window)


def line_overviews(
    context: PlatformContext,
    scope: TenantScope,
    window: timedelta = WINDOW,
    *,
    after: str = "",
    limit: int | None = None,
) -> list[LineOverview]:
    """Every line of the tenant, by path; with a limit a page of them, behind the path ``after``."""
    known = signals(context, scope)
    heard = {source.name: source for source in sources(context, scope)}
    lines = sorted({line_of(s.path) for s in known if s.role not in DERIVED})
    shown = [line for line in lines if line > after][:limit]
    return [_overview(context, scope, line, _members(known, line), heard, window) for line in shown]


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
        completeness=completeness(context, scope, members, [value.ts for value in latest], window),
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
