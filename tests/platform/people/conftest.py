"""A steel plant with an owner, a neighbour, and cheap password hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher

from tundish_platform.tenancy import Permission, Role, access_tenant, passwords
from tundish_platform.tenancy.accounts import create_tenant, create_user, principal_of_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass
class Plant:
    """The database, the owner's number, and scopes as people have them at this moment."""

    metadata: Metadata
    owner: int
    now: datetime = NOW

    def scope(self, person: int | None = None, permission: Permission = Permission.MANAGE) -> TenantScope:
        with self.metadata.session() as session:
            who = principal_of_user(session, self.owner if person is None else person)
        return access_tenant(who, "steel", permission)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords._decoy.cache_clear()
    yield
    passwords._decoy.cache_clear()


@pytest.fixture
def plant(metadata: Metadata) -> Plant:
    """Runs on SQLite and on PostgreSQL."""
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        create_tenant(session, "power", "电厂", "Power")
        owner = create_user(session, "owner@steel", "王", "tap hole 42", {"steel": [Role.OWNER]})
        create_user(session, "owner@power", "刘", "tap hole 43", {"power": [Role.OWNER]})
    return Plant(metadata, owner)
