"""Shift plans of places: set, read, and which of them hold where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, update

from tundish_platform.alarms.notify.channels import ChannelKind
from tundish_platform.alarms.notify.models import AlarmContact, NoticeChannel
from tundish_platform.assets import lying_in, upwards
from tundish_platform.assets.models import Asset
from tundish_platform.audit import record_of
from tundish_platform.handover.faults import HandoverRefused, PlanChanged
from tundish_platform.handover.models import ShiftPlan
from tundish_platform.handover.specs import ShiftPlanView, ShiftSpec
from tundish_platform.samples.shifts import Shift, ShiftCalendar, instant
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.accounts import tenant_of_scope
from tundish_platform.tenancy.metadata import insert_into
from tundish_platform.tenancy.models import Membership

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from tundish_platform.handover.specs import ShiftPlanSpec
    from tundish_platform.tenancy import TenantScope

MAX_PLANS: Final = 500
_LEVELS: Final = ("site", "area", "line")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Planned:
    """The shifts that hold at a place.

    Attributes:
        path: of the place.
        calendar: None where neither the place nor anything above it has shifts.
        named: the shifts' words by their code.
        plan: the place's own plan, if it has one.
    """

    path: str
    calendar: ShiftCalendar | None
    named: Mapping[str, ShiftSpec]
    plan: ShiftPlanView | None

    def between(self, start: datetime, end: datetime) -> list[Shift]:
        """Shifts that touch ``[start, end)``, in order; what a clock change skips did not take place."""
        if self.calendar is None:
            return []
        zone = ZoneInfo(self.calendar.zone)
        day = timedelta(days=1)
        # A night shift of the day before may reach into the window.
        first, last = (start.astimezone(zone).date() - day, end.astimezone(zone).date())
        low, high = instant(start), instant(end)
        found = self.calendar.shifts(first, last)
        return [s for s in found if s.start < s.end and s.end > low and s.start < high]

    def at(self, starts_at: datetime) -> Shift | None:
        """The shift that begins at an instant."""
        begin = instant(starts_at)
        near = self.between(starts_at, starts_at + timedelta(minutes=1))
        return next((shift for shift in near if shift.start == begin), None)


def moment(micros: int) -> datetime:
    """An instant of µs since 1970."""
    return _EPOCH + timedelta(microseconds=micros)


def set_plan(
    session: Session, scope: TenantScope, spec: ShiftPlanSpec, version: int, now: datetime
) -> ShiftPlanView:
    """Say which shifts a place has; version 0 makes its first plan, else the one of that version is replaced.

    Raises:
        AccessDenied: the scope may not configure at the place.
        HandoverRefused: there is no such place, channel or recipient, or there are too many plans.
        PlanChanged: somebody changed it since, or made the first one.
    """
    scope.require_at(Permission.CONFIGURE, spec.path)
    _check(session, scope, spec)
    said = spec.model_dump(mode="json")
    common = {"spec": said, "changed_by": scope.principal, "changed_at": now}
    mine = (ShiftPlan.tenant_id == scope.tenant_id, ShiftPlan.path == spec.path)
    if version:
        done = session.scalar(
            update(ShiftPlan)
            .where(*mine, ShiftPlan.version == version)
            .values(version=version + 1, **common)
            .returning(ShiftPlan.id)
        )
    else:
        done = session.scalar(
            insert_into(session, ShiftPlan)
            .values(tenant_id=scope.tenant_id, path=spec.path, since=now, version=1, **common)
            .on_conflict_do_nothing()
            .returning(ShiftPlan.id)
        )
    if done is None:
        raise PlanChanged(spec.path)
    record_of(session, scope, "shift_plan.set", spec.path, now, said)
    row = session.scalars(select(ShiftPlan).where(*mine).execution_options(populate_existing=True)).one()
    return _view(row)


def remove_plan(session: Session, scope: TenantScope, path: str, now: datetime) -> bool:
    """Take a place's plan away; its reports stay. False where it had none.

    Raises:
        AccessDenied: the scope may not configure at the place.
    """
    scope.require_at(Permission.CONFIGURE, path)
    gone = session.scalar(
        delete(ShiftPlan)
        .where(ShiftPlan.tenant_id == scope.tenant_id, ShiftPlan.path == path)
        .returning(ShiftPlan.id)
    )
    if gone is not None:
        record_of(session, scope, "shift_plan.removed", path, now)
    return gone is not None


def list_plans(session: Session, scope: TenantScope) -> list[ShiftPlanView]:
    """The plans of the places where the scope may read, by path; at most `MAX_PLANS`.

    Raises:
        AccessDenied: the scope may not read.
    """
    rows = session.scalars(
        select(ShiftPlan)
        .where(ShiftPlan.tenant_id == scope.tenant_id, lying_in(ShiftPlan.path, scope.places()))
        .order_by(ShiftPlan.path)
    )
    return [_view(row) for row in rows]


def planned_at(session: Session, scope: TenantScope, path: str) -> Planned:
    """The shifts that hold at a place: its own, else those of the nearest place above it that has some.

    Raises:
        AccessDenied: the scope may not read there.
    """
    scope.require_at(Permission.READ, path)
    return planned_for(session, scope, [path])[path]


def planned_for(session: Session, scope: TenantScope, paths: Iterable[str]) -> dict[str, Planned]:
    """The shifts that hold at many places, by path, as `planned_at` tells them; their plans are read at once.

    Places where the scope may not read are left out. Places with the same shifts share one calendar.
    """
    above = {path: upwards(path) for path in paths if scope.allows(Permission.READ, path)}
    places = sorted({place for each in above.values() for place in each})
    rows = session.scalars(
        select(ShiftPlan).where(ShiftPlan.tenant_id == scope.tenant_id, ShiftPlan.path.in_(places))
    )
    plans = {row.path: _view(row) for row in rows}
    zone = tenant_of_scope(session, scope).timezone if plans else ""
    calendars = {place: plan.calendar(zone) for place, plan in plans.items() if plan.shifts}
    found = {}
    for path, each in above.items():
        holding = next((place for place in each if place in calendars), None)
        own = plans.get(path)
        if holding is None:
            found[path] = Planned(path, None, {}, own)
        else:
            named = {shift.code: shift for shift in plans[holding].shifts}
            found[path] = Planned(path, calendars[holding], named, own)
    return found


def _view(row: ShiftPlan) -> ShiftPlanView:
    kept = {name: getattr(row, name) for name in ("id", "since", "version", "changed_by", "changed_at")}
    return ShiftPlanView.model_validate(row.spec | kept)


def _check(session: Session, scope: TenantScope, spec: ShiftPlanSpec) -> None:
    there = session.scalar(
        select(Asset.id).where(
            Asset.tenant_id == scope.tenant_id, Asset.path == spec.path, Asset.level.in_(_LEVELS)
        )
    )
    if there is None:
        raise HandoverRefused(
            "没有该厂区、区域或产线。请选择设备树中的位置。",
            "There is no such site, area or line. Choose a place of the equipment tree.",
        )
    _check_calendar(session, scope, spec)
    held = session.scalar(select(func.count()).where(ShiftPlan.tenant_id == scope.tenant_id)) or 0
    if held >= MAX_PLANS:
        raise HandoverRefused(
            f"班次方案已达上限 {MAX_PLANS} 个。", f"There are {MAX_PLANS} shift plans already."
        )
    if spec.mail is not None:
        _check_mail(session, scope, spec.mail.channel, set(spec.mail.people))


def _check_calendar(session: Session, scope: TenantScope, spec: ShiftPlanSpec) -> None:
    """Days with exceptions are laid out too, with their neighbours: a make-up day may run into the next."""
    calendar, day = spec.calendar(tenant_of_scope(session, scope).timezone), timedelta(days=1)
    try:
        for one in spec.exceptions:
            calendar.shifts(one.day - day, one.day + day)
    except ValueError as error:
        raise HandoverRefused(
            "例外日的班次与相邻日的班次重叠。请调整。",
            "The shifts of an exception overlap with those of its neighbours. Change them.",
        ) from error


def _check_mail(session: Session, scope: TenantScope, channel: int, people: set[int]) -> None:
    kind = session.scalar(
        select(NoticeChannel.kind).where(
            NoticeChannel.tenant_id == scope.tenant_id, NoticeChannel.id == channel
        )
    )
    if kind != ChannelKind.MAIL.value:
        raise HandoverRefused(
            f"没有邮件渠道 {channel}。请先在报警设置中建立邮件渠道。",
            f"There is no mail channel {channel}. Make one in the alarm settings first.",
        )
    known = set(
        session.scalars(
            select(AlarmContact.user_id)
            .join(Membership, Membership.user_id == AlarmContact.user_id)
            .where(
                AlarmContact.tenant_id == scope.tenant_id, Membership.tenant_id == scope.tenant_id,
                AlarmContact.user_id.in_(people), AlarmContact.mail != "",
            )
        )
    )  # fmt: skip
    if unknown := people - known:
        raise HandoverRefused(
            f"人员 {min(unknown)} 没有登记邮箱。请先在报警设置的联系人中登记。",
            f"Person {min(unknown)} has no mail address. Enter it among the contacts in the alarm settings.",
        )
