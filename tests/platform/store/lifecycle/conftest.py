"""A database with two tenants, their people's scopes, and clocks that stand still."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tundish_platform.migrations.tables import target
from tundish_platform.store.lifecycle import tables as lifecycle_tables
from tundish_platform.store.lifecycle.policy import operator_scope
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

assert lifecycle_tables.StorePolicy.__table__.key in target.tables

OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Town:
    """A metadata database with tenants `steel` and `power`."""

    metadata: Metadata
    numbers: dict[str, int]
    operator: Principal = OPERATOR

    def scope(self, slug: str, role: Role = Role.OWNER) -> TenantScope:
        who = Principal(1, f"{role} of {slug}", {slug: (self.numbers[slug], frozenset({role}))})
        return access_tenant(
            who, slug, Permission.MANAGE if role is Role.OWNER else next(iter(who.permissions(slug)))
        )

    def operates(self, slug: str) -> TenantScope:
        with self.metadata.session() as session:
            return operator_scope(session, OPERATOR, slug)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A database with two tenants, to be copied: making tables syncs the disk dozens of times."""
    path = tmp_path_factory.mktemp("lifecycle") / "metadata.sqlite"
    metadata = Metadata(f"sqlite:///{path}")
    target.create_all(metadata.engine)
    with metadata.session() as session:
        # A number in the place of a tenant's own is then wrong for each of them.
        create_tenant(session, "first", "first", "first")
        numbers = {slug: create_tenant(session, slug, slug, slug).id for slug in ("steel", "power")}
    metadata.close()
    return path, numbers


@pytest.fixture
def town(tmp_path: Path, made_once: tuple[Path, dict[str, int]]) -> Iterator[Town]:
    (tmp_path / "root").mkdir()
    path, numbers = made_once
    shutil.copy(path, tmp_path / "root" / "metadata.sqlite")
    metadata = Metadata(f"sqlite:///{tmp_path / 'root' / 'metadata.sqlite'}")
    yield Town(metadata, numbers)
    metadata.close()
