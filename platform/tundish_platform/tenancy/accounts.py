"""Who is asking: passwords and tokens become a `Principal`, and nothing else does."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import bindparam, select, update

from tundish_platform.tenancy import passwords
from tundish_platform.tenancy.models import (
    ApiToken,
    Membership,
    Tenant,
    TokenGrant,
    TokenRole,
    User,
    UserRole,
)
from tundish_platform.tenancy.passwords import LoginRefused
from tundish_platform.tenancy.scope import PLACEABLE, AccessDenied, Principal, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from tundish_platform.tenancy.scope import TenantScope

__all__ = [
    "TOKEN_PREFIX",
    "LoginRefused",
    "check_password",
    "check_place",
    "check_token",
    "create_tenant",
    "create_token",
    "create_user",
    "find_tenant",
    "grant_role",
    "job_principal",
    "login_of",
    "principal_of_user",
    "revoke_role",
    "revoke_token",
    "set_password",
    "tenant_of_scope",
    "tenants_of",
    "token_holder",
    "verify_password",
]

TOKEN_PREFIX = "tnd_"  # noqa: S105 - the public part of every token, so that scanners can find leaked ones
LINE_LEVELS = 3
MAX_PLACE = 400
ABOVE_TENANTS = frozenset({Role.BUREAU_OFFICER, Role.PLATFORM_OPERATOR})

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,38}[a-z0-9]")
_USE_NOTED_EVERY = timedelta(minutes=1)
_CHUNK = 500
_TENANTS = select(Tenant).where(Tenant.id.in_(bindparam("ids", expanding=True))).order_by(Tenant.slug)


def check_password(session: Session, login: str, password: str) -> Principal:
    """The person with that name and password; call it first in a session, for failures are written beside it.

    Raises:
        LoginRefused: wrong name or password, or too many wrong ones of late; carries texts for the person.
    """
    user_id = verify_password(session, login, password)
    passwords.forget_failures(session, login)
    return principal_of_user(session, user_id)


def verify_password(session: Session, login: str, password: str) -> int:
    """`check_password` without its end: wrong ones still count, for a second factor may be asked for next.

    Returns:
        The person's number.

    Raises:
        LoginRefused: as `check_password`.
    """
    now = passwords.utc_now()
    if (left := passwords.time_locked(session, login, now)) > timedelta():
        raise LoginRefused.locked(left)
    user = session.scalar(select(User).where(User.login == passwords.fold_login(login)))
    known = passwords.matches(user.password_hash if user else None, password)
    if user is None or not known or user.disabled_at is not None:
        passwords.count_failure(session.get_bind(), login, now)
        raise LoginRefused.wrong()
    return user.id


def principal_of_user(session: Session, user_id: int) -> Principal:
    """A person who logged in before, with the roles of this moment.

    Raises:
        AccessDenied: the person was removed or disabled since.
    """
    user = session.get(User, user_id)
    if user is None or user.disabled_at is not None:
        raise AccessDenied(f"no active user {user_id}")
    grants = session.execute(
        select(Tenant.slug, Tenant.id, Membership.role, Membership.place)
        .join(Membership, Membership.tenant_id == Tenant.id)
        .where(Membership.user_id == user.id)
    )
    roles = session.scalars(select(UserRole.role).where(UserRole.user_id == user.id))
    return _principal(user.id, user.name, grants, roles, person=True)


def login_of(session: Session, user_id: int) -> str:
    """The name a person logs in with.

    Raises:
        AccessDenied: the person was removed since.
    """
    user = session.get(User, user_id)
    if user is None:
        raise AccessDenied(f"no user {user_id}")
    return user.login


def check_token(session: Session, token: str) -> Principal:
    """The service that holds the token.

    Raises:
        AccessDenied: no such token, or expired, or revoked; which of them is not said.
    """
    return token_holder(session, token)[0]


def token_holder(session: Session, token: str) -> tuple[Principal, datetime]:
    """`check_token` with the instant at which it has to be asked anew, whatever else happens.

    That is when the token expires, or when its use has to be noted again.

    Raises:
        AccessDenied: as `check_token`.
    """
    now = passwords.utc_now()
    row = session.scalar(select(ApiToken).where(ApiToken.digest == _digest(token)))
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise AccessDenied("no valid token")
    noted = row.last_used_at
    if noted is None or now - noted >= _USE_NOTED_EVERY:
        session.execute(update(ApiToken).where(ApiToken.id == row.id).values(last_used_at=now))
        noted = now
    grants = session.execute(
        select(Tenant.slug, Tenant.id, TokenGrant.role, TokenGrant.place)
        .join(TokenGrant, TokenGrant.tenant_id == Tenant.id)
        .where(TokenGrant.token_id == row.id)
    )
    roles = session.scalars(select(TokenRole.role).where(TokenRole.token_id == row.id))
    again = noted + _USE_NOTED_EVERY
    return _principal(row.id, row.name, grants, roles), min(again, row.expires_at or again)


def job_principal(
    session: Session, name: str, role: Role = Role.VIEWER, among: Sequence[str] | None = None
) -> Principal:
    """The platform's own job inside the server process, with one role in every tenant there is now.

    Only for jobs whose results are aggregates or stay with their tenant; never for answering a person.

    Args:
        session: of the metadata database.
        name: of the job.
        role: which.
        among: slugs of the tenants it has to do with; ``None`` for all, which takes long in a city.
    """
    tenants = select(Tenant.slug, Tenant.id)
    if among is None:
        asked = [tenants]
    else:
        parts = (among[start : start + _CHUNK] for start in range(0, len(among), _CHUNK))
        asked = [tenants.where(Tenant.slug.in_(part)) for part in parts]
    roles = frozenset({role})
    found = {slug: (number, roles) for query in asked for slug, number in session.execute(query)}
    return Principal(0, f"job:{name}", found)


def create_tenant(
    session: Session,
    slug: str,
    name_zh: str,
    name_en: str,
    timezone: str = "Asia/Shanghai",
    uscc: str | None = None,
) -> Tenant:
    """A new tenant.

    Raises:
        ValueError: the slug is no short lower-case name, or the time zone is unknown.
    """
    if not _SLUG.fullmatch(slug):
        raise ValueError(f"slug {slug!r} must be 2 to 40 of a-z, 0-9 and hyphens, none at either end")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{timezone!r} is no IANA time zone") from error
    tenant = Tenant(
        slug=slug, name_zh=name_zh, name_en=name_en, timezone=timezone, uscc=uscc, next_signal=1,
        created_at=passwords.utc_now(),
    )  # fmt: skip
    session.add(tenant)
    session.flush()
    return tenant


def create_user(
    session: Session,
    login: str,
    name: str,
    password: str,
    tenants: Mapping[str, Iterable[Role]] | None = None,
    roles: Iterable[Role] = (),
    *,
    locale: str = "zh",
) -> int:
    """A new person; returns their number.

    Args:
        session: of the metadata database.
        login: name at the log-in form; case does not matter.
        name: as shown.
        password: `MIN_PASSWORD` characters at least.
        tenants: roles per tenant slug.
        roles: roles above tenants.
        locale: ``zh`` or ``en``.

    Raises:
        ValueError: the password is too short, a tenant unknown, or a role in the wrong place.
    """
    user = User(
        login=passwords.fold_login(login), name=name, password_hash=passwords.hash_password(password),
        locale=locale, created_at=passwords.utc_now(),
    )  # fmt: skip
    session.add(user)
    session.flush()
    for slug, granted in (tenants or {}).items():
        for role in granted:
            grant_role(session, user.id, role, slug)
    for role in roles:
        grant_role(session, user.id, role)
    return user.id


def set_password(session: Session, user_id: int, password: str) -> None:
    """Give a person a new password and open a closed name again.

    Raises:
        ValueError: the password is too short or there is no such person.
    """
    user = session.get(User, user_id)
    if user is None:
        raise ValueError(f"there is no user {user_id}")
    user.password_hash = passwords.hash_password(password)
    passwords.forget_failures(session, user.login)


def grant_role(
    session: Session, user_id: int, role: Role, tenant: str | None = None, place: str = ""
) -> bool:
    """Give a person a role in a tenant, or above tenants for ``None``; giving it twice changes nothing.

    Args:
        session: of the metadata database.
        user_id: the person.
        role: which.
        tenant: slug.
        place: path of a site, an area or a line; empty for the whole tenant.

    Returns:
        Whether the person lacked it.

    Raises:
        ValueError: the tenant is unknown, or the role cannot be held there.
    """
    check_place(role, place, above=tenant is None)
    if _held(session, user_id, role, tenant, place) is not None:
        return False
    if tenant is None:
        session.add(UserRole(user_id=user_id, role=role.value))
    else:
        number = _tenant_id(session, tenant)
        session.add(Membership(tenant_id=number, user_id=user_id, role=role.value, place=place))
    session.flush()
    return True


def revoke_role(
    session: Session, user_id: int, role: Role, tenant: str | None = None, place: str = ""
) -> bool:
    """Take a role away again, from the person's next request on; False where they did not have it."""
    row = _held(session, user_id, role, tenant, place)
    if row is not None:
        session.delete(row)
        session.flush()
    return row is not None


