"""What the platform knows of trouble at the machines that a trial read: alarms, judged alerts, stops."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, func, or_, select

from tundish_platform.alarms.maintenance import MaintenanceWindow
from tundish_platform.alarms.models import Alarm, AlarmEvent, AlarmRule
from tundish_platform.alarms.states import Transition
from tundish_platform.alerts.feedback import Verdict
from tundish_platform.alerts.listing import newest_feedback
from tundish_platform.alerts.models import Alert
from tundish_platform.alerts.raising import ALERTS
from tundish_platform.assets import lying_in
from tundish_platform.assets.models import Signal
from tundish_platform.samples import AlarmPriority, SampleKind
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.scope import within
from tundish_platform.trials.judging import Known, Source, Stretch, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    import pyarrow as pa
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

# Low ones are notes that nobody has to act on, so missing them is no miss.
_LEAST: Final = AlarmPriority.MEDIUM
_MOST_EVENTS: Final = 20_000
_MOST_ALERTS: Final = 2_000
_LINE_LEVELS: Final = 3
_STATE: Final = "state.packml"
# The states of ISA-TR88.00.02 that a machine falls into by itself; the others are ordered or wait for others.
_STOPPED: Final = frozenset({"Aborting", "Aborted"})


@dataclass(frozen=True, slots=True)
class Reach:
    """Where trouble counts: at the machines of the signals that were read, and at their lines as a whole.

    Attributes:
        machines: their paths; trouble at them or below.
        lines: their paths; what is told of a line itself, as alerts are.
    """

    machines: frozenset[str]
    lines: frozenset[str]

    @classmethod
    def of(cls, signals: Iterable[SignalInfo]) -> Reach:
        """The reach of some signals."""
        machines = frozenset(signal.machine for signal in signals)
        return cls(machines, frozenset("/".join(path.split("/")[:_LINE_LEVELS]) for path in machines))


def state_signals(signals: Iterable[SignalInfo], reach: Reach) -> list[SignalInfo]:
    """Signals that tell the state of one of the machines."""
    return [
        s for s in signals
        if s.semantic == _STATE and s.kind is SampleKind.TEXT and within(s.path, reach.machines)
    ]  # fmt: skip


def stops_in(table: pa.Table, signals: Sequence[SignalInfo], end: datetime) -> list[Trouble]:
    """Stretches in which a machine had stopped by itself, from samples ``signal, ts, value``.

    A state lasts until the next sample of it; the last one until `end`.
    """
    names = {signal.id: signal for signal in signals}
    found: list[Trouble] = []
    running: Trouble | None = None
    rows = zip(*(table.column(name).to_pylist() for name in ("signal", "ts", "value")), strict=True)
    for number, at, value in sorted(rows, key=lambda row: (row[0], row[1])):
        path = names[number].machine
        if running and (running.path != path or value not in _STOPPED):
            found.append(_ended(running, at if running.path == path else end))
            running = None
        if running is None and value in _STOPPED:
            running = Trouble(Source.STOP, path, at, at, "设备异常停机", "The machine stopped by itself")
    return found + ([_ended(running, end)] if running else [])


def known_of(
    session: Session, scope: TenantScope, reach: Reach, stretch: Stretch, stops: Sequence[Trouble],
    states_since: datetime | None,
) -> Known:  # fmt: skip
    """Everything that is known of the stretch.

    Args:
        session: of the metadata database.
        scope: with the permission to read, all of the tenant.
        reach: where.
        stretch: when.
        stops: by `stops_in`.
        states_since: from when on the machines' states were recorded; None where they are not.

    Raises:
        AccessDenied: the scope may not read, or is narrowed.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    planned = _planned(session, scope, reach, stretch)
    alarms, shortened = _alarms(session, scope, reach, stretch)
    confirmed, refuted = _alerts(session, scope, reach, stretch)
    troubles = [one for one in (*alarms, *confirmed, *stops) if not any(p.holds(one.start) for p in planned)]
    since = [at for at in (_watched_since(session, scope, reach), states_since) if at]
    counts = Counter(one.source.value for one in troubles)
    counts.update({"refuted": len(refuted), "planned": len(planned)})
    return Known(tuple(troubles), tuple(refuted), planned, min(since, default=None), dict(counts), shortened)


def _there(scope: TenantScope, reach: Reach) -> tuple[ColumnElement[bool], ...]:
    """Conditions on alarms: the tenant's, at a machine of the reach or at its line, no model's alert."""
    return (
        Alarm.tenant_id == scope.tenant_id,
        or_(lying_in(Alarm.path, reach.machines), Alarm.path.in_(sorted(reach.lines))),
        Alarm.source != ALERTS,
    )


