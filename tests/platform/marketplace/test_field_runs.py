"""A publisher sees how its app runs everywhere, and nothing of those who run it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import Outcome, SandboxResult, record_run, subscribe
from tundish_platform.marketplace.faults import Fault, fault_of
from tundish_platform.marketplace.publishing import PublishRefused, field_halts, field_runs
from tundish_platform.marketplace.publishing.fieldruns import bucket
from tundish_platform.marketplace.publishing.models import AppTitle
from tundish_platform.marketplace.runner import _record
from tundish_platform.samples import SignalSpec
from tundish_platform.sdk import AppInputs
from tundish_platform.tenancy import Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Callable

    from tundish_platform.marketplace import App, Catalogue
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
CANARY = "canary"
SPEC = SignalSpec(path=f"S/A/L1/M1/C/{CANARY}", name_zh=CANARY, name_en=CANARY, semantic="pressure.hydraulic")
# As an app ends that tells all it knows in its exception, its own kind of it, and a file it never had.
TOLD = f"""{CANARY} printed
Traceback (most recent call last):
  File "/opt/tundish/tundish_platform/sdk/worker.py", line 40, in run_app
    outputs = getattr(importlib.import_module(module), function)(inputs)
  File "/opt/app/tundish_app_probe/app.py", line 3, in run
    raise ValueError('{CANARY}')
  File "/opt/app/tundish_app_probe/{CANARY}.py", line 3, in {CANARY}
  File "/opt/app/tundish_app_probe/app.py", line 31337, in {CANARY}
tundish_app_probe.app.{CANARY}: {CANARY} 42.4242
"""


def scope_of(slug: str, tenant_id: int) -> TenantScope:
    roles = frozenset({Role.OWNER, Role.ANALYST, Role.APP_DEVELOPER})
    return access_tenant(Principal(1, CANARY, {slug: (tenant_id, roles)}), slug, Permission.SUBSCRIBE)


@pytest.fixture
def plants(metadata: Metadata, shelf: Catalogue) -> list[TenantScope]:
    """The publisher, and two tenants that run its app, one of them with a canary everywhere."""
    scopes = []
    for slug in ("publisher", f"{CANARY}-a", "plant-b"):
        with metadata.session() as session:
            scope = scope_of(slug, create_tenant(session, slug, CANARY, CANARY).id)
            upsert_signals(session, scope, CANARY, [SPEC])
            subscribe(session, scope, shelf, "quiet", list_signals(session, scope))
            scopes.append(scope)
    with metadata.session() as session:
        session.add(AppTitle(app_id="quiet", tenant_id=scopes[0].tenant_id, first_at=NOW, uploads=1))
    return scopes


def ran(metadata: Metadata, scope: TenantScope, app: App, detail: str) -> None:
    inputs = AppInputs(app.manifest, NOW, NOW, ())
    result = SandboxResult(Outcome.FAILED, None, 1.234, "bubblewrap", filtered=True, detail=detail)
    run = _record(app, inputs, result, NOW, 0).model_copy(update={"rows_in": 4_242, "app": "quiet"})
    with metadata.session() as session:
        record_run(session, scope, run)


def test_no_canary_reaches_the_publisher(
    metadata: Metadata, plants: list[TenantScope], make_app: Callable[..., App]
) -> None:
    publisher, first, second = plants
    app = make_app("return said(inputs, 'x')")
    ran(metadata, second, app, TOLD)
    ran(metadata, first, app, TOLD)
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        found = field_runs(session, above, publisher, "quiet", 0, 50)
    seen = json.dumps([asdict(one) for one in found], default=str)
    assert CANARY not in seen
    assert "4242" not in seen
    assert "31337" not in seen
    assert [(one.tenant, one.error_type, one.error_place, one.rows_below) for one in found] == [
        (2, "other", "app.py:3", 10_000), (1, "other", "app.py:3", 10_000),
    ]  # fmt: skip


def test_only_its_publisher_sees_an_apps_runs(metadata: Metadata, plants: list[TenantScope]) -> None:
    with (
        metadata.session() as session,
        metadata.above(Above.PACKAGES).session() as above,
        pytest.raises(PublishRefused),
    ):
        field_runs(session, above, plants[1], "quiet", 0, 50)


def test_halts_are_counted_by_version(metadata: Metadata, plants: list[TenantScope]) -> None:
    with metadata.session() as session, metadata.above(Above.PACKAGES).session() as above:
        assert field_halts(session, above, plants[0], "quiet") == []


def test_pythons_own_kinds_are_told(make_app: Callable[..., App]) -> None:
    app = make_app("return said(inputs, 'x')")
    text = TOLD.replace(f"tundish_app_probe.app.{CANARY}: {CANARY} 42.4242", "ZeroDivisionError: by zero")
    assert fault_of(app, text) == Fault("ZeroDivisionError", "app.py:3")
    assert fault_of(app, "no traceback here") == Fault()


@pytest.mark.parametrize(("rows", "below"), [(0, 1), (1, 10), (9, 10), (10, 100), (4_242, 10_000)])
def test_sample_counts_are_told_as_powers_of_ten(rows: int, below: int) -> None:
    assert bucket(rows) == below
