"""The writer's key, and a `TenantScope` as words that travel under its seal."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any, Final

from tundish_platform.store.remote.protocol import KEY_BYTES
from tundish_platform.tenancy.scope import (
    AccessDenied,
    Permission,
    Principal,
    Role,
    TenantScope,
    access_tenant,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY_FILE: Final = "writer.key"
# All that the store asks for; a scope on the writer's side can do nothing else.
_ROLES: Final = {Permission.READ: Role.VIEWER, Permission.INGEST: Role.COLLECTOR}


def new_key(root: Path) -> bytes:
    """Make the key of this writer's time and put it where processes of the same user find it.

    Each start makes another, so that a key that leaked is worth nothing after it.
    """
    key = secrets.token_bytes(KEY_BYTES)
    new = root / f"{KEY_FILE}.new"
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, key)
    finally:
        os.close(descriptor)
    new.replace(root / KEY_FILE)
    return key


def read_key(root: Path) -> bytes:
    """The key of the writer that runs now.

    Raises:
        OSError: there is none, or it may not be read.
    """
    return (root / KEY_FILE).read_bytes()


def scope_told(scope: TenantScope) -> dict[str, Any]:
    """What a scope says, for a sealed head."""
    return {
        "tenant": scope.tenant_id,
        "slug": scope.slug,
        "principal": scope.principal,
        "permissions": sorted(scope.permissions & _ROLES.keys()),
        "signals": None if scope.signals is None else sorted(scope.signals),
    }


def scope_of(told: Mapping[str, Any]) -> TenantScope:
    """The scope that `scope_told` told. Call it only with what came under a valid seal.

    Raises:
        AccessDenied: it allows nothing, or the words are none of ours.
    """
    try:
        tenant, slug, name = int(told["tenant"]), str(told["slug"]), str(told["principal"])
        permissions = [Permission(word) for word in told["permissions"]]
        roles = frozenset(_ROLES[permission] for permission in permissions)
        signals = None if told["signals"] is None else frozenset(map(int, told["signals"]))
    except (KeyError, TypeError, ValueError) as error:
        raise AccessDenied(f"a request without a scope: {error}") from error
    if not permissions:
        raise AccessDenied(f"{name} may neither read nor write samples")
    scope = access_tenant(Principal(0, name, {slug: (tenant, roles)}), slug, permissions[0])
    return scope if signals is None else scope.narrowed(signals, frozenset(Permission))