def _alarms(
    session: Session, scope: TenantScope, reach: Reach, stretch: Stretch
) -> tuple[list[Trouble], bool]:
    query = (
        select(Alarm, AlarmEvent.transition, AlarmEvent.ts)
        .join(AlarmEvent, and_(AlarmEvent.alarm_id == Alarm.id, AlarmEvent.tenant_id == scope.tenant_id))
        .where(
            *_there(scope, reach), Alarm.priority >= int(_LEAST),
            AlarmEvent.transition.in_([Transition.RAISED.value, Transition.CLEARED.value]),
            AlarmEvent.ts >= stretch.start, AlarmEvent.ts <= stretch.end,
        )
        .order_by(Alarm.id, AlarmEvent.ts, AlarmEvent.id)
        .limit(_MOST_EVENTS)
    )  # fmt: skip
    rows = session.execute(query).all()
    return list(_raised(rows, stretch.end)), len(rows) == _MOST_EVENTS


def _raised(rows: Iterable[tuple[Alarm, str, datetime]], end: datetime) -> Iterator[Trouble]:
    open_one: tuple[Alarm, datetime] | None = None
    for alarm, transition, ts in rows:
        if open_one and (open_one[0].id != alarm.id or transition == Transition.CLEARED):
            began, since = open_one
            yield _of_alarm(began, since, ts if began.id == alarm.id else end)
            open_one = None
        if transition == Transition.RAISED and open_one is None:
            open_one = alarm, ts
    if open_one:
        yield _of_alarm(*open_one, end)


def _of_alarm(alarm: Alarm, start: datetime, end: datetime) -> Trouble:
    return Trouble(Source.ALARM, alarm.path, start, end, alarm.name_zh, alarm.name_en)


def _alerts(
    session: Session, scope: TenantScope, reach: Reach, stretch: Stretch
) -> tuple[list[Trouble], list[Stretch]]:
    """Alerts that people confirmed, as trouble, and the stretches of those that they found false."""
    query = (
        select(Alert)
        .where(
            Alert.tenant_id == scope.tenant_id, Alert.line.in_(sorted(reach.lines)),
            Alert.opened_at >= stretch.start, Alert.opened_at <= stretch.end,
        )
        .order_by(Alert.id.desc())
        .limit(_MOST_ALERTS)
    )  # fmt: skip
    alerts = session.scalars(query).all()
    said = newest_feedback(session, scope, [alert.id for alert in alerts])
    confirmed, refuted = [], []
    for alert in alerts:
        told = said.get(alert.id)
        if told is None or told.verdict == Verdict.UNCLEAR:
            continue
        until = alert.closed_at or alert.judged_to
        if told.verdict == Verdict.FALSE:
            refuted.append(Stretch(alert.opened_at, until))
            continue
        at = told.found_at or alert.opened_at
        words = f"{alert.target_zh}: {alert.label_zh}", f"{alert.target_en}: {alert.label_en}"
        confirmed.append(Trouble(Source.ALERT, alert.line, at, max(at, until), *words))
    return confirmed, refuted


def _planned(session: Session, scope: TenantScope, reach: Reach, stretch: Stretch) -> tuple[Stretch, ...]:
    query = select(MaintenanceWindow).where(
        MaintenanceWindow.tenant_id == scope.tenant_id,
        MaintenanceWindow.starts_at < stretch.end, MaintenanceWindow.ends_at > stretch.start,
    )  # fmt: skip
    found = session.scalars(query.order_by(MaintenanceWindow.starts_at))
    # Of a window above all machines, or at one of them; work on one machine excuses no other.
    return tuple(
        Stretch(one.starts_at, one.ends_at)
        for one in found
        if all(within(machine, frozenset({one.path})) for machine in reach.machines)
    )


def _watched_since(session: Session, scope: TenantScope, reach: Reach) -> datetime | None:
    """From when on trouble at the machines would have been recorded as an alarm."""
    first: datetime | None = session.scalar(
        select(func.min(AlarmEvent.ts))
        .join(Alarm, Alarm.id == AlarmEvent.alarm_id)
        .where(AlarmEvent.tenant_id == scope.tenant_id, *_there(scope, reach))
    )
    there = select(Signal.id).where(
        Signal.tenant_id == scope.tenant_id, lying_in(Signal.path, reach.machines)
    )
    rule: datetime | None = session.scalar(
        select(func.min(AlarmRule.changed_at)).where(
            AlarmRule.tenant_id == scope.tenant_id,
            AlarmRule.enabled.is_(True),
            AlarmRule.signal_id.in_(there),
        )
    )
    return min((at for at in (first, rule) if at), default=None)


def _ended(trouble: Trouble, end: datetime) -> Trouble:
    return Trouble(trouble.source, trouble.path, trouble.start, end, trouble.zh, trouble.en)
