"""Two plants whose workers register models, and people who decide about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tundish_platform.model_registry import VersionSpec
from tundish_platform.tenancy import Permission, Role, access_tenant
from tundish_platform.tenancy.accounts import create_tenant, job_principal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.tenancy import TenantScope
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
CARD: dict[str, Any] = {
    "trained_from": "2026-01-01T00:00:00Z", "trained_to": "2026-02-01T00:00:00Z", "cases": 1_770,
    "features": ["S/A/L1/M1/C/P"], "code": "1.2.0", "protocol_zh": "留出", "protocol_en": "blocks held out",
    "metrics": {"macro_f1": 0.97}, "limits_zh": "仅限本产线", "limits_en": "this line only",
}  # fmt: skip


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def make_spec() -> Callable[..., VersionSpec]:
    """A version as the worker registers it; fields of the card by ``card``."""

    def make(version: str = "1", line: str = "S/A/L1", **more: Any) -> VersionSpec:  # noqa: ANN401 - fields of the body
        card = CARD | more.pop("card", {})
        body = {"line": line, "model": "hydraulic", "version": version, "digest": "a" * 64, "card": card}
        return VersionSpec.model_validate(body | more)

    return make


@pytest.fixture
def prepare() -> Callable[[Metadata], dict[str, TenantScope]]:
    """Sets the plants up in a database."""

    def make(metadata: Metadata) -> dict[str, TenantScope]:
        found: dict[str, TenantScope] = {}
        with metadata.session() as session:
            for slug in ("steel", "power"):
                create_tenant(session, slug, f"{slug} 厂", slug)
            worker, engineer = (
                job_principal(session, name, role)
                for name, role in (("worker", Role.ANALYST), ("wang", Role.ENGINEER))
            )
            for slug, suffix in (("steel", ""), ("power", "-power")):
                found[f"worker{suffix}"] = access_tenant(worker, slug, Permission.TRAIN)
                found[f"wang{suffix}"] = access_tenant(engineer, slug, Permission.CONFIGURE)
        return found

    return make


@pytest.fixture
def scopes(
    metadata: Metadata, prepare: Callable[[Metadata], dict[str, TenantScope]]
) -> dict[str, TenantScope]:
    return prepare(metadata)