def create_token(
    session: Session,
    name: str,
    grants: Mapping[str, Iterable[Role | tuple[Role, str]]],
    roles: Iterable[Role] = (),
    *,
    expires_at: datetime | None = None,
    created_by: str = "",
) -> str:
    """A new token for a service; the text is returned this once and kept nowhere.

    Args:
        session: of the metadata database.
        name: of the service, unique.
        grants: roles per tenant slug, each for the whole tenant or with the place it is held at.
        roles: roles above tenants.
        expires_at: aware instant after which it is refused; never for ``None``.
        created_by: name of who makes it.

    Raises:
        ValueError: a tenant is unknown, or a role in the wrong place.
    """
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        name=name, digest=_digest(token), created_at=passwords.utc_now(), expires_at=expires_at,
        created_by=created_by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    for slug, granted in grants.items():
        tenant_id = _tenant_id(session, slug)
        for one in granted:
            role, place = (one, "") if isinstance(one, Role) else one
            check_place(role, place)
            session.add(TokenGrant(tenant_id=tenant_id, token_id=row.id, role=role.value, place=place))
    for role in roles:
        check_place(role, above=True)
        session.add(TokenRole(token_id=row.id, role=role.value))
    session.flush()
    return token


def revoke_token(session: Session, name: str) -> bool:
    """Refuse the token of that name from now on; False where no valid one has it."""
    row = session.scalar(select(ApiToken).where(ApiToken.name == name, ApiToken.revoked_at.is_(None)))
    if row is None:
        return False
    row.revoked_at = passwords.utc_now()
    session.flush()
    return True


