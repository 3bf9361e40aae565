"""A plant with an engineer, an operator, a collector and a stranger, on both kinds of database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import upsert_signals
from tundish_platform.samples import AlarmReport, SampleKind, SignalSpec
from tundish_platform.tenancy import Permission, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@dataclass
class Plant:
    metadata: Metadata
    engineer: TenantScope
    operator: TenantScope
    collector: TenantScope
    viewer: TenantScope
    stranger: TenantScope
    watcher: TenantScope
    ids: dict[str, int]


@pytest.fixture
def plant(metadata: Metadata) -> Plant:
    with metadata.session() as session:
        create_tenant(session, "steel", "钢厂", "Steel")
        create_tenant(session, "power", "电厂", "Power")
        jobs = {role: job_principal(session, role.value, role) for role in Role if role not in ABOVE}
        collector = access_tenant(jobs[Role.COLLECTOR], "steel", Permission.INGEST)
        declared = [
            SignalSpec(path="S/L/M/C/T", name_zh="温度", name_en="T", semantic="temperature", unit="Cel"),
            SignalSpec(path="S/L/M/C/N", name_zh="数", name_en="N", semantic="n", kind=SampleKind.INTEGER),
            SignalSpec(path="S/L/M/C/S", name_zh="态", name_en="S", semantic="s", kind=SampleKind.TEXT),
        ]
        ids = upsert_signals(session, collector, "opc", declared)
    return Plant(
        metadata,
        access_tenant(jobs[Role.ENGINEER], "steel", Permission.READ),
        access_tenant(jobs[Role.SHIFT_OPERATOR], "steel", Permission.READ),
        collector,
        access_tenant(jobs[Role.VIEWER], "steel", Permission.READ),
        access_tenant(jobs[Role.OWNER], "power", Permission.READ),
        access_tenant(jobs[Role.ANALYST], "steel", Permission.READ),
        {path[-1]: number for path, number in ids.items()},
    )


ABOVE = {Role.BUREAU_OFFICER, Role.PLATFORM_OPERATOR}


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def make_report() -> Callable[..., AlarmReport]:
    """A report so many seconds after `now`."""

    def make(seconds: float, key: str = "k", *, active: bool = True, **more: object) -> AlarmReport:
        given = {"name_zh": "超温", "name_en": "Too hot", "ts": NOW + timedelta(seconds=seconds)}
        return AlarmReport.model_validate({"key": key, "active": active, **given, **more})

    return make
