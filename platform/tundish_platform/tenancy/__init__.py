"""Tenants, people, tokens, and the one guarded way to a tenant's things: `access_tenant`."""

from tundish_platform.tenancy.scope import (
    AccessDenied,
    Permission,
    Principal,
    Role,
    TenantScope,
    access_programme,
    access_tenant,
    within,
)

__all__ = [
    "AccessDenied",
    "Permission",
    "Principal",
    "Role",
    "TenantScope",
    "access_programme",
    "access_tenant",
    "within",
]
