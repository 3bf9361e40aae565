"""What people do with alarms: acknowledge, shelve, suppress, take out of service, and undo it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from tundish_platform.alarms.models import Alarm
from tundish_platform.alarms.reports import lay_down, note, standing_of
from tundish_platform.alarms.states import Transition
from tundish_platform.assets import lying_in
from tundish_platform.audit import record_of
from tundish_platform.tenancy import Permission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

# ISA-18.2 asks for an end to every shelving; a day is longer than any shift.
LONGEST_SHELF: Final = timedelta(hours=24)
# Hiding an alarm for good is the engineer's decision, not the shift's.
_NEEDS: Final = {
    Transition.SUPPRESSED: Permission.CONFIGURE,
    Transition.RELEASED: Permission.CONFIGURE,
    Transition.REMOVED: Permission.CONFIGURE,
    Transition.RETURNED: Permission.CONFIGURE,
}
_WITH_REASON: Final = frozenset({Transition.SHELVED, Transition.SUPPRESSED, Transition.REMOVED})


class UnknownAlarm(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such alarm."""


class HandlingRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The request itself is not usable.

    Attributes:
        message_zh, message_en: why, and what to do.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.message_zh = zh
        self.message_en = en


def handle(
    session: Session,
    scope: TenantScope,
    alarm_id: int,
    transition: Transition,
    *,
    comment: str = "",
    until: datetime | None = None,
    now: datetime,
) -> Alarm:
    """Do one thing to one alarm, and keep who did it.

    Args:
        session: of the metadata database.
        scope: may handle alarms, or configure for what hides one for good, at least at the alarm's place.
        alarm_id: which.
        transition: any but raised and cleared, which only sources report.
        comment: the reason; needed for shelving, suppressing and taking out of service.
        until: end of shelving, at most `LONGEST_SHELF` from now.
        now: the platform's clock, UTC.

    Raises:
        AccessDenied: the scope may not.
        UnknownAlarm: the tenant has no such alarm.
        HandlingRefused: a reason or an end is missing.
        TransitionRefused: the alarm's state does not allow it.
    """
    permission = _NEEDS.get(transition, Permission.HANDLE)
    scope.places(permission)
    _check(transition, comment, until, now)
    alarm = _taken(session, scope, alarm_id)
    scope.require_at(permission, alarm.path)
    standing = standing_of(alarm)
    match transition:
        case Transition.ACKNOWLEDGED:
            standing = standing.acknowledge(now)
            alarm.owed_to_source = True
        case Transition.SHELVED if until is not None:
            standing = standing.shelve(until, now)
        case Transition.UNSHELVED:
            standing = standing.unshelve(now)
        case Transition.SUPPRESSED:
            standing = standing.suppress(comment, now)
        case Transition.RELEASED:
            standing = standing.release(now)
        case Transition.REMOVED:
            standing = standing.remove_from_service(comment, now)
        case Transition.RETURNED:
            standing = standing.return_to_service(now)
        case _:
            raise HandlingRefused(
                "只有数据来源可以报告报警的产生与消除。", "Only sources raise and clear alarms."
            )
    lay_down(alarm, standing)
    note(session, alarm, transition, at=now, ts=now, by=scope.principal, comment=comment)
    if transition in _NEEDS:
        detail = {"alarm": f"{alarm.source}: {alarm.key}"[:500], "reason": comment}
        record_of(session, scope, f"alarm.{transition}", f"alarm/{alarm_id}", now, detail)
    session.flush()
    return alarm


def owed_acknowledgements(
    session: Session, scope: TenantScope, source: str, *, after: int = 0, limit: int = 1_000
) -> list[Alarm]:
    """Alarms of a source that people acknowledged here and that it has not been told of, by number, in pages.

    Raises:
        AccessDenied: the scope may not ingest, so it is no source.
    """
    scope.require(Permission.INGEST)
    owed = select(Alarm).where(
        Alarm.tenant_id == scope.tenant_id, Alarm.source == source, Alarm.owed_to_source.is_(True),
        Alarm.id > after,
    )  # fmt: skip
    return list(session.scalars(owed.order_by(Alarm.id).limit(limit)))


def settle_acknowledgement(session: Session, scope: TenantScope, source: str, alarm_id: int) -> bool:
    """The source has taken the acknowledgement; False where none was owed.

    Raises:
        AccessDenied: the scope may not ingest.
    """
    scope.require(Permission.INGEST)
    settled = session.scalar(
        update(Alarm)
        .where(
            Alarm.tenant_id == scope.tenant_id, Alarm.source == source,
            Alarm.id == alarm_id, Alarm.owed_to_source.is_(True),
        )
        .values(owed_to_source=False)
        .returning(Alarm.id)
    )  # fmt: skip
    return settled is not None


def _check(transition: Transition, comment: str, until: datetime | None, now: datetime) -> None:
    if transition in _WITH_REASON and not comment.strip():
        raise HandlingRefused("请填写原因。", "Give a reason.")
    if transition is not Transition.SHELVED:
        return
    if until is None or not now < until <= now + LONGEST_SHELF:
        hours = LONGEST_SHELF.total_seconds() / 3600
        raise HandlingRefused(
            f"搁置须有截止时间, 最长 {hours:g} 小时。",
            f"Shelving needs an end, at most {hours:g} hours from now.",
        )


def _taken(session: Session, scope: TenantScope, alarm_id: int) -> Alarm:
    mine = (Alarm.tenant_id == scope.tenant_id, Alarm.id == alarm_id, lying_in(Alarm.path, scope.places()))
    held = session.scalar(update(Alarm).where(*mine).values(id=Alarm.id).returning(Alarm.id))
    if held is None:
        raise UnknownAlarm(alarm_id)
    return session.scalars(select(Alarm).where(*mine).execution_options(populate_existing=True)).one()
