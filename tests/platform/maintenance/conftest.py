"""Two plants with the same paths, on either database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import upsert_signals
from tundish_platform.samples import SignalSpec
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from tundish_platform.tenancy.metadata import Metadata

LINES = ("S/A/L1", "S/A/L2")


@pytest.fixture
def plants(metadata: Metadata) -> tuple[TenantScope, TenantScope]:
    """What an owner may do in each."""
    scopes = []
    with metadata.above(Above.OPERATOR).session() as session:
        for slug in ("steel", "other"):
            tenant = create_tenant(session, slug, slug, slug).id
            person = Principal(1, f"Person of {slug}", {slug: (tenant, frozenset({Role.OWNER}))}, person=True)
            scope = access_tenant(person, slug, Permission.HANDLE)
            specs = [
                SignalSpec(path=f"{line}/M/C/P", name_zh="压", name_en="p", semantic="pressure.hydraulic")
                for line in LINES
            ]
            collector = job_principal(session, "collector", Role.COLLECTOR)
            upsert_signals(session, access_tenant(collector, slug, Permission.INGEST), "s", specs)
            scopes.append(scope)
    return scopes[0], scopes[1]
