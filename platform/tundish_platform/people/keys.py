"""API keys of a tenant: service accounts that its owners make, list and revoke."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select

from tundish_platform.audit import record_of
from tundish_platform.people.grants import MAX_GRANTS, HeldRole, may_give
from tundish_platform.people.refusal import PeopleRefused
from tundish_platform.tenancy import Permission, Role
from tundish_platform.tenancy.accounts import create_token
from tundish_platform.tenancy.models import ApiToken, TokenGrant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from tundish_platform.tenancy import TenantScope

MAX_LIFETIME: Final = timedelta(days=730)
MAX_KEYS: Final = 1_000
MAX_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as lists show it; the key itself is not kept.

    Attributes:
        name: in the tenant, unique among the keys that stand.
        own: made by the tenant's owners; the others were given by the platform's operator and may open more
            tenants than this one.
    """

    id: int
    name: str
    roles: tuple[HeldRole, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    own: bool


def make_key(
    session: Session, scope: TenantScope, name: str, roles: Sequence[HeldRole], lifetime: timedelta,
    now: datetime,
) -> tuple[KeyView, str]:  # fmt: skip
    """Make a key for a service.

    Args:
        session: of the metadata database.
        scope: with the permission to manage.
        name: of the service.
        roles: what it may do; never to manage the tenant.
        lifetime: `MAX_LIFETIME` at most; a key without an end is forgotten and lives on.
        now: the platform's clock, UTC.

    Returns:
        The key as lists show it, and its text, which is shown this once and kept nowhere.

    Raises:
        AccessDenied: the scope may not manage.
        PeopleRefused: a role cannot be given, or name or lifetime are unusable.
    """
    may_give(scope, roles, to_key=True)
    _check(session, scope, name, roles, lifetime)
    full = f"{scope.slug}/{name}"
    _free(session, full)
    held = [(one.role, one.place) for one in roles]
    text = create_token(
        session, full, {scope.slug: held}, expires_at=now + lifetime, created_by=scope.principal
    )
    row = session.scalars(select(ApiToken).where(ApiToken.name == full)).one()
    view = _view(scope, row, roles)
    detail = {"name": name, "roles": [[one.role.value, one.place] for one in roles]}
    record_of(session, scope, "key.made", f"key/{row.id}", now, detail)
    return view, text


def list_keys(session: Session, scope: TenantScope, *, after: int = 0, limit: int = 1_000) -> list[KeyView]:
    """All keys that open the tenant or did, by number, a page at a time.

    Raises:
        AccessDenied: the scope may not manage.
    """
    scope.require(Permission.MANAGE)
    query = select(ApiToken).where(_opens(scope), ApiToken.id > after).order_by(ApiToken.id).limit(limit)
    rows = session.scalars(query).all()
    roles: dict[int, list[HeldRole]] = {row.id: [] for row in rows}
    grants = select(TokenGrant).where(
        TokenGrant.tenant_id == scope.tenant_id, TokenGrant.token_id.in_(list(roles))
    )
    for grant in session.scalars(grants.order_by(TokenGrant.role, TokenGrant.place)):
        roles[grant.token_id].append(HeldRole(role=Role(grant.role), place=grant.place))
    return [_view(scope, row, roles[row.id]) for row in rows]


def revoke_key(session: Session, scope: TenantScope, key: int, now: datetime) -> bool:
    """Refuse a key from its next request on; False where the tenant has none with that number.

    A key that the operator gave loses this tenant only: it may have others, which are none of our business.

    Raises:
        AccessDenied: the scope may not manage.
    """
    scope.require(Permission.MANAGE)
    row = session.scalar(select(ApiToken).where(_opens(scope), ApiToken.id == key))
    if row is None or row.revoked_at is not None:
        return False
    if _is_own(scope, row):
        row.revoked_at = now
    else:
        mine = TokenGrant.tenant_id == scope.tenant_id, TokenGrant.token_id == key
        session.execute(delete(TokenGrant).where(*mine))
    session.flush()
    record_of(session, scope, "key.revoked", f"key/{key}", now, {"name": row.name})
    return True


def _check(
    session: Session, scope: TenantScope, name: str, roles: Sequence[HeldRole], lifetime: timedelta
) -> None:
    if not roles or len(roles) > MAX_GRANTS:
        raise PeopleRefused(
            "role_refused", f"请指定 1 至 {MAX_GRANTS} 个角色。", f"Name 1 to {MAX_GRANTS} roles."
        )
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise PeopleRefused(
            "name_refused", f"名称须为 1 至 {MAX_NAME} 个可见字符。",
            f"A name needs 1 to {MAX_NAME} printable characters.",
        )  # fmt: skip
    if not timedelta() < lifetime <= MAX_LIFETIME:
        days = MAX_LIFETIME.days
        raise PeopleRefused(
            "lifetime_refused", f"有效期须为 1 至 {days} 天。", f"A key is good for 1 to {days} days."
        )
    standing = select(func.count()).where(_opens(scope), ApiToken.revoked_at.is_(None))
    if (session.scalar(standing) or 0) >= MAX_KEYS:
        raise PeopleRefused(
            "too_many", f"密钥已达 {MAX_KEYS} 个。请先撤销不再使用的密钥。",
            f"There are {MAX_KEYS} keys. Revoke those that nothing uses any more.",
        )  # fmt: skip


def _free(session: Session, full: str) -> None:
    """Let a name be given again once its key was revoked, or belonged to a tenant that is gone."""
    row = session.scalar(select(ApiToken).where(ApiToken.name == full))
    if row is None:
        return
    opens = session.scalar(select(func.count()).where(TokenGrant.token_id == row.id))
    if row.revoked_at is None and opens:
        raise PeopleRefused(
            "name_taken", "已有同名密钥。请先撤销, 或使用其他名称。",
            "A key of that name stands. Revoke it first, or take another name.",
        )  # fmt: skip
    row.name = f"{full}#{row.id}"
    session.flush()


def _opens(scope: TenantScope) -> ColumnElement[bool]:
    return ApiToken.id.in_(select(TokenGrant.token_id).where(TokenGrant.tenant_id == scope.tenant_id))


def _is_own(scope: TenantScope, row: ApiToken) -> bool:
    return row.name.startswith(f"{scope.slug}/")


def _view(scope: TenantScope, row: ApiToken, roles: Sequence[HeldRole]) -> KeyView:
    own = _is_own(scope, row)
    return KeyView(
        row.id, row.name.removeprefix(f"{scope.slug}/"), tuple(roles), row.created_by, row.created_at,
        row.expires_at, row.last_used_at, row.revoked_at, own,
    )  # fmt: skip
