"""What the plant's page reads: signals, newest samples and connectors of one line, and recent summaries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tundish_dashboards.plant.conditions import (
    DERIVED_ROLES,
    Latest,
    SignalState,
    judge,
    last_arrival,
    line_of,
    source_now,
)
from tundish_dashboards.recent import Recent
from tundish_platform.api.completeness import WINDOW, completeness
from tundish_platform.assets import list_signals, list_sources
from tundish_platform.samples import SampleKind, SignalInfo, SignalRole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.assets import SourceInfo

# What a connector calls signals that no line kit knows.
_UNKNOWN: Final = "unclassified"
_SUMMARY_KEPT_S = 15.0
_LINE_KEPT_S = 0.8
VALUE_COLUMNS: Final = {
    SampleKind.NUMERIC.value: "value",
    SampleKind.INTEGER.value: "integer",
    SampleKind.TEXT.value: "text",
    SampleKind.ARRAY.value: "array",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is known at one moment.

    Attributes:
        lines: paths of all lines of the tenant.
        path: the line shown; empty while the tenant has no signals.
        states: its measured signals, judged; predictions and app outputs are not among them.
        derived: its signals that platform and apps compute.
        latest: newest sample by signal.
        sources: the connectors' last reports.
        now: newest source time that a connector delivered.
        arrival: when it arrived.
    """

    lines: tuple[str, ...]
    path: str
    states: tuple[SignalState, ...]
    derived: tuple[SignalInfo, ...]
    latest: Mapping[int, Latest]
    sources: tuple[SourceInfo, ...]
    now: datetime | None
    arrival: datetime | None

    @property
    def signals(self) -> list[SignalInfo]:
        """The measured signals."""
        return [state.signal for state in self.states]


def read_line(view: TenantView, wish: str) -> Line:
    """The wished line, or the tenant's first one."""
    with view.context.metadata.session() as session:
        known = list_signals(session, view.scope)
        sources = tuple(list_sources(session, view.scope))
    measured = [s for s in known if s.role not in DERIVED_ROLES]
    lines = tuple(sorted({line_of(s) for s in measured}))
    path = wish if wish in lines else (lines[0] if lines else "")
    shown = sorted((s for s in measured if line_of(s) == path), key=lambda s: s.path)
    latest = read_latest(view)
    now = source_now(shown, latest)
    return Line(
        lines=lines,
        path=path,
        states=tuple(judge(shown, latest, sources, now)),
        derived=tuple(s for s in known if s.role in DERIVED_ROLES),
        latest=latest,
        sources=sources,
        now=now,
        arrival=last_arrival(shown, latest),
    )


def read_latest(view: TenantView) -> dict[int, Latest]:
    """Newest sample by signal, from the store's memory."""
    table = view.context.telemetry.latest(view.scope)
    names = ("signal", "ts", "arrival", "kind", "status", "value", "integer", "text", "array")
    columns = {name: table.column(name).to_pylist() for name in names}
    return {
        signal: Latest(
            ts=columns["ts"][row],
            arrival=columns["arrival"][row],
            value=columns[VALUE_COLUMNS[columns["kind"][row]]][row],
            status=columns["status"][row],
        )
        for row, signal in enumerate(columns["signal"])
    }


@dataclass(frozen=True, slots=True)
class Summary:
    """Completeness and mean of one signal over a window; ``None`` where it cannot be said."""

    mean: float | None
    low: float | None
    high: float | None
    completeness: float | None


class Lines:
    """Lines as they were a moment ago: the callbacks of one refresh share one reading."""

    def __init__(self) -> None:
        self._recent: Recent[Line] = Recent(_LINE_KEPT_S)

    def of(self, view: TenantView, wish: str) -> Line:
        """The wished line, or the tenant's first one."""
        return self._recent.get((*whose(view), wish), lambda: read_line(view, wish))


@dataclass(frozen=True, slots=True)
class LastHour:
    """The last hour of a line's own time.

    Attributes:
        share: completeness of the line, as the API tells it; ``None`` where it cannot be said.
        signals: summary by signal.
    """

    share: float | None
    signals: Mapping[int, Summary]

    @property
    def shares(self) -> dict[int, float]:
        """Completeness of each signal of which it can be said."""
        return {n: one.completeness for n, one in self.signals.items() if one.completeness is not None}