def check_place(role: Role, place: str = "", *, above: bool = False) -> None:
    """Whether a role can be held there at all.

    Args:
        role: which.
        place: path in a tenant; empty for the whole tenant.
        above: it is to be held above tenants, not in one.

    Raises:
        ValueError: a role above tenants in one, one of a tenant above all, one for the whole tenant at a
            place, or the place is no path of one to three levels.
    """
    if (role in ABOVE_TENANTS) is not above:
        where = "above tenants, not in one" if role in ABOVE_TENANTS else "in a tenant, not above all"
        raise ValueError(f"role {role} is given {where}")
    if not place:
        return
    levels = place.split("/")
    usable = all(level and level.strip() == level for level in levels) and place.isprintable()
    if not usable or len(levels) > LINE_LEVELS or len(place) > MAX_PLACE:
        raise ValueError(f"{place[:80]!r} is no path of a site, an area or a line, such as Site/Area/Line")
    if role not in PLACEABLE:
        raise ValueError(f"role {role} is given for the whole tenant, not at a place")


def find_tenant(session: Session, slug: str) -> Tenant | None:
    """A tenant by its slug, for setting the platform up; requests go through `access_tenant`."""
    return session.scalar(select(Tenant).where(Tenant.slug == slug))


def tenants_of(session: Session, principal: Principal) -> list[Tenant]:
    """The tenants the principal has any role in, by slug."""
    ids = [tenant_id for tenant_id, _ in principal.tenants.values()]
    return list(session.scalars(_TENANTS, {"ids": ids}))


def tenant_of_scope(session: Session, scope: TenantScope) -> Tenant:
    """The tenant a scope was granted for.

    Raises:
        AccessDenied: it was removed since.
    """
    tenant = session.get(Tenant, scope.tenant_id)
    if tenant is None:
        raise AccessDenied(f"{scope.principal} asked for a tenant that is gone")
    return tenant


def _held(
    session: Session, user_id: int, role: Role, tenant: str | None, place: str
) -> Membership | UserRole | None:
    if tenant is None:
        return session.get(UserRole, (user_id, role.value))
    return session.get(Membership, (_tenant_id(session, tenant), user_id, role.value, place))


def _tenant_id(session: Session, slug: str) -> int:
    tenant = find_tenant(session, slug)
    if tenant is None:
        raise ValueError(f"there is no tenant {slug!r}")
    return tenant.id


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _principal(
    number: int, name: str, grants: Iterable[tuple[str, int, str, str]], roles: Iterable[str], *,
    person: bool = False,
) -> Principal:  # fmt: skip
    tenants: dict[str, tuple[int, frozenset[Role]]] = {}
    placed: defaultdict[str, set[tuple[Role, str]]] = defaultdict(set)
    for slug, tenant_id, role, place in grants:
        _, whole = tenants.get(slug, (tenant_id, frozenset[Role]()))
        if place:
            placed[slug].add((Role(role), place))
        tenants[slug] = (tenant_id, whole if place else whole | {Role(role)})
    at = {slug: frozenset(found) for slug, found in placed.items()}
    return Principal(number, name, tenants, frozenset(Role(role) for role in roles), at, person)
