"""Two plants with a line each, and scopes for those who declare, read and correct."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import upsert_signals
from tundish_platform.samples import SignalSpec
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
PATHS = ("S/A/L1/M1/C/P", "S/A/L1/M2/C/P", "S/A/L2/M1/C/P")


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def prepare() -> Callable[[Metadata], dict[str, TenantScope]]:
    """Sets the plants up in a database."""

    def make(metadata: Metadata) -> dict[str, TenantScope]:
        found: dict[str, TenantScope] = {}
        with metadata.session() as session:
            for slug in ("steel", "power"):
                create_tenant(session, slug, f"{slug} 厂", slug)
            job, owner = (
                job_principal(session, "mes", Role.ANALYST),
                job_principal(session, "eng", Role.OWNER),
            )
            for slug, suffix in (("steel", ""), ("power", "-power")):
                found[f"mes{suffix}"] = mes = access_tenant(job, slug, Permission.INGEST)
                found[f"owner{suffix}"] = access_tenant(owner, slug, Permission.CONFIGURE)
                specs = [SignalSpec(path=p, name_zh="压力", name_en="P", semantic="pressure") for p in PATHS]
                upsert_signals(session, mes, "opc", specs)
        return found

    return make


@pytest.fixture
def scopes(
    metadata: Metadata, prepare: Callable[[Metadata], dict[str, TenantScope]]
) -> dict[str, TenantScope]:
    return prepare(metadata)
