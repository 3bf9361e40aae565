"""What a machine's page reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tundish_dashboards.overview.hearing import clock_of, is_silent
from tundish_dashboards.plant.data import Line, Lines, read_line
from tundish_platform.alarms import ANNUNCIATED, AlarmView, list_alarms
from tundish_platform.alarms.maintenance import Window, maintenance_of
from tundish_platform.alarms.states import HIDDEN
from tundish_platform.alerts import AlertView, list_alerts
from tundish_platform.api.predictions import Prediction, predictions
from tundish_platform.assets import Equipment, Level, list_equipment
from tundish_platform.maintenance import RecordView, list_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.plant.conditions import SignalState
    from tundish_platform.api.predictions import EvidenceItem
    from tundish_platform.samples import AlertEvidence

ALARMS_SHOWN: Final = 100
ALERTS_SHOWN: Final = 30
RECORDS_SHOWN: Final = 100
WINDOWS_SHOWN: Final = 30
_ALERTS_READ: Final = 200


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as it is known at one moment.

    Attributes:
        path: of its node.
        line: its line, read at the same moment.
        states: its own signals, judged.
        predictions: that rest on its signals.
        alerts: the same of alerts, open ones first.
        alarms: at it or below it, standing or hidden, the gravest first.
        records: what was done on it, the newest work first.
        windows: in which its alarms were or will be suppressed.
    """

    path: str
    name_zh: str
    name_en: str
    wall: datetime
    line: Line
    states: tuple[SignalState, ...]
    predictions: tuple[Prediction, ...]
    alerts: tuple[AlertView, ...]
    alarms: tuple[AlarmView, ...]
    records: tuple[RecordView, ...]
    windows: tuple[Window, ...]

    @property
    def clock(self) -> datetime:
        """Until when it is judged, see `clock_of`."""
        return clock_of(self.line.now, self.line.arrival, self.wall)

    @property
    def heard(self) -> bool:
        """Whether its line still speaks."""
        return not is_silent(self.line.signals, self.line.now, self.clock)


def list_machines(view: TenantView) -> list[Equipment]:
    """The machines that the person may see, by path, but for retired ones and their parts."""
    with view.context.metadata.session() as session:
        nodes = list_equipment(session, view.scope, machines=True)
    retired = [node.path for node in nodes if node.retired]
    return [
        node
        for node in nodes
        if node.level is Level.MACHINE and not any(_within(node.path, place) for place in retired)
    ]


def read_machine(view: TenantView, wish: str, lines: Lines | None = None) -> Machine | None:
    """The wished machine, or the first one; None where the person may see none.

    Args:
        view: who looks.
        wish: its path.
        lines: lines as they were a moment ago, where several callbacks share one reading.
    """
    machines = list_machines(view)
    node = next((one for one in machines if one.path == wish), machines[0] if machines else None)
    if node is None:
        return None
    above = "/".join(node.path.split("/")[:3])
    line = read_line(view, above) if lines is None else lines.of(view, above)
    if line.path != above:
        # A line without signals is none for the line's page, which then shows another.
        line = Line(line.lines, above, (), (), {}, (), None, None)
    states = tuple(s for s in line.states if _within(s.signal.path, node.path))
    alone = len({one.path for one in machines if _within(one.path, above)}) == 1
    said = predictions(view.context, view.scope)
    wall = datetime.now(UTC)
    with view.context.metadata.session() as session:
        alarms = list_alarms(
            session, view.scope, wall, states=ANNUNCIATED | HIDDEN, below=node.path, limit=ALARMS_SHOWN
        )
        alerts = list_alerts(session, view.scope, line=above, limit=_ALERTS_READ)
        records = list_records(session, view.scope, below=node.path, limit=RECORDS_SHOWN)
        windows = maintenance_of(session, view.scope, node.path, limit=WINDOWS_SHOWN)
    mine = [one for one in alerts if alone or _rests_on(one.evidence, node.path)]
    return Machine(
        path=node.path,
        name_zh=node.name_zh,
        name_en=node.name_en,
        wall=wall,
        line=line,
        states=states,
        predictions=tuple(p for p in said if p.line == above and (alone or _rests_on(p.evidence, node.path))),
        alerts=tuple(sorted(mine, key=lambda one: one.closed_at is not None)[:ALERTS_SHOWN]),
        alarms=tuple(sorted(alarms, key=lambda one: (one.state in HIDDEN, -one.priority, -one.id))),
        records=tuple(sorted(records, key=lambda one: one.started_at, reverse=True)),
        windows=tuple(windows),
    )


def ranked(said: Iterable[Prediction]) -> list[tuple[Prediction, EvidenceItem]]:
    """Every signal that speaks for a statement, the weightiest first; what has no weight is left out."""
    items = [(one, item) for one in said for item in one.evidence if item.contribution is not None]
    return sorted(items, key=lambda pair: -(pair[1].contribution or 0.0))


def _rests_on(evidence: Sequence[EvidenceItem | AlertEvidence], machine: str) -> bool:
    return any(_within(item.signal, machine) for item in evidence)


def _within(path: str, place: str) -> bool:
    return f"{path}/".startswith(f"{place}/")
