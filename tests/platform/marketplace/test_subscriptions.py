"""Subscribing and stopping on both databases: once however often, grants withdrawn, nothing foreign."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import (
    MissingInputs,
    NotSubscribed,
    Outcome,
    ParameterRefused,
    Run,
    UnknownApp,
    compatibility,
    due_subscriptions,
    grant_signals,
    granted_scope,
    record_run,
    runs,
    stop,
    subscribe,
    subscriptions,
    uses_between,
)
from tundish_platform.samples import SignalRole, SignalSpec
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from tundish_platform.marketplace import Catalogue, SubscriptionView
    from tundish_platform.tenancy.metadata import Metadata

SPECS = [
    SignalSpec(path="S/A/L1/M1/C/P1", name_zh="压力", name_en="Pressure", semantic="pressure.hydraulic"),
    SignalSpec(path="S/A/L1/M1/C/P2", name_zh="压力", name_en="Pressure", semantic="pressure.gas"),
    SignalSpec(path="S/A/L1/M1/C/T", name_zh="温度", name_en="Temperature", semantic="temperature.oil"),
    SignalSpec(
        path="S/A/L1/Models/m/Value", name_zh="预测", name_en="Prediction", semantic="pressure.predicted",
        role=SignalRole.PREDICTION,
    ),
]  # fmt: skip


def scope_of(slug: str, tenant_id: int, *roles: Role) -> TenantScope:
    principal = Principal(1, "tester", {slug: (tenant_id, frozenset(roles))})
    permission = Permission.SUBSCRIBE if Role.OWNER in roles else Permission.READ
    return access_tenant(principal, slug, permission)


@pytest.fixture
def plant(metadata: Metadata) -> TenantScope:
    with metadata.session() as session:
        tenant = create_tenant(session, "plant-a", "甲厂", "Plant A")
        scope = scope_of("plant-a", tenant.id, Role.OWNER, Role.ANALYST)
        upsert_signals(session, scope, "opcua-1", SPECS)
    return scope


@pytest.fixture
def neighbour(metadata: Metadata) -> TenantScope:
    with metadata.session() as session:
        tenant = create_tenant(session, "plant-b", "乙厂", "Plant B")
        scope = scope_of("plant-b", tenant.id, Role.OWNER, Role.ANALYST)
        upsert_signals(session, scope, "opcua-1", SPECS[:1])
    return scope


def start(metadata: Metadata, scope: TenantScope, catalogue: Catalogue) -> SubscriptionView:
    with metadata.session() as session:
        return subscribe(session, scope, catalogue, "quiet", list_signals(session, scope))


def a_run(at: datetime, **changes: object) -> Run:
    made = Run(
        app="quiet", version="0.1.0", started_at=at, window_start=at - timedelta(seconds=600), window_end=at,
        seconds=0.5, rows_in=10, values_out=1, isolation="bubblewrap", filtered=True, outcome=Outcome.OK,
    )  # fmt: skip
    return made.model_copy(update=changes)


def test_the_grant_holds_what_the_manifest_asks_for_and_no_more(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    view = start(metadata, plant, shelf)
    with metadata.session() as session:
        by_id = {s.id: s.path for s in list_signals(session, plant)}
    assert [by_id[i] for i in view.signals] == ["S/A/L1/M1/C/P1", "S/A/L1/M1/C/P2"]


def test_subscribing_again_changes_nothing(metadata: Metadata, plant: TenantScope, shelf: Catalogue) -> None:
    first = start(metadata, plant, shelf)
    assert start(metadata, plant, shelf) == first
    with metadata.session() as session:
        assert len(subscriptions(session, plant, stopped=True)) == 1


def test_many_clicks_at_once_make_one_subscription(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    gate = threading.Barrier(6)
    made: list[SubscriptionView] = []
    failures: list[Exception] = []

    def click() -> None:
        gate.wait()
        try:
            made.append(start(metadata, plant, shelf))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall tell
            failures.append(error)

    threads = [threading.Thread(target=click) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({view.id for view in made}) == 1
    with metadata.session() as session:
        assert len(subscriptions(session, plant, stopped=True)) == 1
        assert len(subscriptions(session, plant)[0].signals) == 2


def test_stopping_withdraws_the_grant_and_stopping_twice_is_no_error(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    start(metadata, plant, shelf)
    with metadata.session() as session:
        assert stop(session, plant, "quiet")
        assert not stop(session, plant, "quiet")
        with pytest.raises(NotSubscribed):
            grant_signals(session, plant, "quiet")
        (past,) = subscriptions(session, plant, stopped=True)
    assert (past.active, past.signals) == (False, ())


def test_after_stopping_one_may_subscribe_anew(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    first = start(metadata, plant, shelf)
    with metadata.session() as session:
        stop(session, plant, "quiet")
    second = start(metadata, plant, shelf)
    assert second.id != first.id
    assert second.active
    assert second.signals == first.signals


def test_a_signal_that_comes_later_is_not_granted_silently(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    before = start(metadata, plant, shelf).signals
    later = SPECS[0].model_copy(update={"path": "S/A/L1/M1/C/P3"})
    with metadata.session() as session:
        upsert_signals(session, plant, "opcua-1", [later])
    assert start(metadata, plant, shelf).signals == before


def test_the_granted_scope_reads_granted_signals_only(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    view = start(metadata, plant, shelf)
    with metadata.session() as session:
        narrowed = granted_scope(session, plant, "quiet")
    assert narrowed.signals == frozenset(view.signals)
    assert narrowed.permissions == {Permission.READ}


def test_nobody_sees_or_stops_the_neighbours_subscription(
    metadata: Metadata, plant: TenantScope, neighbour: TenantScope, shelf: Catalogue
) -> None:
    start(metadata, plant, shelf)
    with metadata.session() as session:
        record_run(session, plant, a_run(datetime.now(UTC)))
        assert subscriptions(session, neighbour) == []
        assert runs(session, neighbour) == []
        assert uses_between(session, neighbour, datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC)) == []
        with pytest.raises(NotSubscribed):
            grant_signals(session, neighbour, "quiet")
        assert not stop(session, neighbour, "quiet")
        assert len(subscriptions(session, plant)) == 1


def test_a_viewer_may_look_but_not_subscribe_stop_or_book_runs(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    start(metadata, plant, shelf)
    viewer = scope_of("plant-a", plant.tenant_id, Role.VIEWER)
    with metadata.session() as session:
        assert len(subscriptions(session, viewer)) == 1
        for refused in (
            lambda: subscribe(session, viewer, shelf, "quiet", []),
            lambda: stop(session, viewer, "quiet"),
            lambda: record_run(session, viewer, a_run(datetime.now(UTC))),
        ):
            with pytest.raises(AccessDenied):
                refused()


def test_what_is_missing_is_named(metadata: Metadata, plant: TenantScope, shelf: Catalogue) -> None:
    with metadata.session() as session, pytest.raises(MissingInputs) as error:
        subscribe(session, plant, shelf, "quiet", [])
    assert error.value.keys == ("any",)
    with metadata.session() as session, pytest.raises(UnknownApp):
        subscribe(session, plant, shelf, "no-such-app", [])
    with metadata.session() as session, pytest.raises(ParameterRefused):
        subscribe(session, plant, shelf, "quiet", list_signals(session, plant), {"no_such": 1.0})


def test_a_prediction_serves_no_input(shelf: Catalogue, metadata: Metadata, plant: TenantScope) -> None:
    with metadata.session() as session:
        signals = list_signals(session, plant)
    fit = compatibility(shelf.app("quiet").manifest, signals)
    assert all(s.role is not SignalRole.PREDICTION for s in fit.signals)
    assert fit.usable


def test_runs_are_booked_newest_first_and_decide_what_is_due(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    view = start(metadata, plant, shelf)
    now = datetime.now(UTC)
    with metadata.session() as session:
        assert [v.id for v in due_subscriptions(session, plant, now)] == [view.id]
        record_run(session, plant, a_run(now - timedelta(seconds=90)))
        record_run(session, plant, a_run(now, outcome=Outcome.FAILED))
        assert [run.outcome for run in runs(session, plant)] == [Outcome.FAILED, Outcome.OK]
        assert due_subscriptions(session, plant, now + timedelta(seconds=59)) == []
        assert len(due_subscriptions(session, plant, now + timedelta(seconds=60))) == 1


def test_only_accepted_runs_that_read_something_count_as_use(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    view = start(metadata, plant, shelf)
    now = datetime.now(UTC)
    with metadata.session() as session:
        for run in (a_run(now), a_run(now, rows_in=0), a_run(now, outcome=Outcome.MISSING_INPUT)):
            record_run(session, plant, run)
        span = now - timedelta(hours=1), now + timedelta(hours=1)
        assert uses_between(session, plant, *span) == [(now, frozenset(view.signals), "quiet")]


def test_nothing_is_booked_for_a_stopped_app(
    metadata: Metadata, plant: TenantScope, shelf: Catalogue
) -> None:
    view = start(metadata, plant, shelf)
    with metadata.session() as session:
        stop(session, plant, "quiet")
        with pytest.raises(NotSubscribed):
            record_run(session, plant, a_run(datetime.now(UTC)))
    assert not replace(view, stopped_at=datetime.now(UTC)).due(datetime.now(UTC) + timedelta(days=1))
