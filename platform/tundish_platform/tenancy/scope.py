"""The guarded way in: a principal asks for a tenant and a permission, and gets a `TenantScope` or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Permission(StrEnum):
    """What may be done with a tenant's things, or (the last two) above all tenants.

    ``handle`` is the shift's work with alarms, ``configure`` the engineer's with rules and what they watch,
    ``train`` the worker's: it registers versions of models and reports on them.
    """

    READ = "read"
    INGEST = "ingest"
    ANALYSE = "analyse"
    TRAIN = "train"
    SUBSCRIBE = "subscribe"
    PUBLISH = "publish"
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
    APP_DEVELOPER = "app_developer"
    BUREAU_OFFICER = "bureau_officer"
    PLATFORM_OPERATOR = "platform_operator"


ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.OWNER: frozenset(
        {
            Permission.READ,
            Permission.SUBSCRIBE,
            Permission.PUBLISH,
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
    Role.ANALYST: frozenset({Permission.READ, Permission.INGEST, Permission.ANALYSE, Permission.TRAIN}),
    # Tries an app on the tenant's own data and publishes it; what it computes is stored by the runner.
    Role.APP_DEVELOPER: frozenset({Permission.READ, Permission.ANALYSE, Permission.PUBLISH}),
    Role.BUREAU_OFFICER: frozenset({Permission.PROGRAMME}),
    Role.PLATFORM_OPERATOR: frozenset({Permission.OPERATE}),
}

# Roles that may be given for a site or a line; the others only make sense for the whole tenant.
PLACEABLE: Final = frozenset({Role.PLANT_MANAGER, Role.ENGINEER, Role.SHIFT_OPERATOR, Role.VIEWER})

_ISSUED: Final = object()


def within(path: str, places: frozenset[str] | None) -> bool:
    """Whether a path of an asset or signal lies in one of the places; everything lies in ``None``."""
    return places is None or any(path == place or path.startswith(f"{place}/") for place in places)


class AccessDenied(Exception):  # noqa: N818 - the domain's word; callers turn it into 403 or 404
    """The principal may not do this here. Says nothing of whether the tenant exists."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a person or a service account, with roles per tenant slug and roles above tenants.

    A principal is made only by `tundish_platform.tenancy.accounts` after a password or token was checked.

    Attributes:
        id: of the person, or of the token.
        tenants: by slug the tenant's row and the roles held in all of it.
        roles: above tenants.
        placed: by slug the roles held at places only: paths of a site, an area or a line.
        person: whether ``id`` is a person's.
    """

    id: int
    name: str
    tenants: Mapping[str, tuple[int, frozenset[Role]]] = field(default_factory=dict)
    roles: frozenset[Role] = frozenset()
    placed: Mapping[str, frozenset[tuple[Role, str]]] = field(default_factory=dict)
    person: bool = False

    def permissions(self, tenant: str) -> frozenset[Permission]:
        """All permissions the principal's roles give it in one tenant, be it at one place only."""
        return frozenset(self.held(tenant))

    def held(self, tenant: str) -> dict[Permission, frozenset[str] | None]:
        """By permission the places it holds for; ``None`` for the whole tenant."""
        _, roles = self.tenants.get(tenant, (0, frozenset()))
        found: dict[Permission, frozenset[str] | None] = {}
        for role, place in self.placed.get(tenant, frozenset()):
            for permission in ROLE_PERMISSIONS[role]:
                found[permission] = (found.get(permission) or frozenset()) | {place}
        return found | {permission: None for role in roles for permission in ROLE_PERMISSIONS[role]}


