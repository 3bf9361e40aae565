"""Taking what a worker says of an alert: at least once, in any order, from more than one worker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update

from tundish_platform.alarms import take_reports
from tundish_platform.alerts.models import Alert
from tundish_platform.samples import AlarmPriority, AlarmReport, AlertReport
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

ALERTS: Final = "alerts"
"""Name under which grave alerts report alarms; no connector may take it, see `tundish_platform.api`."""

MAX_ALERTS: Final = 100_000
# From here on somebody has to act soon, so the alert is an alarm too: acknowledged, escalated, told.
_ALARMED: Final = AlarmPriority.HIGH
_TRIES: Final = 3
_SHORTEST: Final = timedelta(microseconds=1)
_HORIZON: Final = ("expected_at", "earliest", "latest")
_LASTING: Final = frozenset(
    {"model", "version", "line", "target", "target_zh", "target_en", "since", "opened_at", "closed_at"}
)


class AlertQuotaReached(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The tenant would have more than `MAX_ALERTS` alerts; nothing was stored."""


def take_alert(session: Session, scope: TenantScope, report: AlertReport, now: datetime) -> Alert:
    """Take one report; the newest judged window decides how the alert stands, whatever the order of arrival.

    A closing is final. While one alert of a target stands open, an opening at another window is the same
    alert: its statement counts, and no second one is made. A grave open alert is an alarm as well.

    Args:
        session: of the metadata database.
        scope: with the permission to ingest, not narrowed to some signals.
        report: of the alert.
        now: the platform's clock, UTC.

    Returns:
        The alert as it stands.

    Raises:
        AccessDenied: the scope may not ingest.
        AlertQuotaReached: too many alerts.
        AlarmQuotaReached: too many alarms.
    """
    scope.require(Permission.INGEST)
    scope.require_all_signals()
    row, fresh = _held(session, scope, report, now)
    alarmed = not fresh and row.closed_at is None and row.priority >= _ALARMED
    if not fresh and report.judged_to > row.judged_to and row.closed_at is None:
        _restate(row, report, now)
    session.flush()
    if fresh and _how_many(session, scope) > MAX_ALERTS:
        raise AlertQuotaReached(f"more than {MAX_ALERTS} alerts")
    grave = row.closed_at is None and row.priority >= _ALARMED
    if grave is not alarmed:
        take_reports(session, scope, ALERTS, [_alarm(row, active=grave)], now)
    return row


def end_alert(
    session: Session, scope: TenantScope, row: Alert, at: datetime, because: str, now: datetime
) -> None:
    """Close an open alert for good without a word of its model, and its alarm with it.

    Args:
        session: of the metadata database.
        scope: with the permission to ingest, not narrowed to some signals.
        row: the alert.
        at: when it ends; behind its opening in any case, because source time may run ahead of ours.
        because: a word for the reason.
        now: the platform's clock, UTC.
    """
    scope.require(Permission.INGEST)
    scope.require_all_signals()
    row.closed_at = max(at, row.opened_at + _SHORTEST)
    row.closed_because, row.changed_at = because, now
    session.flush()
    if row.priority >= _ALARMED:
        take_reports(session, scope, ALERTS, [_alarm(row, active=False)], now)


def _held(session: Session, scope: TenantScope, report: AlertReport, now: datetime) -> tuple[Alert, bool]:
    """The alert's row, ours until the transaction ends, and whether this report made it."""
    target = (
        Alert.tenant_id == scope.tenant_id, Alert.model == report.model,
        Alert.line == report.line, Alert.target == report.target,
    )  # fmt: skip
    for _ in range(_TRIES):
        made = session.execute(
            insert_into(session, Alert)
            .values(_columns(report) | {"tenant_id": scope.tenant_id, "told_at": now, "changed_at": now})
            .on_conflict_do_nothing()
            .returning(Alert.id)
        ).first()
        for which in (Alert.opened_at == report.opened_at, Alert.closed_at.is_(None)):
            # A write that changes nothing takes the row, on either database.
            held = session.scalar(
                update(Alert).where(*target, which).values(model=report.model).returning(Alert.id)
            )
            if held is not None:
                query = select(Alert).where(Alert.tenant_id == scope.tenant_id, Alert.id == held)
                row = session.scalars(query.execution_options(populate_existing=True)).one()
                return row, made is not None
        # The open one that stood in the way was closed in between: the next try makes ours.
    raise RuntimeError(
        f"{report.line} {report.model} {report.target} opens and closes faster than it is told"
    )


def _columns(report: AlertReport) -> dict[str, Any]:
    found = {name: getattr(report, name) for name in AlertReport.model_fields if name != "horizon"}
    horizon = {name: getattr(report.horizon, name, None) for name in _HORIZON}
    return (
        found
        | horizon
        | {
            "priority": int(report.priority),
            "sureness": report.sureness.value,
            "evidence": [one.model_dump(mode="json") for one in report.evidence],
        }
    )


def _restate(row: Alert, report: AlertReport, now: datetime) -> None:
    newest = {name: value for name, value in _columns(report).items() if name not in _LASTING}
    newest["priority"] = max(row.priority, int(report.priority))
    for name, value in newest.items():
        setattr(row, name, value)
    if report.opened_at == row.opened_at:
        row.closed_at = report.closed_at
    row.changed_at = now


def _alarm(row: Alert, *, active: bool) -> AlarmReport:
    return AlarmReport(
        key=f"{row.model}/{row.target}@{row.line}", active=active,
        ts=row.closed_at or row.judged_to, priority=AlarmPriority(row.priority),
        name_zh=row.target_zh, name_en=row.target_en,
        message_zh=_joined(row.label_zh, row.check_zh), message_en=_joined(row.label_en, row.check_en),
        path=row.line, value=row.value,
    )  # fmt: skip


def _joined(label: str, check: str) -> str:
    return " · ".join(part for part in (label, check) if part)[:500]


def _how_many(session: Session, scope: TenantScope) -> int:
    return session.scalar(select(func.count()).where(Alert.tenant_id == scope.tenant_id)) or 0
