"""People of a tenant and their roles, as its owners see and change them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import false, func, or_, select, update

from tundish_platform.audit import record_of
from tundish_platform.people.grants import HeldRole, may_give
from tundish_platform.people.models import SecondFactor
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.accounts import grant_role, revoke_role
from tundish_platform.tenancy.models import Membership, Tenant, User

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, SQLColumnExpression
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the tenant.

    Attributes:
        second_factor: whether log-in with a password also asks them for a code.
    """

    person: int
    login: str
    name: str
    roles: tuple[HeldRole, ...]
    second_factor: bool
    disabled: bool


def list_members(
    session: Session, scope: TenantScope, *, search: str = "", after: int = 0, limit: int = 1_000
) -> list[Member]:
    """The tenant's people by number, a page at a time.

    Args:
        session: of the metadata.
        scope: with the permission to manage.
        search: only whose name or log-in name holds this, in small letters or large; empty for all.
        after: number of the last one of the page before.
        limit: at most so many.

    Raises:
        AccessDenied: the scope may not manage.
    """
    scope.require(Permission.MANAGE)
    mine = select(Membership.user_id).where(Membership.tenant_id == scope.tenant_id)
    people = session.execute(
        select(User, SecondFactor.confirmed_at)
        .outerjoin(SecondFactor, SecondFactor.user_id == User.id)
        .where(User.id.in_(mine), User.id > after, *named(search, User.name, User.login))
        .order_by(User.id)
        .limit(limit)
    ).all()
    roles: dict[int, list[HeldRole]] = {user.id: [] for user, _ in people}
    held = select(Membership).where(
        Membership.tenant_id == scope.tenant_id, Membership.user_id.in_(list(roles))
    )
    for row in session.scalars(held.order_by(Membership.role, Membership.place)):
        roles[row.user_id].append(HeldRole(role=Role(row.role), place=row.place))
    return [
        Member(
            user.id,
            user.login,
            user.name,
            tuple(roles[user.id]),
            confirmed is not None,
            user.disabled_at is not None,
        )
        for user, confirmed in people
    ]


def named(search: str, *columns: SQLColumnExpression[str]) -> list[ColumnElement[bool]]:
    """Conditions on people one of whose names holds this, in small letters or large; none for nothing."""
    held = search.strip().lower()
    if "\0" in held:
        # No name has one, and PostgreSQL takes none in a question.
        return [false()]
    return [or_(*(func.lower(one).contains(held, autoescape=True) for one in columns))] if held else []


def give_role(session: Session, scope: TenantScope, person: int, held: HeldRole, now: datetime) -> bool:
    """Give one of the tenant's people another role; False where they have it already.

    Who is not of the tenant yet is invited, so that nobody's account is touched unasked.

    Raises:
        AccessDenied: the scope may not manage.
        PeopleRefused: no such person here, or the role cannot be given.
    """
    may_give(scope, [held])
    _take_alone(session, scope)
    if held in _roles(session, scope, person):
        return False
    grant_role(session, person, held.role, scope.slug, held.place)
    record_of(session, scope, "role.given", f"user/{person}", now, held.model_dump(mode="json"))
    return True


def take_role(session: Session, scope: TenantScope, person: int, held: HeldRole, now: datetime) -> bool:
    """Take a role from one of the tenant's people; from their next request on they lack it.

    Returns:
        False where they did not have it.

    Raises:
        AccessDenied: the scope may not manage.
        PeopleRefused: no such person here, or the tenant would be left without an owner.
    """
    scope.require(Permission.MANAGE)
    _take_alone(session, scope)
    if held not in _roles(session, scope, person):
        return False
    if held.role is Role.OWNER:
        _keep_an_owner(session, scope, person)
    revoke_role(session, person, held.role, scope.slug, held.place)
    record_of(session, scope, "role.taken", f"user/{person}", now, held.model_dump(mode="json"))
    return True


def remove_member(session: Session, scope: TenantScope, person: int, now: datetime) -> int:
    """Take all of a person's roles in the tenant; returns how many they were.

    Raises:
        AccessDenied: the scope may not manage.
        PeopleRefused: no such person here, or the tenant would be left without an owner.
    """
    scope.require(Permission.MANAGE)
    _take_alone(session, scope)
    roles = _roles(session, scope, person)
    for held in roles:
        take_role(session, scope, person, held, now)
    return len(roles)


def _roles(session: Session, scope: TenantScope, person: int) -> list[HeldRole]:
    rows = session.scalars(
        select(Membership)
        .where(Membership.tenant_id == scope.tenant_id, Membership.user_id == person)
        .order_by(Membership.role, Membership.place)
    ).all()
    if not rows:
        raise PeopleRefused(
            "unknown_person", "本企业没有此人员。请先邀请。",
            "The tenant has no such person. Invite them first.", missing=True,
        )  # fmt: skip
    return [HeldRole(role=Role(row.role), place=row.place) for row in rows]


def _keep_an_owner(session: Session, scope: TenantScope, leaving: int) -> None:
    others = session.scalar(
        select(func.count())
        .select_from(Membership)
        .join(User, User.id == Membership.user_id)
        .where(
            Membership.tenant_id == scope.tenant_id, Membership.role == Role.OWNER.value,
            Membership.user_id != leaving, User.disabled_at.is_(None),
        )
    )  # fmt: skip
    if not others:
        raise PeopleRefused(
            "last_owner", "这是企业的最后一位管理员, 不能移除。请先授予他人管理员角色。",
            "This is the tenant's last owner. Make somebody else an owner first.",
        )  # fmt: skip


def _take_alone(session: Session, scope: TenantScope) -> None:
    # Two owners who take each other's role at the same moment must not both succeed.
    mine = Tenant.id == scope.tenant_id
    session.execute(update(Tenant).where(mine).values(next_signal=Tenant.next_signal))
