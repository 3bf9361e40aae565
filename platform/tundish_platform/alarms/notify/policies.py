"""Escalation policies of a tenant: who is told, and when, of an alarm that nobody acknowledges."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import delete, func, select, update

from tundish_platform.alarms.hours import Weekly
from tundish_platform.alarms.notify.channels import ChannelRefused, may_configure
from tundish_platform.alarms.notify.models import EscalationPolicy, NoticeChannel
from tundish_platform.audit import record_of
from tundish_platform.samples import AlarmPriority
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.models import Membership

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_POLICIES: Final = 100
MAX_STEPS: Final = 20
_WEEK_MIN: Final = 7 * 24 * 60
_MAX_ID: Final = 2**31 - 1

_Id = Annotated[int, Field(ge=1, le=_MAX_ID)]


class UnknownPolicy(LookupError):  # noqa: N818 - reads as what it is where it is caught
    """The tenant has no such policy."""


class PolicyChanged(Exception):  # noqa: N818 - reads as what it is where it is caught
    """Somebody else changed the policy since it was read."""


class Step(BaseModel):
    """One step.

    Attributes:
        after_minutes: unacknowledged for so long.
        channels: ways on which to tell.
        people, roles: whom a mail goes to, and whom a robot calls by name, on top of the channel's own.
        least_priority: alarms below it pass this step by.
        hours: on the plant's clock in which the step tells; outside it is passed by. None means always.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    after_minutes: Annotated[int, Field(ge=0, le=_WEEK_MIN)]
    channels: Annotated[tuple[_Id, ...], Field(min_length=1, max_length=10)]
    people: Annotated[tuple[_Id, ...], Field(max_length=50)] = ()
    roles: Annotated[tuple[Role, ...], Field(max_length=5)] = ()
    least_priority: AlarmPriority = AlarmPriority.LOW
    hours: Weekly = ()


class PolicySpec(BaseModel):
    """A policy as an engineer writes it.

    Attributes:
        path: of a site, line or machine; alarms at it and below. Empty for all.
        least_priority: alarms below it are not escalated at all.
        steps: in the order of their minutes.
        stops_when_cleared: the alarm's end stops it; otherwise only an acknowledgement does.
        stops_when_shelved: shelving stops it, and the shelf's end begins it anew.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    path: Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")] = ""
    least_priority: AlarmPriority = AlarmPriority.LOW
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    stops_when_cleared: bool = True
    stops_when_shelved: bool = True
    enabled: bool = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        minutes = [step.after_minutes for step in self.steps]
        if minutes != sorted(minutes):
            raise ValueError("steps must be in the order of their minutes")
        return self


class Policy(PolicySpec):
    """A policy as it is kept."""

    id: int
    version: int
    changed_by: str
    changed_at: datetime


def create_policy(session: Session, scope: TenantScope, spec: PolicySpec, now: datetime) -> Policy:
    """Make a policy; alarms that stand unacknowledged begin to escalate now.

    Raises:
        AccessDenied: the scope may not configure.
        ChannelRefused: a channel or person is not the tenant's, or there are too many policies.
    """
    may_configure(scope)
    _check(session, scope, spec)
    held = session.scalar(select(func.count()).where(EscalationPolicy.tenant_id == scope.tenant_id)) or 0
    if held >= MAX_POLICIES:
        raise ChannelRefused(
            f"升级策略数量已达上限 {MAX_POLICIES}。", f"There are {MAX_POLICIES} policies already."
        )
    row = EscalationPolicy(
        tenant_id=scope.tenant_id, spec=spec.model_dump(mode="json"), enabled=spec.enabled, version=1,
        changed_by=scope.principal, changed_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record_of(session, scope, "escalation_policy.made", f"policy/{row.id}", now, row.spec)
    return policy_of(row)


def change_policy(
    session: Session, scope: TenantScope, policy_id: int, version: int, spec: PolicySpec, now: datetime
) -> Policy:
    """Put another specification in place of the one of ``version``; what escalates goes on by the new one.

    Raises:
        AccessDenied: the scope may not configure.
        UnknownPolicy: the tenant has no such policy.
        PolicyChanged: somebody changed it since.
        ChannelRefused: a channel or person is not the tenant's.
    """
    may_configure(scope)
    _check(session, scope, spec)
    mine = (EscalationPolicy.tenant_id == scope.tenant_id, EscalationPolicy.id == policy_id)
    row = session.scalar(select(EscalationPolicy).where(*mine))
    if row is None:
        raise UnknownPolicy(policy_id)
    said = spec.model_dump(mode="json")
    changed = session.scalar(
        update(EscalationPolicy)
        .where(*mine, EscalationPolicy.version == version)
        .values(
            spec=said, enabled=spec.enabled, version=version + 1, changed_by=scope.principal, changed_at=now
        )
        .returning(EscalationPolicy.id)
    )
    if changed is None:
        raise PolicyChanged(policy_id)
    session.refresh(row)
    record_of(session, scope, "escalation_policy.changed", f"policy/{policy_id}", now, said)
    return policy_of(row)


def delete_policy(session: Session, scope: TenantScope, policy_id: int, now: datetime) -> bool:
    """Remove a policy and where its escalations stand; the log of messages stays. False where there was none.

    Raises:
        AccessDenied: the scope may not configure.
    """
    may_configure(scope)
    gone = session.scalar(
        delete(EscalationPolicy)
        .where(EscalationPolicy.tenant_id == scope.tenant_id, EscalationPolicy.id == policy_id)
        .returning(EscalationPolicy.id)
    )
    if gone is not None:
        record_of(session, scope, "escalation_policy.removed", f"policy/{policy_id}", now)
    return gone is not None


def list_policies(
    session: Session, scope: TenantScope, *, after: int = 0, limit: int = 1_000
) -> list[Policy]:
    """Policies by number, a page at a time.

    Raises:
        AccessDenied: the scope may not read.
    """
    scope.require(Permission.READ)
    scope.require_all_signals()
    rows = session.scalars(
        select(EscalationPolicy)
        .where(EscalationPolicy.tenant_id == scope.tenant_id, EscalationPolicy.id > after)
        .order_by(EscalationPolicy.id)
        .limit(limit)
    )
    return [policy_of(row) for row in rows]


def policy_of(row: EscalationPolicy) -> Policy:
    """A row as it is shown and followed."""
    kept = {name: getattr(row, name) for name in ("id", "version", "changed_by", "changed_at")}
    return Policy.model_validate(row.spec | kept)


def _check(session: Session, scope: TenantScope, spec: PolicySpec) -> None:
    channels = {number for step in spec.steps for number in step.channels}
    mine = (NoticeChannel.tenant_id == scope.tenant_id, NoticeChannel.id.in_(channels))
    if unknown := channels - set(session.scalars(select(NoticeChannel.id).where(*mine))):
        raise ChannelRefused(f"没有通知渠道 {min(unknown)}。", f"There is no channel {min(unknown)}.")
    people = {number for step in spec.steps for number in step.people}
    members = (Membership.tenant_id == scope.tenant_id, Membership.user_id.in_(people))
    if unknown := people - set(session.scalars(select(Membership.user_id).where(*members))):
        raise ChannelRefused(
            f"企业中没有人员 {min(unknown)}。", f"The enterprise has no person {min(unknown)}."
        )
