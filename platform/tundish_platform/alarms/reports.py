"""Taking what sources report of their alarms: at least once, out of order, and many at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, update

from tundish_platform.alarms.models import Alarm, AlarmEvent
from tundish_platform.alarms.states import AlarmState, Standing, Transition
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from tundish_platform.samples import AlarmReport
    from tundish_platform.tenancy import TenantScope

MAX_REPORTS: Final = 10_000
MAX_ALARMS: Final = 100_000
_BEFORE_ALL: Final = datetime(1, 1, 1, tzinfo=UTC)


class AlarmQuotaReached(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The tenant would have more than `MAX_ALARMS` alarms; nothing of the request was stored."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of reports.

    Attributes:
        changed: that changed how an alarm stands.
        late: older than what was known; kept as history.
        repeated: that said nothing new.
    """

    changed: int = 0
    late: int = 0
    repeated: int = 0


def take_reports(
    session: Session, scope: TenantScope, source: str, reports: Sequence[AlarmReport], now: datetime
) -> Taken:
    """Take a source's reports; all of them or none.

    An alarm nobody knew is made by its first active report. The newest source time decides how it stands,
    whatever the order of arrival.

    Args:
        session: of the metadata database.
        scope: with the permission to ingest, not narrowed to some signals.
        source: who reports.
        reports: in any order.
        now: the platform's clock, UTC.

    Raises:
        AccessDenied: the scope may not ingest.
        AlarmQuotaReached: too many alarms.
    """
    scope.require(Permission.INGEST)
    scope.require_all_signals()
    counts = {"changed": 0, "late": 0, "repeated": 0}
    # In order of the keys, so that two senders lock the same rows in the same order.
    for report in sorted(reports, key=lambda one: (one.key, one.ts)):
        counts[_take(session, scope, source, report, now)] += 1
    session.flush()
    if counts["changed"] and _how_many(session, scope) > MAX_ALARMS:
        raise AlarmQuotaReached(f"more than {MAX_ALARMS} alarms")
    return Taken(**counts)


def standing_of(alarm: Alarm) -> Standing:
    """How a row stands, as the state machine sees it."""
    return Standing(
        alarm.active, alarm.acknowledged, alarm.shelved_until, alarm.suppressed, alarm.out_of_service
    )


def lay_down(alarm: Alarm, standing: Standing) -> None:
    """Write a standing into its row."""
    alarm.active = standing.active
    alarm.acknowledged = standing.acknowledged
    alarm.shelved_until = standing.shelved_until
    alarm.suppressed = standing.suppressed
    alarm.out_of_service = standing.out_of_service


def note(  # noqa: PLR0913 - an event is what happened, when by both clocks, by whom and why
    session: Session, alarm: Alarm, transition: Transition, *, at: datetime, ts: datetime, by: str,
    comment: str = "", late: bool = False, value: float | None = None,
) -> bool:  # fmt: skip
    """Write an event; False where it stands there already."""
    made = session.execute(
        insert_into(session, AlarmEvent)
        .values(
            tenant_id=alarm.tenant_id, alarm_id=alarm.id, transition=transition.value,
            at=at, ts=ts, late=late, by=by, comment=comment, value=value,
        )
        .on_conflict_do_nothing()
        .returning(AlarmEvent.id)
    ).first()  # fmt: skip
    return made is not None


def _take(session: Session, scope: TenantScope, source: str, report: AlarmReport, now: datetime) -> str:
    alarm = _locked(session, scope, source, report)
    if alarm is None:
        return "repeated"
    if report.ts < alarm.changed_ts:
        transition = Transition.RAISED if report.active else Transition.CLEARED
        fresh = note(
            session, alarm, transition, at=now, ts=report.ts, by=source, late=True, value=report.value
        )
        return "late" if fresh else "repeated"
    changed = _apply(session, alarm, source, report, now)
    alarm.changed_ts = report.ts
    alarm.priority = int(report.priority)
    for name in ("name_zh", "name_en", "message_zh", "message_en", "path", "value"):
        setattr(alarm, name, getattr(report, name))
    return "changed" if changed else "repeated"


def _apply(session: Session, alarm: Alarm, source: str, report: AlarmReport, now: datetime) -> bool:
    standing, transition = standing_of(alarm).reported(now, active=report.active)
    if transition is Transition.RAISED:
        alarm.raised_ts = report.ts
        alarm.occurrences += 1
        # An acknowledgement of the last occurrence means nothing for this one.
        alarm.owed_to_source = False
    elif transition is Transition.CLEARED:
        alarm.cleared_ts = report.ts
    if transition is not None:
        note(session, alarm, transition, at=now, ts=report.ts, by=source, value=report.value)
    acknowledged = report.acknowledged and standing.state(now) in {
        AlarmState.UNACKNOWLEDGED,
        AlarmState.RETURNED,
    }
    if acknowledged:
        standing = standing.acknowledge(now)
        note(session, alarm, Transition.ACKNOWLEDGED, at=now, ts=report.ts, by=source)
    if report.acknowledged:
        alarm.owed_to_source = False
    lay_down(alarm, standing)
    return transition is not None or bool(acknowledged)


def _locked(session: Session, scope: TenantScope, source: str, report: AlarmReport) -> Alarm | None:
    """The alarm's row, made where need be and ours until the transaction ends."""
    mine = (Alarm.tenant_id == scope.tenant_id, Alarm.source == source, Alarm.key == report.key)
    if report.active:
        session.execute(
            insert_into(session, Alarm).values(_new(scope, source, report)).on_conflict_do_nothing()
        )
    # A write that changes nothing takes the row, on either database.
    held = session.scalar(update(Alarm).where(*mine).values(source=source).returning(Alarm.id))
    if held is None:
        return None
    return session.scalars(select(Alarm).where(*mine).execution_options(populate_existing=True)).one()


def _new(scope: TenantScope, source: str, report: AlarmReport) -> dict[str, object]:
    return {
        "tenant_id": scope.tenant_id, "source": source, "key": report.key, "path": report.path,
        "priority": int(report.priority), "name_zh": report.name_zh, "name_en": report.name_en,
        "message_zh": "", "message_en": "", "value": None,
        "active": False, "acknowledged": True, "shelved_until": None, "suppressed": "", "out_of_service": "",
        "changed_ts": _BEFORE_ALL, "raised_ts": None, "cleared_ts": None,
        "owed_to_source": False, "occurrences": 0, "maintenance_id": None,
    }  # fmt: skip


def _how_many(session: Session, scope: TenantScope) -> int:
    return session.scalar(select(func.count()).where(Alarm.tenant_id == scope.tenant_id)) or 0
