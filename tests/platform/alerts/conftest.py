"""Two plants, who may do what in them, and reports of a cooler that fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.samples import AlertReport
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LINE = "S/A/L"


@dataclass
class Shop:
    metadata: Metadata
    worker: TenantScope
    shift: TenantScope
    viewer: TenantScope
    stranger: TenantScope
    at: Callable[[Role, str], TenantScope]


@pytest.fixture
def shop(metadata: Metadata) -> Shop:
    with metadata.session() as session:
        tenants = {slug: create_tenant(session, slug, slug, slug).id for slug in ("steel", "power")}
        jobs = {
            role: job_principal(session, role.value, role)
            for role in (Role.ANALYST, Role.SHIFT_OPERATOR, Role.VIEWER, Role.OWNER)
        }

    def placed(role: Role, place: str) -> TenantScope:
        person = Principal(
            9,
            "placed",
            {"steel": (tenants["steel"], frozenset())},
            placed={"steel": frozenset({(role, place)})},
        )
        return access_tenant(person, "steel", Permission.READ)

    return Shop(
        metadata,
        access_tenant(jobs[Role.ANALYST], "steel", Permission.INGEST),
        access_tenant(jobs[Role.SHIFT_OPERATOR], "steel", Permission.READ),
        access_tenant(jobs[Role.VIEWER], "steel", Permission.READ),
        access_tenant(jobs[Role.OWNER], "power", Permission.READ),
        placed,
    )


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def make_alert() -> Callable[..., AlertReport]:
    """A report of an alert that opened so many minutes before `now`, judged to so many."""

    def make(opened: float = 60, judged: float | None = None, **more: object) -> AlertReport:
        begin = NOW - timedelta(minutes=opened)
        judged_to = NOW - timedelta(minutes=opened if judged is None else judged)
        given: dict[str, object] = {
            "model": "hydraulic-condition", "version": "v1", "line": LINE, "target": "cooler",
            "target_zh": "冷却器状况", "target_en": "Cooler condition", "since": begin - timedelta(minutes=3),
            "opened_at": begin, "judged_to": judged_to, "priority": 2, "label_zh": "下降",
            "label_en": "Reduced", "value": 20.0, "unit": "%", "confidence": 0.97, "sureness": "probability",
            "check_zh": "检查散热片", "check_en": "Look at the fins",
            "window_start": judged_to - timedelta(minutes=1), "window_end": judged_to, "completeness": 1.0,
        }  # fmt: skip
        return AlertReport.model_validate(given | more)

    return make
