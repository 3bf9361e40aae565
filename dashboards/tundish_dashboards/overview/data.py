"""What the overview reads: of every line its state, its shift, its alarms and how complete its data is.

Everything is asked for all lines at once, samples for all whose shifts began at the same instant; how many
lines there are changes no number of statements.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tundish_dashboards.overview.hearing import MachineState, clock_of, is_silent, machine_state
from tundish_dashboards.overview.plans import Stretch, read_plans, stretches_at
from tundish_dashboards.overview.shifts import Asked, beside, judge_shifts, states_of
from tundish_dashboards.plant.conditions import (
    DERIVED_ROLES,
    Condition,
    Latest,
    SignalState,
    judge,
    last_arrival,
    line_of,
    source_now,
)
from tundish_dashboards.plant.data import read_latest
from tundish_platform.alarms import count_standing
from tundish_platform.alerts import count_open
from tundish_platform.api.completeness import Completeness, completeness
from tundish_platform.assets import Equipment, Level, list_equipment, list_signals, list_sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tundish_analytics.oee.machine import Judged
    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.overview.plans import Plan
    from tundish_platform.assets import SourceInfo
    from tundish_platform.samples import SignalInfo

_US: Final = timedelta(microseconds=1)
_UNHEARD: Final = frozenset({Condition.SILENT, Condition.MISSING, Condition.FAILED})


@dataclass(frozen=True, slots=True)
class Filled:
    """How much of what was expected of a line came in the window.

    Attributes:
        share: mean completeness of its periodic signals; None where none has a period.
        received, expected: samples of those signals.
        gaps: stretches in which a recorded gap of any signal lies; they don't overlap.
        gap_time: their length together.
        unheard: signals of which nothing comes now.
        signals: all measured ones.
    """

    share: float | None
    received: int
    expected: int
    gaps: int
    gap_time: timedelta
    unheard: int
    signals: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line at a glance.

    Attributes:
        now: its newest source time; None while nothing has come.
        reference: the machine it is judged by; None where no signal tells a state.
        machines: all machines with a state.
        judged: the shift's figures of the reference; None without shift or state.
        alarms, alerts: how many stand, by priority.
        stretch: its shift.
    """

    path: str
    name_zh: str
    name_en: str
    now: datetime | None
    reference: MachineState | None
    machines: tuple[MachineState, ...]
    judged: Judged | None
    filled: Filled
    alarms: Mapping[int, int]
    alerts: Mapping[int, int]
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site with its lines, by path."""

    path: str
    name_zh: str
    name_en: str
    lines: tuple[LineRow, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """An enterprise as one person may see it, at one moment.

    Attributes:
        clock: until when everything is reckoned: the wall clock, or the newest source time of data that comes
            in now but late.
        late: whether it is the latter.
        shared: what the figures of all lines are of; None where lines are in different shifts, or are none.
    """

    clock: datetime
    late: bool
    shared: Stretch | None
    sites: tuple[SiteRow, ...]

    @property
    def lines(self) -> list[LineRow]:
        """The lines of all sites."""
        return [line for site in self.sites for line in site.lines]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database said, once."""

    equipment: Sequence[Equipment]
    signals: Sequence[SignalInfo]
    sources: Sequence[SourceInfo]
    alarms: Mapping[str, Mapping[int, int]]
    alerts: Mapping[str, Mapping[int, int]]
    plans: Mapping[str, Plan]


@dataclass(slots=True)
class _Line:
    """A line while its row is put together."""

    stretch: Stretch
    signals: list[SignalInfo] = field(default_factory=list)
    states: list[SignalState] = field(default_factory=list)
    now: datetime | None = None
    heard: bool = False
    asked: Asked | None = None


def read_overview(view: TenantView, wall: datetime | None = None) -> Overview:
    """All lines that the person may see; ``wall`` is the wall clock, UTC."""
    wall = wall or datetime.now(UTC)
    known = _read_known(view, wall)
    latest = read_latest(view)
    clock = clock_of(source_now(known.signals, latest), last_arrival(known.signals, latest), wall)
    lines = _lines(known, latest, clock)
    judged = judge_shifts(view, clock, {path: line.asked for path, line in lines.items() if line.asked})
    found = _completeness(view, lines, clock)
    gaps = _gaps(view, lines, clock)
    names = {node.path: node for node in known.equipment}
    filled = {
        path: _filled(line, found[line.stretch.since], gaps[path]) for path, line in sorted(lines.items())
    }
    rows = [
        _row(path, lines[path], known, names.get(path), judged.get(path), one) for path, one in filled.items()
    ]
    sites = _by_site(rows, names)
    shifts = {line.stretch.named: line.stretch for site in sites for line in site.lines}
    shared = next(iter(shifts.values())) if len(shifts) == 1 else None
    return Overview(clock, clock < wall, shared, sites)


def _read_known(view: TenantView, wall: datetime) -> _Known:
    with view.context.metadata.session() as session:
        equipment = list_equipment(session, view.scope)
        signals = [s for s in list_signals(session, view.scope) if s.role not in DERIVED_ROLES]
        lines = {node.path for node in equipment if node.level is Level.LINE} | {line_of(s) for s in signals}
        return _Known(
            equipment=equipment,
            signals=signals,
            sources=list_sources(session, view.scope),
            alarms=_by_line(count_standing(session, view.scope, wall)),
            alerts=_by_line(count_open(session, view.scope)),
            plans=read_plans(session, view.scope, view.formats.zone.key, lines),
        )