class Summaries:
    """Summaries of all signals of a line, computed again only after a few seconds.

    Completeness of thousands of signals is too dear for every refresh of every open page.
    """

    def __init__(self) -> None:
        self._recent: Recent[LastHour] = Recent(_SUMMARY_KEPT_S)

    def of(self, view: TenantView, line: Line) -> LastHour:
        """The last hour of source time; empty while nothing has come."""
        return self._recent.get((*whose(view), line.path), lambda: read_last_hour(view, line))


def whose(view: TenantView) -> tuple[int, frozenset[str] | None]:
    """What tells answers apart: the tenant, and the places that the person may see of it."""
    return view.scope.tenant_id, view.scope.places()


def read_last_hour(view: TenantView, line: Line) -> LastHour:
    """Completeness of a line, and summaries of its signals."""
    newest = [line.latest[s.id].ts for s in line.signals if s.id in line.latest]
    found = completeness(view.context, view.scope, line.signals, newest)
    if found.now is None:
        return LastHour(None, {})
    on_events = [s for s in line.signals if s.id not in found.figures]
    signals = read_summary(view, on_events, found.now - WINDOW, found.now)
    signals |= {number: _summary(row) for number, row in found.figures.items()}
    return LastHour(found.share, signals)


def read_shares(
    view: TenantView, line: Line, signals: Sequence[SignalInfo], window: timedelta
) -> Mapping[int, float]:
    """Completeness of signals with a period over the line's last window, by the rule of `read_last_hour`."""
    newest = [] if line.now is None else [line.now]
    return completeness(view.context, view.scope, signals, newest, window).by_signal


def read_summary(
    view: TenantView, signals: Sequence[SignalInfo], start: datetime, end: datetime
) -> dict[int, Summary]:
    """Summaries of signals over ``[start, end)``, both ends moved so that the newest sample is inside."""
    if not signals:
        return {}
    shift = timedelta(microseconds=1)
    table = view.context.telemetry.summary(view.scope, signals, start + shift, end + shift)
    return {row["signal"]: _summary(row) for row in table.to_pylist()}


def _summary(row: Mapping[str, Any]) -> Summary:
    return Summary(row["mean"], row["min"], row["max"], row["completeness"])


def lag_of(now: datetime | None) -> timedelta | None:
    """How far the line's newest source time is behind the wall clock."""
    return None if now is None else max(datetime.now(UTC) - now, timedelta())


def first_choice(line: Line, most: int = 4) -> list[int]:
    """Signals that a trend starts with: a state and measurements of different kinds."""
    kinds: dict[str, int] = {}
    for signal in line.signals:
        plotted = signal.kind in {SampleKind.NUMERIC, SampleKind.INTEGER} and signal.semantic != _UNKNOWN
        if plotted and signal.role in {SignalRole.MEASUREMENT, SignalRole.RESULT, SignalRole.COUNTER}:
            kinds.setdefault(signal.semantic.split(".", maxsplit=1)[0] + signal.unit, signal.id)
    preferred = sorted(kinds.values(), key=lambda i: _rank(line, i))[:most]
    states = [s.id for s in line.signals if s.role is SignalRole.STATE and s.kind is SampleKind.TEXT]
    return preferred + states[:1]


def _rank(line: Line, signal_id: int) -> tuple[bool, str]:
    signal = next(s for s in line.signals if s.id == signal_id)
    return signal.role is not SignalRole.MEASUREMENT, signal.path


def read_window(
    view: TenantView, signal: SignalInfo, start: datetime, end: datetime, points: int
) -> pa.Table:
    """Samples of one signal for a chart: numbers thinned per bucket, states as they came."""
    telemetry = view.context.telemetry
    if signal.kind is SampleKind.TEXT:
        return telemetry.read(view.scope, [signal.id], start, end, SampleKind.TEXT)
    return telemetry.trend(view.scope, [signal], start, end, points)
