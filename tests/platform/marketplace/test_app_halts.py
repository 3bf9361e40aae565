"""An app that fails again and again is stopped and says so; a person or a new version starts it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import (
    Outcome,
    Run,
    after_run,
    halt_of,
    halts,
    record_run,
    restart,
    subscribe,
)
from tundish_platform.marketplace.halting import FAILURES
from tundish_platform.marketplace.runner import is_halted
from tundish_platform.samples import SignalSpec
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from tundish_platform.marketplace import Catalogue, Halt
    from tundish_platform.tenancy.metadata import Metadata

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
SPEC = SignalSpec(path="S/A/L1/M1/C/P", name_zh="压力", name_en="Pressure", semantic="pressure.hydraulic")


def scope_of(slug: str, tenant_id: int) -> TenantScope:
    roles = frozenset({Role.OWNER, Role.ANALYST})
    return access_tenant(Principal(1, "tester", {slug: (tenant_id, roles)}), slug, Permission.SUBSCRIBE)


@pytest.fixture
def plants(metadata: Metadata, shelf: Catalogue) -> list[TenantScope]:
    """Two tenants that subscribe to the same app."""
    scopes = []
    for slug in ("plant-a", "plant-b"):
        with metadata.session() as session:
            scope = scope_of(slug, create_tenant(session, slug, "厂", "Plant").id)
            upsert_signals(session, scope, "opc", [SPEC])
            subscribe(session, scope, shelf, "quiet", list_signals(session, scope))
            scopes.append(scope)
    return scopes


def ran(
    metadata: Metadata, scope: TenantScope, outcome: Outcome, minute: int, version: str = "0.1.0"
) -> Halt | None:
    at = NOW + timedelta(minutes=minute)
    run = Run(
        app="quiet", version=version, started_at=at, window_start=at, window_end=at, seconds=1, rows_in=1,
        values_out=0, isolation="bubblewrap", filtered=True, outcome=outcome,
    )  # fmt: skip
    with metadata.session() as session:
        record_run(session, scope, run)
        return after_run(session, scope, "quiet", version, at)


def halted(metadata: Metadata, scope: TenantScope) -> Halt:
    found = [ran(metadata, scope, Outcome.FAILED, minute) for minute in range(FAILURES)]
    assert found[:-1] == [None] * (FAILURES - 1)
    assert found[-1] is not None
    return found[-1]


def test_so_many_failures_in_a_row_stop_it_for_that_tenant_alone(
    metadata: Metadata, plants: list[TenantScope]
) -> None:
    first, second = plants
    halt = halted(metadata, first)
    assert (halt.version, halt.failures, halt.outcome) == ("0.1.0", FAILURES, "failed")
    assert "连续 5 次" in halt.reason_zh
    assert "5 times in a row" in halt.reason_en
    with metadata.session() as session:
        assert set(halts(session, first)) == {"quiet"}
        assert halts(session, second) == {}
        assert halt_of(session, second, "quiet") is None
    assert ran(metadata, second, Outcome.FAILED, 9) is None


def test_a_good_run_and_one_that_was_never_reached_do_not_count(
    metadata: Metadata, plants: list[TenantScope]
) -> None:
    ends = [Outcome.FAILED] * (FAILURES - 1) + [Outcome.OK] + [Outcome.TIMEOUT] * (FAILURES - 1)
    ends += [Outcome.UNREACHED] * FAILURES
    assert [ran(metadata, plants[0], end, minute) for minute, end in enumerate(ends)] == [None] * len(ends)
    assert ran(metadata, plants[0], Outcome.REFUSED, 99) is not None


def test_a_person_starts_it_again_and_failures_before_that_are_forgotten(
    metadata: Metadata, plants: list[TenantScope]
) -> None:
    first, second = plants
    halted(metadata, first)
    halted(metadata, second)
    with metadata.session() as session:
        assert restart(session, first, "quiet", NOW + timedelta(minutes=30))
        assert not restart(session, first, "quiet", NOW + timedelta(minutes=31))
        assert halt_of(session, first, "quiet") is None
        assert halt_of(session, second, "quiet") is not None
    assert ran(metadata, first, Outcome.FAILED, 40) is None


def test_a_new_version_starts_by_itself(metadata: Metadata, plants: list[TenantScope]) -> None:
    halt = halted(metadata, plants[0])
    subscription = {"halted": {"version": halt.version}}
    assert is_halted(subscription, "0.1.0")
    assert not is_halted(subscription, "0.2.0")
    assert ran(metadata, plants[0], Outcome.OK, 20, "0.2.0") is None
    with metadata.session() as session:
        assert halts(session, plants[0]) == {}


def test_who_may_not_subscribe_may_not_start_it_again(metadata: Metadata, plants: list[TenantScope]) -> None:
    halted(metadata, plants[0])
    reader = plants[0].narrowed(frozenset(), frozenset({Permission.READ}))
    with metadata.session() as session, pytest.raises(AccessDenied):
        restart(session, reader, "quiet", NOW)