def _by_line(counts: Iterable[tuple[str, int, int]]) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for path, priority, count in counts:
        found["/".join(path.split("/")[:3])][priority] += count
    return found


def _lines(known: _Known, latest: Mapping[int, Latest], clock: datetime) -> dict[str, _Line]:
    retired = [node.path for node in known.equipment if node.retired]
    stretches = stretches_at(known.plans, clock)
    lines = {
        node.path: _Line(stretches[node.path]) for node in known.equipment
        if node.level is Level.LINE and not _below(node.path, retired)
    }  # fmt: skip
    for signal in known.signals:
        path = line_of(signal)
        if path in lines or not _below(path, retired):
            lines.setdefault(path, _Line(stretches[path])).signals.append(signal)
    for line in lines.values():
        line.now = source_now(line.signals, latest)
        line.states = judge(line.signals, latest, known.sources, clock)
        plan = line.stretch.plan
        reference = plan.reference(line.signals)
        line.heard = not is_silent(line.signals, line.now, clock)
        if reference is not None:
            until = clock if line.heard else line.now or clock
            near = plan.counted(beside(reference, line.signals), line.signals)
            line.asked = Asked(reference, near, until, line.stretch)
    return lines


def _below(path: str, places: Iterable[str]) -> bool:
    return any(f"{path}/".startswith(f"{place}/") for place in places)


def _completeness(
    view: TenantView, lines: Mapping[str, _Line], clock: datetime
) -> dict[datetime, Completeness]:
    """By the beginning of the stretch that it is of."""
    members: dict[datetime, list[SignalInfo]] = defaultdict(list)
    for line in lines.values():
        members[line.stretch.since].extend(line.signals)
    # Its windows end just behind the instant they are given.
    return {
        since: completeness(view.context, view.scope, signals, [clock - _US], clock - since)
        for since, signals in members.items()
    }


def _gaps(
    view: TenantView, lines: Mapping[str, _Line], clock: datetime
) -> dict[str, list[tuple[datetime, datetime]]]:
    """Stretches with a recorded gap, by line; those that touch are one."""
    owner = {signal.id: path for path, line in lines.items() for signal in line.signals}
    told: dict[str, list[tuple[datetime, datetime]]] = {path: [] for path in lines}
    earliest = min((line.stretch.since for line in lines.values()), default=clock)
    for row in view.context.telemetry.gaps(view.scope, list(owner), earliest, clock).to_pylist():
        path = owner[row["signal"]]
        start, end = max(row["ts"], lines[path].stretch.since), min(row["end"], clock)
        if start < end:
            told[path].append((start, end))
    return {path: _joined(spans) for path, spans in told.items()}


def _joined(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _filled(line: _Line, found: Completeness, gaps: Sequence[tuple[datetime, datetime]]) -> Filled:
    rows: list[Mapping[str, Any]] = [found.figures[s.id] for s in line.signals if s.id in found.figures]
    periodic = [s for s in line.signals if s.id in found.figures]
    shares = [found.by_signal[s.id] for s in periodic]
    return Filled(
        share=sum(shares) / len(shares) if shares else None,
        received=sum(row["count"] for row in rows),
        expected=sum(found.expected[s.id] for s in periodic),
        gaps=len(gaps),
        gap_time=sum((end - start for start, end in gaps), timedelta()),
        unheard=sum(state.condition in _UNHEARD for state in line.states),
        signals=len(line.signals),
    )


def _row(
    path: str, line: _Line, known: _Known, node: Equipment | None, judged: Judged | None, filled: Filled
) -> LineRow:
    by_signal = {state.signal.id: state for state in line.states}
    machines = tuple(machine_state(by_signal[s.id], heard=line.heard) for s in states_of(line.signals))
    reference = None
    if line.asked is not None:
        reference = machine_state(by_signal[line.asked.state.id], heard=line.heard)
    own = path.rpartition("/")[2]
    return LineRow(
        path=path,
        name_zh=node.name_zh if node else own,
        name_en=node.name_en if node else own,
        now=line.now,
        reference=reference,
        machines=machines,
        judged=judged,
        filled=filled,
        alarms=known.alarms.get(path, {}),
        alerts=known.alerts.get(path, {}),
        stretch=line.stretch,
    )


def _by_site(rows: Iterable[LineRow], names: Mapping[str, Equipment]) -> tuple[SiteRow, ...]:
    sites: dict[str, list[LineRow]] = {path: [] for path, n in names.items() if n.level is Level.SITE}
    for row in rows:
        sites.setdefault(row.path.split("/")[0], []).append(row)
    retired = {path for path, node in names.items() if node.retired}
    return tuple(
        SiteRow(
            path,
            names[path].name_zh if path in names else path,
            names[path].name_en if path in names else path,
            tuple(lines),
        )
        for path, lines in sorted(sites.items())
        if path not in retired
    )
