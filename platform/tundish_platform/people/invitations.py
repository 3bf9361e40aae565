"""Inviting colleagues: a token that is shown once, good for a few days and for one person."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, update

from tundish_platform.audit import record, record_of
from tundish_platform.people.grants import MAX_GRANTS, HeldRole, may_give
from tundish_platform.people.models import Invitation
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.people.secrets import digest_of
from tundish_platform.tenancy import Permission
from tundish_platform.tenancy.accounts import create_user, grant_role
from tundish_platform.tenancy.models import Tenant, User
from tundish_platform.tenancy.passwords import fold_login

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

INVITATION_PREFIX: Final = "tni_"
LIFETIME: Final = timedelta(days=7)
MAX_OPEN: Final = 1_000
_MAX_LOGIN: Final = 120


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation as lists show it; the token is not kept, so it cannot be shown again.

    Attributes:
        state: ``open``, ``accepted``, ``withdrawn`` or ``expired``.
    """

    id: int
    login: str
    roles: tuple[HeldRole, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Invited:
    """What somebody with the token may know before they come in."""

    login: str
    tenant: str
    name_zh: str
    name_en: str
    invited_by: str
    known: bool


def invite(
    session: Session, scope: TenantScope, login: str, roles: Sequence[HeldRole], now: datetime
) -> tuple[InvitationView, str]:
    """Invite somebody, known to the platform or not.

    Args:
        session: of the metadata database.
        scope: with the permission to manage.
        login: the name a new person will log in with, most often a mail address.
        roles: what they will have.
        now: the platform's clock, UTC.

    Returns:
        The invitation and its token, which goes to the invited person and is kept nowhere.

    Raises:
        AccessDenied: the scope may not manage.
        PeopleRefused: the name or a role is unusable, or too many invitations are open.
    """
    may_give(scope, roles)
    login = fold_login(login)
    if not roles or len(roles) > MAX_GRANTS:
        raise PeopleRefused(
            "role_refused", f"请指定 1 至 {MAX_GRANTS} 个角色。", f"Name 1 to {MAX_GRANTS} roles."
        )
    if not login or len(login) > _MAX_LOGIN or not login.isprintable():
        raise PeopleRefused(
            "login_refused", f"登录名须为 1 至 {_MAX_LOGIN} 个可见字符。",
            f"A log-in name needs 1 to {_MAX_LOGIN} printable characters.",
        )  # fmt: skip
    waiting = select(func.count()).where(Invitation.tenant_id == scope.tenant_id, *_open(now))
    if (session.scalar(waiting) or 0) >= MAX_OPEN:
        raise PeopleRefused(
            "too_many", f"未接受的邀请已达 {MAX_OPEN} 个。请先撤回一些。",
            f"{MAX_OPEN} invitations are open. Withdraw some of them first.",
        )  # fmt: skip
    token = INVITATION_PREFIX + secrets.token_urlsafe(32)
    row = Invitation(
        tenant_id=scope.tenant_id, login=login, grants=[[one.role.value, one.place] for one in roles],
        digest=digest_of(token), created_by=scope.principal, created_at=now, expires_at=now + LIFETIME,
        withdrawn_at=None, accepted_at=None, accepted_by=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    detail = {"login": login, "roles": row.grants}
    record_of(session, scope, "invitation.made", f"invitation/{row.id}", now, detail)
    return _view(row, now), token


def list_invitations(
    session: Session, scope: TenantScope, now: datetime, *, before: int | None = None, limit: int = 1_000
) -> list[InvitationView]:
    """The tenant's invitations, newest first, a page at a time.

    Raises:
        AccessDenied: the scope may not manage.
    """
    scope.require(Permission.MANAGE)
    query = select(Invitation).where(Invitation.tenant_id == scope.tenant_id)
    if before is not None:
        query = query.where(Invitation.id < before)
    return [_view(row, now) for row in session.scalars(query.order_by(Invitation.id.desc()).limit(limit))]


def withdraw(session: Session, scope: TenantScope, invitation: int, now: datetime) -> bool:
    """Make an open invitation worthless; False where there is none with that number.

    Raises:
        AccessDenied: the scope may not manage.
    """
    scope.require(Permission.MANAGE)
    mine = Invitation.tenant_id == scope.tenant_id, Invitation.id == invitation
    gone = session.scalar(
        update(Invitation).where(*mine, *_open(now)).values(withdrawn_at=now).returning(Invitation.id)
    )
    if gone is not None:
        record_of(session, scope, "invitation.withdrawn", f"invitation/{invitation}", now)
    return gone is not None


def look_at(session: Session, token: str, now: datetime) -> Invited:
    """What an open invitation offers, for whoever has its token.

    Raises:
        PeopleRefused: there is no such invitation, or it was accepted, withdrawn or is too old.
    """
    row = session.scalar(select(Invitation).where(Invitation.digest == digest_of(token), *_open(now)))
    tenant = session.get(Tenant, row.tenant_id) if row else None
    if row is None or tenant is None:
        raise _worthless()
    known = session.scalar(select(User.id).where(User.login == row.login)) is not None
    return Invited(row.login, tenant.slug, tenant.name_zh, tenant.name_en, row.created_by, known)


def accept_as_new(session: Session, token: str, name: str, password: str, now: datetime) -> int:
    """Come in as a person the platform does not know yet; returns their number.

    Raises:
        PeopleRefused: the invitation is worthless, its log-in name is taken, or the password too short.
    """
    row = _taken(session, token, now)
    if session.scalar(select(User.id).where(User.login == row.login)) is not None:
        raise PeopleRefused(
            "login_taken", "该登录名已有账户。请先登录, 再接受邀请。",
            "Somebody has that log-in name already. Log in first, then accept the invitation.",
        )  # fmt: skip
    try:
        person = create_user(session, row.login, name, password)
    except ValueError:
        raise PeopleRefused(
            "password_refused", "密码须为 10 至 1024 个字符。", "A password needs 10 to 1024 characters."
        ) from None
    _come_in(session, row, person, now)
    return person


def accept_as(session: Session, token: str, person: int, now: datetime) -> str:
    """Come in as a person who is logged in; returns the tenant's slug.

    Raises:
        PeopleRefused: the invitation is worthless.
    """
    return _come_in(session, _taken(session, token, now), person, now)


def _taken(session: Session, token: str, now: datetime) -> Invitation:
    """The invitation, from now on ours alone: of two that come at once, one is refused."""
    mine = Invitation.digest == digest_of(token)
    number = session.scalar(
        update(Invitation).where(mine, *_open(now)).values(accepted_at=now).returning(Invitation.id)
    )
    row = None if number is None else session.get(Invitation, number, populate_existing=True)
    if row is None:
        raise _worthless()
    return row


def _come_in(session: Session, row: Invitation, person: int, now: datetime) -> str:
    tenant = session.get_one(Tenant, row.tenant_id)
    for one in _roles(row):
        grant_role(session, person, one.role, tenant.slug, one.place)
    row.accepted_by = person
    session.flush()
    who = session.get_one(User, person).name
    detail = {"person": person, "roles": row.grants}
    record(
        session,
        who,
        "invitation.accepted",
        f"invitation/{row.id}",
        tenant=tenant.slug,
        now=now,
        detail=detail,
    )
    return tenant.slug


def _open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None), Invitation.expires_at > now


def _worthless() -> PeopleRefused:
    return PeopleRefused(
        "invitation_worthless", "邀请无效: 可能已被接受、已撤回或已过期。请联系邀请人重新发送。",
        "This invitation is worth nothing: it was accepted, withdrawn or is too old. Ask for another one.",
        missing=True,
    )  # fmt: skip


def _roles(row: Invitation) -> tuple[HeldRole, ...]:
    return tuple(HeldRole(role=role, place=place) for role, place in row.grants)


def _view(row: Invitation, now: datetime) -> InvitationView:
    over = "expired" if row.expires_at <= now else "open"
    state = "accepted" if row.accepted_at else "withdrawn" if row.withdrawn_at else over
    return InvitationView(
        row.id, row.login, _roles(row), row.created_by, row.created_at, row.expires_at, state
    )
