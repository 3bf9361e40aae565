"""Judging new samples by the rules, over and over: what makes a limit an alarm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select, update

from tundish_platform.alarms.hours import Hours, within
from tundish_platform.alarms.limits import US, Change, Limit, LimitKind, Watch, judge
from tundish_platform.alarms.models import AlarmRule
from tundish_platform.alarms.reports import Taken, take_reports
from tundish_platform.assets import find_signals
from tundish_platform.samples import AlarmPriority, AlarmReport, SampleKind
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.accounts import tenant_of_scope
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from sqlalchemy.orm import Session

    from tundish_platform.samples import SignalInfo
    from tundish_platform.tenancy import TenantScope

# Name under which rules report; no connector may take it, see `tundish_platform.api`.
RULES: Final = "alarm-rules"
# So much is read at a time; who was away for longer catches up in steps.
_STRETCH: Final = timedelta(hours=6)
_FAR: Final = timedelta(days=1)
# A sample that comes later than this behind the clock raises nothing any more; without an end to waiting,
# a silent signal's whole past would be read at every turn.
_GRACE: Final = timedelta(hours=1)


class Samples(Protocol):
    """What judging needs of the store."""

    def read(
        self, scope: TenantScope, signals: Sequence[int], start: datetime, end: datetime, kind: SampleKind
    ) -> pa.Table:
        """Rows with ``start <= ts < end``: ``signal, ts, value, status``, by signal and time."""
        ...


def watched_tenants(session: Session) -> list[str]:
    """Slugs of the tenants that have rules to judge by; for the job that goes round all of them."""
    return list(
        session.scalars(
            select(Tenant.slug)
            .join(AlarmRule, AlarmRule.tenant_id == Tenant.id)
            .where(AlarmRule.enabled.is_(True))
            .distinct()
            .order_by(Tenant.slug)
        )
    )


def watch_tenant(session: Session, samples: Samples, scope: TenantScope, now: datetime) -> Taken:
    """Judge what came since the last time by all enabled rules of a tenant.

    Samples are taken in the order of their source times and each once: one that comes after a newer one of
    the same signal was judged, or more than an hour behind the clock, is history and raises nothing.

    Args:
        session: of the metadata database; alarms and progress are written in its one transaction.
        samples: the store.
        scope: with the permissions to read and to ingest.
        now: the platform's clock, UTC.

    Returns:
        What became of the alarms.

    Raises:
        AccessDenied: the scope may not.
    """
    scope.require(Permission.READ)
    mine = (AlarmRule.tenant_id == scope.tenant_id, AlarmRule.enabled.is_(True))
    # A write takes the rules for us alone, on either database: two watchers never judge a sample twice.
    if not session.scalars(update(AlarmRule).where(*mine).values(enabled=True).returning(AlarmRule.id)).all():
        return Taken()
    rules = session.scalars(
        select(AlarmRule).where(*mine).order_by(AlarmRule.id).execution_options(populate_existing=True)
    ).all()
    signals = {s.id: s for s in find_signals(session, scope, [rule.signal_id for rule in rules])}
    reports: list[AlarmReport] = []
    zone = ZoneInfo(tenant_of_scope(session, scope).timezone)
    for kind, group in _groups(rules, signals):
        reports += _judged(samples, scope, group, signals, kind, zone, now)
    return take_reports(session, scope, RULES, reports, now)


def _groups(
    rules: Sequence[AlarmRule], signals: dict[int, SignalInfo]
) -> Iterator[tuple[SampleKind, list[AlarmRule]]]:
    """Rules that are read together: of one kind, and equally far.

    A silent signal lies back; in one group with the others it would make them be read again from there.
    """
    by: dict[tuple[SampleKind, int], list[AlarmRule]] = {}
    for rule in rules:
        key = (signals[rule.signal_id].kind, (rule.watch_seen or 0) // (60 * US))
        by.setdefault(key, []).append(rule)
    for (kind, _), group in by.items():
        yield kind, group


def _judged(
    samples: Samples,
    scope: TenantScope,
    rules: Sequence[AlarmRule],
    signals: dict[int, SignalInfo],
    kind: SampleKind,
    zone: ZoneInfo,
    now: datetime,
) -> list[AlarmReport]:
    start = min(_instant(rule.watch_seen) for rule in rules)
    # A clock that runs a little ahead is believed; one that is a day ahead would stop judging for a day.
    end = now + _FAR
    reports: list[AlarmReport] = []
    while start < end:
        until = min(start + _STRETCH, end) if start + _STRETCH < now else end
        table = samples.read(scope, sorted({rule.signal_id for rule in rules}), start, until, kind)
        parts = _by_signal(table, numbers=kind in {SampleKind.NUMERIC, SampleKind.INTEGER})
        for rule in rules:
            if rule.signal_id in parts:
                changes = _advance(rule, zone, *parts[rule.signal_id])
                reports += [_report(rule, signals[rule.signal_id], change) for change in changes]
        start = until
    patient = round((now - _GRACE).timestamp() * US)
    for rule in rules:
        rule.watch_seen = max(rule.watch_seen or 0, patient)
    return reports


def _advance(
    rule: AlarmRule, zone: ZoneInfo, ts: np.ndarray, value: np.ndarray, status: np.ndarray
) -> list[Change]:
    limit = Limit(LimitKind(rule.kind), rule.threshold, rule.deadband, rule.on_delay_s, rule.off_delay_s)
    on_duty = within(tuple(map(Hours.model_validate, rule.hours)), zone, ts) if rule.hours else None
    watch = Watch(rule.watch_active, rule.watch_pending, rule.watch_seen)
    watch, changes = judge(limit, watch, ts, value, status, on_duty)
    rule.watch_active, rule.watch_pending, rule.watch_seen = watch.active, watch.pending_since, watch.seen
    return changes


def _by_signal(table: pa.Table, *, numbers: bool) -> dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    signal = table["signal"].to_numpy()
    ts = table["ts"].cast("int64").to_numpy()
    status = table["status"].to_numpy()
    value = table["value"].cast("float64", safe=False).to_numpy() if numbers else np.full(len(ts), np.nan)
    found: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    order = np.lexsort((ts, signal))
    edges = np.flatnonzero(np.diff(signal[order])) + 1
    for part in np.split(order, edges):
        if len(part):
            found[int(signal[part[0]])] = (ts[part], value[part], status[part])
    return found


def _report(rule: AlarmRule, signal: SignalInfo, change: Change) -> AlarmReport:
    number = None if np.isnan(change.value) else change.value
    shown = "" if number is None else f"{number:g} {signal.unit}".strip()
    return AlarmReport(
        key=f"rule/{rule.id}", active=change.active, ts=_instant(change.ts),
        priority=AlarmPriority(rule.priority), name_zh=rule.name_zh, name_en=rule.name_en,
        message_zh=_joined(shown, rule.advice_zh), message_en=_joined(shown, rule.advice_en),
        path=signal.path, value=number,
    )  # fmt: skip


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)[:500]


def _instant(us: int | None) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=(us or 0) // US, microseconds=(us or 0) % US)
