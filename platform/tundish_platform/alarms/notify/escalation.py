"""Escalation of one tenant's alarms: begin, go on by one step, pause, end. All state is in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select, update

from tundish_platform.alarms.hours import holds
from tundish_platform.alarms.listing import list_floods
from tundish_platform.alarms.models import Alarm
from tundish_platform.alarms.notify.channels import may_configure
from tundish_platform.alarms.notify.models import Escalation, EscalationPolicy
from tundish_platform.alarms.notify.outbox import Wish, audience_of, put
from tundish_platform.alarms.notify.policies import Policy, policy_of
from tundish_platform.alarms.reports import standing_of
from tundish_platform.alarms.states import HIDDEN, AlarmState
from tundish_platform.tenancy.accounts import tenant_of_scope
from tundish_platform.tenancy.metadata import insert_into

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

_BLOCK = 5_000


class EscalationState(StrEnum):
    """``told`` has no step left, but is watched until its alarm is dealt with."""

    RUNNING = "running"
    PAUSED = "paused"
    TOLD = "told"
    ENDED = "ended"


class Ended(StrEnum):
    """Why an escalation is over."""

    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    RAISED_ANEW = "raised_anew"


@dataclass(frozen=True, slots=True)
class _Round:
    """What is the same for all escalations of one round."""

    session: Session
    scope: TenantScope
    zone: ZoneInfo
    now: datetime
    flood: bool


def escalate_tenant(session: Session, scope: TenantScope, now: datetime) -> int:
    """Bring every escalation of a tenant up to date; returns how many steps told somebody.

    A step comes a fixed time after the one before was told. So a clock that jumps ahead, or a platform that
    was down, brings one step at once and the next after its own wait; a clock that is set back lengthens no
    wait. Steps are told in the transaction that marks them as told: twice is not possible.

    Args:
        session: of the metadata database.
        scope: with the permission to configure, not narrowed.
        now: the platform's clock, UTC.

    Raises:
        AccessDenied: the scope may not.
    """
    may_configure(scope)
    mine = EscalationPolicy.tenant_id == scope.tenant_id
    # A write takes the policies for us alone, on either database: two processes never tell a step twice.
    held = session.scalars(
        update(EscalationPolicy).where(mine).values(tenant_id=scope.tenant_id).returning(EscalationPolicy.id)
    ).all()
    if not held:
        return 0
    rows = session.scalars(select(EscalationPolicy).where(mine).execution_options(populate_existing=True))
    policies = {row.id: policy_of(row) for row in rows}
    zone = ZoneInfo(tenant_of_scope(session, scope).timezone)
    flood = any(f.end > now for f in list_floods(session, scope, now - timedelta(minutes=20), now))
    this = _Round(session, scope, zone, now, flood)
    for policy in policies.values():
        if policy.enabled:
            _begin(this, policy)
    return _go_on(this, policies)


def stopped(
    alarm: Alarm, escalation: Escalation, policy: Policy, now: datetime
) -> Ended | EscalationState | None:
    """Why nobody needs to be told any more, or ``PAUSED`` while it must wait; ``None`` to go on."""
    if alarm.occurrences != escalation.occurrence:
        return Ended.RAISED_ANEW
    if alarm.acknowledged:
        return Ended.ACKNOWLEDGED
    if not alarm.active and policy.stops_when_cleared:
        return Ended.CLEARED
    if not policy.enabled:
        return EscalationState.PAUSED
    state = standing_of(alarm).state(now)
    if state is AlarmState.SHELVED and not policy.stops_when_shelved:
        return None
    return EscalationState.PAUSED if state in HIDDEN else None


def _begin(this: _Round, policy: Policy) -> None:
    """An escalation for each alarm that nobody has acknowledged and that has none."""
    have = and_(
        Escalation.tenant_id == Alarm.tenant_id, Escalation.alarm_id == Alarm.id,
        Escalation.policy_id == policy.id, Escalation.occurrence == Alarm.occurrences,
    )  # fmt: skip
    wanted = [
        Alarm.tenant_id == this.scope.tenant_id, Alarm.acknowledged.is_(False),
        Alarm.priority >= int(policy.least_priority), Escalation.id.is_(None),
    ]  # fmt: skip
    if policy.path:
        below = Alarm.path.startswith(f"{policy.path.rstrip('/')}/", autoescape=True)
        wanted.append(or_(Alarm.path == policy.path, below))
    if policy.stops_when_cleared:
        wanted.append(Alarm.active.is_(True))
    due = this.now + timedelta(minutes=policy.steps[0].after_minutes)
    query = select(Alarm).outerjoin(Escalation, have).where(*wanted).order_by(Alarm.id).limit(_BLOCK)
    for alarm in this.session.scalars(query.execution_options(populate_existing=True)):
        if standing_of(alarm).state(this.now) in HIDDEN:
            continue
        this.session.execute(
            insert_into(this.session, Escalation)
            .values(
                tenant_id=this.scope.tenant_id, alarm_id=alarm.id, policy_id=policy.id,
                occurrence=alarm.occurrences, run=1, step=0, due_at=due,
                state=EscalationState.RUNNING.value, ended="",
            )
            .on_conflict_do_nothing()
        )  # fmt: skip


def _go_on(this: _Round, policies: dict[int, Policy]) -> int:
    rows = this.session.execute(
        select(Escalation, Alarm)
        .join(Alarm, Alarm.id == Escalation.alarm_id)
        .where(
            Escalation.tenant_id == this.scope.tenant_id,
            Alarm.tenant_id == this.scope.tenant_id,
            Escalation.state != EscalationState.ENDED.value,
        )
        .order_by(Alarm.priority.desc(), Escalation.id)
        .execution_options(populate_existing=True)
    )
    told = 0
    for escalation, alarm in rows.all():
        policy = policies[escalation.policy_id]
        why = stopped(alarm, escalation, policy, this.now)
        if isinstance(why, Ended):
            escalation.state, escalation.ended = EscalationState.ENDED.value, why.value
        elif why is EscalationState.PAUSED:
            escalation.state = EscalationState.PAUSED.value
        else:
            told += _advance(this, escalation, alarm, policy)
    this.session.flush()
    return told


def _advance(this: _Round, escalation: Escalation, alarm: Alarm, policy: Policy) -> int:
    if escalation.state == EscalationState.PAUSED.value:
        escalation.state = EscalationState.RUNNING.value
        escalation.run += 1
        escalation.step = 0
        escalation.due_at = this.now + _wait(policy, 0)
    told = 0
    while escalation.state == EscalationState.RUNNING.value:
        if escalation.step >= len(policy.steps):
            escalation.state = EscalationState.TOLD.value
            break
        # Further ahead than the whole wait is only possible after the clock was set back.
        escalation.due_at = min(escalation.due_at, this.now + _wait(policy, escalation.step))
        if escalation.due_at > this.now:
            break
        told += _tell(this, escalation, alarm, policy)
        escalation.step += 1
        if escalation.step < len(policy.steps):
            escalation.due_at = this.now + _wait(policy, escalation.step)
    return told


def _wait(policy: Policy, step: int) -> timedelta:
    before = policy.steps[step - 1].after_minutes if step else 0
    return timedelta(minutes=policy.steps[step].after_minutes - before)


def _tell(this: _Round, escalation: Escalation, alarm: Alarm, policy: Policy) -> int:
    step = policy.steps[escalation.step]
    if alarm.priority < step.least_priority or not holds(step.hours, this.zone, this.now):
        return 0
    audience = audience_of(step.people, step.roles)
    number = escalation.step + 1
    key = f"{this.scope.slug}-{escalation.id}-{escalation.run}-{number}"
    wish = Wish(key, escalation.id, alarm.id, number, step.after_minutes, alarm.priority)
    for channel in step.channels:
        put(this.session, this.scope, channel, audience, wish, flood=this.flood, now=this.now)
    return 1
