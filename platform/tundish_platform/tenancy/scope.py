"""The guarded way in: a principal asks for a tenant and a permission, and gets a `TenantScope` or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Permission(StrEnum):
    """What may be done with a tenant's things, or (the last two) above all tenants.

    ``handle`` is the shift's work with alarms, ``configure`` the engineer's with rules and what they watch.
    """

    READ = "read"
    INGEST = "ingest"
    ANALYSE = "analyse"
    SUBSCRIBE = "subscribe"
    HANDLE = "handle"
    CONFIGURE = "configure"
    MANAGE = "manage"
    PROGRAMME = "programme"
    OPERATE = "operate"


class Role(StrEnum):
    """Named sets of permissions; `ROLE_PERMISSIONS` says which."""

    OWNER = "owner"
    PLANT_MANAGER = "plant_manager"
    ENGINEER = "engineer"
    SHIFT_OPERATOR = "shift_operator"
    VIEWER = "viewer"
    COLLECTOR = "collector"
    ANALYST = "analyst"
    BUREAU_OFFICER = "bureau_officer"
    PLATFORM_OPERATOR = "platform_operator"


ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.OWNER: frozenset(
        {
            Permission.READ,
            Permission.SUBSCRIBE,
            Permission.HANDLE,
            Permission.CONFIGURE,
            Permission.MANAGE,
        }
    ),
    Role.PLANT_MANAGER: frozenset(
        {Permission.READ, Permission.SUBSCRIBE, Permission.HANDLE, Permission.CONFIGURE}
    ),
    Role.ENGINEER: frozenset({Permission.READ, Permission.HANDLE, Permission.CONFIGURE}),
    Role.SHIFT_OPERATOR: frozenset({Permission.READ, Permission.HANDLE}),
    Role.VIEWER: frozenset({Permission.READ}),
    # Service accounts: a collector may write samples but not read what others wrote.
    Role.COLLECTOR: frozenset({Permission.INGEST}),
    Role.ANALYST: frozenset({Permission.READ, Permission.INGEST, Permission.ANALYSE}),
    Role.BUREAU_OFFICER: frozenset({Permission.PROGRAMME}),
    Role.PLATFORM_OPERATOR: frozenset({Permission.OPERATE}),
}

_ISSUED: Final = object()


class AccessDenied(Exception):  # noqa: N818 - the domain's word; callers turn it into 403 or 404
    """The principal may not do this here. Says nothing of whether the tenant exists."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a person or a service account, with roles per tenant slug and roles above tenants.

    A principal is made only by `tundish_platform.tenancy.accounts` after a password or token was checked.
    """

    id: int
    name: str
    tenants: Mapping[str, tuple[int, frozenset[Role]]] = field(default_factory=dict)
    roles: frozenset[Role] = frozenset()

    def permissions(self, tenant: str) -> frozenset[Permission]:
        """All permissions the principal's roles give it in one tenant."""
        _, roles = self.tenants.get(tenant, (0, frozenset()))
        return frozenset(p for role in roles for p in ROLE_PERMISSIONS[role])


@dataclass(frozen=True, slots=True)
class TenantScope:
    """Proof that access to one tenant was granted. Store, assets, apps and jobs take this, never a tenant id.

    Attributes:
        tenant_id: row of the tenant in the metadata database.
        slug: the tenant's short name, part of its place on disk.
        principal: name of who asked, for the audit trail.
        permissions: what the scope allows.
        signals: the only signals the scope may touch, or ``None`` for all (an app's grant narrows it).
    """

    tenant_id: int
    slug: str
    principal: str
    permissions: frozenset[Permission]
    signals: frozenset[int] | None = None
    issued: object = None

    def __post_init__(self) -> None:
        if self.issued is not _ISSUED:
            raise TypeError("a TenantScope comes from access_tenant(), never from its constructor")

    def require(self, permission: Permission) -> None:
        """Raise `AccessDenied` unless the scope allows the permission."""
        if permission not in self.permissions:
            raise AccessDenied(f"{self.principal} lacks {permission}")

    def require_all_signals(self) -> None:
        """Raise `AccessDenied` for a scope narrowed to some signals: declaring and sending need the whole."""
        if self.signals is not None:
            raise AccessDenied(f"{self.principal} may only touch some signals")

    def narrowed(self, signals: frozenset[int], permissions: frozenset[Permission]) -> TenantScope:
        """A scope with fewer signals and permissions; never with more."""
        kept = signals if self.signals is None else self.signals & signals
        return TenantScope(
            self.tenant_id, self.slug, self.principal, self.permissions & permissions, kept, _ISSUED
        )


def access_tenant(principal: Principal, tenant: str, permission: Permission) -> TenantScope:
    """The one guarded way to a tenant.

    Args:
        principal: who asks, already authenticated.
        tenant: the tenant's slug.
        permission: what is needed at least.

    Raises:
        AccessDenied: the principal has no such permission there, or no such tenant exists.
    """
    permissions = principal.permissions(tenant)
    if permission not in permissions:
        raise AccessDenied(f"{principal.name} lacks {permission}")
    tenant_id, _ = principal.tenants[tenant]
    return TenantScope(tenant_id, tenant, principal.name, permissions, None, _ISSUED)


def access_programme(principal: Principal, permission: Permission = Permission.PROGRAMME) -> None:
    """Check a permission that stands above tenants (the bureau's, the operator's).

    Raises:
        AccessDenied: none of the principal's roles above tenants gives it.
    """
    if not any(permission in ROLE_PERMISSIONS[role] for role in principal.roles):
        raise AccessDenied(f"{principal.name} lacks {permission}")