@dataclass(frozen=True, slots=True)
class TenantScope:
    """Proof that access to one tenant was granted. Store, assets, apps and jobs take this, never a tenant id.

    Attributes:
        tenant_id: row of the tenant in the metadata database.
        slug: the tenant's short name, part of its place on disk.
        principal: name of who asked, for the audit trail.
        permissions: what the scope allows in the whole tenant; reading also where ``limits`` bound it, since
            ``signals`` then hold the bound.
        signals: the only signals the scope may touch, or ``None`` for all. An app's grant narrows it; where
            reading is limited to places it is empty until `tundish_platform.assets.seen` looked them up.
        limits: places of those permissions that do not hold for the whole tenant.
        records: kinds of records an app may read through it; none unless a grant narrowed it to them.
    """

    tenant_id: int
    slug: str
    principal: str
    permissions: frozenset[Permission]
    signals: frozenset[int] | None = None
    issued: object = None
    limits: Mapping[Permission, frozenset[str]] = field(default_factory=dict)
    records: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.issued is not _ISSUED:
            raise TypeError("a TenantScope comes from access_tenant(), never from its constructor")

    def allows(self, permission: Permission, path: str) -> bool:
        """Whether the permission holds for the line, machine or signal with that path."""
        if permission in self.limits:
            return within(path, self.limits[permission])
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise `AccessDenied` unless the scope allows the permission in the whole tenant.

        Reading passes with limits, too: what is read then is bounded by ``signals`` and by `places`.
        """
        if permission not in self.permissions:
            raise AccessDenied(f"{self.principal} lacks {permission}")

    def require_at(self, permission: Permission, path: str) -> None:
        """Raise `AccessDenied` unless the scope allows the permission at that path."""
        if not self.allows(permission, path):
            raise AccessDenied(f"{self.principal} lacks {permission} at {path}")

    def require_all_signals(self) -> None:
        """Raise `AccessDenied` for a scope narrowed to some signals: declaring and sending need the whole."""
        if self.signals is not None:
            raise AccessDenied(f"{self.principal} may only touch some signals")

    def require_records(self, kind: str) -> None:
        """Raise `AccessDenied` unless the scope was narrowed to that kind of records and lets it be read."""
        self.require(Permission.READ)
        if kind not in self.records:
            raise AccessDenied(f"{self.principal} was not granted the records {kind}")

    def places(self, permission: Permission = Permission.READ) -> frozenset[str] | None:
        """Where the permission holds, for what is told apart by path; ``None`` for the whole tenant.

        Raises:
            AccessDenied: the permission holds nowhere, or the scope is narrowed to signals, not to places.
        """
        if permission in self.limits:
            return self.limits[permission]
        self.require(permission)
        if Permission.READ not in self.limits:
            self.require_all_signals()
        return None

    def narrowed(
        self,
        signals: frozenset[int],
        permissions: frozenset[Permission],
        records: frozenset[str] = frozenset(),
    ) -> TenantScope:
        """A scope with fewer signals and permissions, never with more; and the records of a grant.

        Raises:
            AccessDenied: records are asked of a scope that does not reach the whole tenant.
        """
        kept = signals if self.signals is None else self.signals & signals
        if records:
            self.require_all_signals()
        return TenantScope(
            self.tenant_id, self.slug, self.principal, self.permissions & permissions, kept, _ISSUED,
            records=records,
        )  # fmt: skip

    def seeing(self, signals: frozenset[int]) -> TenantScope:
        """The same with the signals of its places; for `tundish_platform.assets.seen`, which looks them up.

        Raises:
            TypeError: the scope's reading is not limited to places, so there is nothing to look up.
        """
        if Permission.READ not in self.limits:
            raise TypeError("only a scope that is limited to places is told its signals")
        return replace(self, signals=signals)


def access_tenant(principal: Principal, tenant: str, permission: Permission) -> TenantScope:
    """The one guarded way to a tenant.

    Args:
        principal: who asks, already authenticated.
        tenant: the tenant's slug.
        permission: what is needed at least, be it at one place only.

    Raises:
        AccessDenied: the principal has no such permission there, or no such tenant exists.
    """
    held = principal.held(tenant)
    if permission not in held:
        raise AccessDenied(f"{principal.name} lacks {permission}")
    tenant_id, _ = principal.tenants[tenant]
    limits = {one: places for one, places in held.items() if places is not None}
    allowed = frozenset(one for one in held if one not in limits or one is Permission.READ)
    signals: frozenset[int] | None = frozenset() if Permission.READ in limits else None
    return TenantScope(tenant_id, tenant, principal.name, allowed, signals, _ISSUED, limits)


def access_programme(principal: Principal, permission: Permission = Permission.PROGRAMME) -> None:
    """Check a permission that stands above tenants (the bureau's, the operator's).

    Raises:
        AccessDenied: none of the principal's roles above tenants gives it.
    """
    if not any(permission in ROLE_PERMISSIONS[role] for role in principal.roles):
        raise AccessDenied(f"{principal.name} lacks {permission}")
