"""Looks at every connected enterprise for ghost connections; the bureau gets reasons and figures only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.api.rounds import Rounds
from tundish_platform.assets import list_signals
from tundish_platform.programme import enterprises
from tundish_platform.programme.ghosts import Look, Marks, Stream, suspicions
from tundish_platform.programme.ghosts.records import keep, suspected
from tundish_platform.programme.sharing import Record, disclosed
from tundish_platform.samples import SampleKind, SignalRole
from tundish_platform.samples.status import is_good
from tundish_platform.tenancy import AccessDenied, Permission, access_programme, access_tenant
from tundish_platform.tenancy.accounts import job_principal, tenant_of_scope
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from tundish_platform.api.context import PlatformContext
    from tundish_platform.programme.models import Enterprise, SuspicionRecord
    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import Principal, TenantScope

JOB: Final = "programme"

# Enough to judge an enterprise by, and little enough to look at a city each night.
_MOST_SIGNALS: Final = 8
_MOST_SAMPLES: Final = 20_000
_USUAL_PERIOD_S: Final = 1.0
_LONGEST: Final = timedelta(days=60)
_LONG: Final = timedelta(days=7)
_LONG_POINTS: Final = 2000
_DAYS: Final = 21
_MINUTES_A_WEEK: Final = 7 * 1440
_NEVER: Final = datetime(2200, 1, 1, tzinfo=UTC)


def suspicion_list(context: PlatformContext, principal: Principal) -> list[dict[str, Any]]:
    """Standing suspicions, the gravest first: register entries, reasons and figures.

    Raises:
        AccessDenied: the principal has no part in the programme.
    """
    access_programme(principal)
    with context.metadata.above(Above.GHOSTS).session() as session:
        return suspicions_told(suspected(session))


def suspicions_told(found: Iterable[tuple[Enterprise, SuspicionRecord]]) -> list[dict[str, Any]]:
    """Suspicions with their enterprises as they are shown."""
    return disclosed(
        Record.SUSPICION,
        (
            {
                "uscc": e.uscc, "name_zh": e.name_zh, "name_en": e.name_en, "region": e.region,
                "demo": e.demo,
                "reason": r.reason, "risk": r.risk, "signals": r.signals, "figures": r.figures,
                "since": r.since, "looked_at": r.looked_at,
            }
            for e, r in found
        ),
    )  # fmt: skip


def look_at_all(context: PlatformContext, now: datetime) -> int:
    """Look at every enterprise with a tenant, and keep what is found; returns at how many."""
    with context.metadata.above(Above.GHOSTS).session() as session:
        job = job_principal(session, JOB)
        by_number = {number: slug for slug, (number, _) in job.tenants.items()}
        known = [(e.id, by_number[e.tenant]) for e in enterprises(session) if e.tenant in by_number]
    marks, found = Marks(), {}
    for number, slug in known:
        try:
            scope = access_tenant(job, slug, Permission.READ)
            look, connected = look_at(context, scope, number, now)
        except AccessDenied:
            # Removed since the list was made.
            continue
        marks.add(number, look, connected)
        found[number] = suspicions(look)
    copies = marks.suspicions()
    with context.metadata.above(Above.GHOSTS).session() as session:
        for enterprise in enterprises(session):
            if enterprise.id in found:
                copied = (copies[enterprise.id],) if enterprise.id in copies else ()
                keep(session, enterprise, (*found[enterprise.id], *copied), now)
    return len(found)


def look_at(context: PlatformContext, scope: TenantScope, number: int, now: datetime) -> tuple[Look, float]:
    """What the detector needs of one enterprise, and when its first good sample of late arrived.

    Args:
        context: the platform's parts.
        scope: of the enterprise's tenant.
        number: of the enterprise in the register.
        now: moment of the look.
    """
    with context.metadata.above(Above.GHOSTS).session() as session:
        chosen = _chosen(list_signals(session, scope))
        enterprise = next(e for e in enterprises(session) if e.id == number)
        hours, zone = enterprise.hours_week, ZoneInfo(tenant_of_scope(session, scope).timezone)
    narrowed = scope.narrowed(frozenset(s.id for s in chosen), frozenset({Permission.READ}))
    arrivals = _arrivals(context, narrowed, now)
    look = Look(
        streams=tuple(_recent(context, narrowed, signal, now) for signal in chosen),
        active=_local_minutes(arrivals, zone),
        days=(now.timestamp() - float(arrivals.min())) / 86_400 if len(arrivals) else 0.0,
        hours_week=hours,
        long=_thinned(context, narrowed, chosen, now),
    )
    return look, float(arrivals.min()) if len(arrivals) else _NEVER.timestamp()


class GhostWatcher(Rounds):
    """Looks at all enterprises in the process that can read the store; a look writes nothing before its end.

    Args:
        context: the platform's parts.
        every_s: seconds from one look to the next; the first comes after as long.
    """

    def __init__(self, context: PlatformContext, every_s: float = 6 * 3600.0) -> None:
        super().__init__("ghost-watcher", every_s, "ghosts_not_looked_for")
        self._context = context

    def round(self, now: datetime) -> None:
        """Look at all once."""
        look_at_all(self._context, now)


def _chosen(known: Sequence[SignalInfo]) -> list[SignalInfo]:
    """Some measured numbers, spread over all there are; the same ones in every look."""
    measured = sorted(
        (s for s in known if s.role is SignalRole.MEASUREMENT and s.kind is SampleKind.NUMERIC),
        key=lambda s: s.path,
    )
    step = max(1, -(-len(measured) // _MOST_SIGNALS))
    return measured[::step]


def _recent(context: PlatformContext, scope: TenantScope, signal: SignalInfo, now: datetime) -> Stream:
    period = signal.period_s or _USUAL_PERIOD_S
    start = now - min(_LONGEST, timedelta(seconds=period * _MOST_SAMPLES))
    table = context.telemetry.read(scope, [signal.id], start, now, SampleKind.NUMERIC)
    return _stream(signal, table)


def _thinned(
    context: PlatformContext, scope: TenantScope, chosen: Sequence[SignalInfo], now: datetime
) -> tuple[Stream, ...]:
    if not chosen:
        return ()
    table = context.telemetry.trend(scope, chosen, now - _LONG, now, _LONG_POINTS)
    return tuple(_stream(s, table.filter(pc.equal(table["signal"], s.id))) for s in chosen)


def _stream(signal: SignalInfo, table: pa.Table) -> Stream:
    ts = table.column("ts").cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() / 1e6
    values = table.column("value").to_numpy().astype(np.float64)
    good = is_good(table.column("status").to_numpy()) & np.isfinite(values)
    return Stream(signal.id, ts[good], values[good])


def _arrivals(context: PlatformContext, scope: TenantScope, now: datetime) -> NDArray[np.int64]:
    """Seconds since 1970 of the minutes in which good samples arrived, each once, rising."""
    facts = context.telemetry.facts(scope, now - timedelta(days=_DAYS), now)
    good = facts.filter(pc.greater(facts.column("good"), 0))
    seconds = good.column("minute").cast(pa.timestamp("s")).cast(pa.int64()).to_numpy()
    return np.unique(seconds)


def _local_minutes(seconds: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    if not len(seconds):
        return np.empty(0, np.int64)
    first = datetime.fromtimestamp(int(seconds[0]), zone)
    offset = int((first.utcoffset() or timedelta()).total_seconds())
    # 1970 began on a Thursday; a Monday lies three days before it.
    local = (seconds + offset) // 60 + 3 * 1440
    minutes: NDArray[np.int64] = local - local[0] // _MINUTES_A_WEEK * _MINUTES_A_WEEK
    return minutes
