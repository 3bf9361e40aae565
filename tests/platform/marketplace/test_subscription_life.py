"""Plans, pauses, grants signal by signal and the history of a subscription, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from tundish_platform.assets import list_signals, upsert_signals
from tundish_platform.marketplace import (
    GrantRefused,
    NotSubscribed,
    Outcome,
    OutputsGoing,
    Run,
    SubscriptionPaused,
    UnknownPlan,
    cancel,
    change_plan,
    changes_of,
    due_subscriptions,
    give_grant,
    granted_scope,
    pause,
    record_run,
    resume,
    stop,
    subscribe,
    subscription_of,
    withdraw_grant,
)
from tundish_platform.samples import SignalRole, SignalSpec
from tundish_platform.store.lifecycle.tables import SignalRemoval
from tundish_platform.tenancy import AccessDenied, Permission, Principal, Role, TenantScope, access_tenant
from tundish_platform.tenancy.accounts import create_tenant

if TYPE_CHECKING:
    from tundish_platform.marketplace import Catalogue, SubscriptionView
    from tundish_platform.tenancy.metadata import Metadata

NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPECS = [
    SignalSpec(path=f"S/A/L1/M1/C/{name}", name_zh=name, name_en=name, semantic=semantic)
    for name, semantic in (("P1", "pressure.hydraulic"), ("P2", "pressure.gas"), ("T", "temperature.oil"))
]


def scope_of(metadata: Metadata, slug: str) -> TenantScope:
    with metadata.session() as session:
        tenant = create_tenant(session, slug, "厂", "Plant")
        principal = Principal(
            1, f"owner of {slug}", {slug: (tenant.id, frozenset({Role.OWNER, Role.ANALYST}))}
        )
        scope = access_tenant(principal, slug, Permission.SUBSCRIBE)
        upsert_signals(session, scope, "opcua-1", SPECS)
    return scope


@pytest.fixture
def plant(metadata: Metadata) -> TenantScope:
    return scope_of(metadata, "plant-a")


@pytest.fixture
def neighbour(metadata: Metadata) -> TenantScope:
    return scope_of(metadata, "plant-b")


def start(
    metadata: Metadata, scope: TenantScope, catalogue: Catalogue, plan: str | None = None, at: datetime = NOON
) -> SubscriptionView:
    with metadata.session() as session:
        signals = list_signals(session, scope)
        return subscribe(session, scope, catalogue, "dear", signals, plan=plan, now=at)


def a_run(at: datetime) -> Run:
    return Run(
        app="dear", version="0.1.0", started_at=at, window_start=at - HOUR, window_end=at, seconds=0.5,
        rows_in=10, values_out=1, isolation="process", filtered=True, outcome=Outcome.OK,
    )  # fmt: skip


def test_who_names_no_plan_gets_the_first_with_its_trial_of_whole_days(
    metadata: Metadata, plant: TenantScope, priced: Catalogue
) -> None:
    view = start(metadata, plant, priced)
    assert (view.plan, view.plan_kind, view.fen) == ("month", "flat", 10001)
    # Noon of 10 March in Shanghai, the rest of it, and two days more.
    assert view.trial_until == datetime(2026, 3, 12, 16, tzinfo=UTC)
    assert (view.state(NOON), view.state(NOON + 72 * HOUR)) == ("trial", "active")
    with pytest.raises(UnknownPlan):
        start(metadata, plant, priced, "no-such-plan")


def test_neither_coming_back_nor_changing_plans_makes_a_new_trial(
    metadata: Metadata, plant: TenantScope, priced: Catalogue
) -> None:
    until = start(metadata, plant, priced).trial_until
    with metadata.session() as session:
        other = change_plan(session, plant, priced, "dear", "run", NOON + HOUR)
        assert (other.plan, other.fen, other.trial_until) == ("run", 3, None)
        assert change_plan(session, plant, priced, "dear", "month", NOON + 2 * HOUR).trial_until == until
        stop(session, plant, "dear", NOON + 3 * HOUR)
    assert start(metadata, plant, priced, at=NOON + 24 * HOUR).trial_until == until
    with metadata.session() as session:
        stop(session, plant, "dear", NOON + 25 * HOUR)
    assert start(metadata, plant, priced, at=NOON + 96 * HOUR).trial_until is None


def test_a_trial_counts_from_the_own_first_day_and_not_from_a_neighbours(
    metadata: Metadata, plant: TenantScope, neighbour: TenantScope, priced: Catalogue
) -> None:
    start(metadata, neighbour, priced, at=NOON - 240 * HOUR)
    assert start(metadata, plant, priced).trial_until == datetime(2026, 3, 12, 16, tzinfo=UTC)


def test_a_paused_app_neither_runs_nor_reads_nor_books_and_goes_on_as_it_was(
    metadata: Metadata, plant: TenantScope, priced: Catalogue
) -> None:
    before = start(metadata, plant, priced)
    with metadata.session() as session:
        paused = pause(session, plant, "dear", NOON + HOUR)
        assert (paused.state(NOON + HOUR), paused.signals) == ("paused", before.signals)
        assert pause(session, plant, "dear", NOON + 2 * HOUR).paused_at == NOON + HOUR
        assert due_subscriptions(session, plant, NOON + 2 * HOUR) == []
        with pytest.raises(SubscriptionPaused):
            granted_scope(session, plant, "dear")
        with pytest.raises(SubscriptionPaused):
            record_run(session, plant, a_run(NOON))
        assert resume(session, plant, "dear", NOON + 3 * HOUR) == before
        assert granted_scope(session, plant, "dear").signals == frozenset(before.signals)


def test_a_grant_is_withdrawn_and_given_again_signal_by_signal(
    metadata: Metadata, plant: TenantScope, priced: Catalogue
) -> None:
    first, second = start(metadata, plant, priced).signals
    with metadata.session() as session:
        assert withdraw_grant(session, plant, "dear", first, NOON + HOUR).signals == (second,)
        assert granted_scope(session, plant, "dear").signals == {second}
        assert withdraw_grant(session, plant, "dear", first, NOON + HOUR).signals == (second,)
        assert withdraw_grant(session, plant, "dear", second, NOON + 2 * HOUR).signals == ()
        # An empty grant is nothing, not everything.
        assert granted_scope(session, plant, "dear").signals == frozenset()
        by_id = {signal.id: signal for signal in list_signals(session, plant)}
        assert give_grant(session, plant, priced, "dear", by_id[first], NOON + 3 * HOUR).signals == (first,)
        assert give_grant(session, plant, priced, "dear", by_id[first], NOON + 4 * HOUR).signals == (first,)
        oil = next(one for one in by_id.values() if one.semantic == "temperature.oil")
        with pytest.raises(GrantRefused):
            give_grant(session, plant, priced, "dear", oil)


def test_the_history_tells_who_did_what_and_how_it_stood_then(
    metadata: Metadata, plant: TenantScope, priced: Catalogue
) -> None:
    first, _ = start(metadata, plant, priced).signals
    with metadata.session() as session:
        withdraw_grant(session, plant, "dear", first, NOON + HOUR)
        withdraw_grant(session, plant, "dear", first, NOON + HOUR)
        pause(session, plant, "dear", NOON + 2 * HOUR)
        pause(session, plant, "dear", NOON + 2 * HOUR)
        change_plan(session, plant, priced, "dear", "run", NOON + 3 * HOUR)
        change_plan(session, plant, priced, "dear", "run", NOON + 3 * HOUR)
        resume(session, plant, "dear", NOON + 4 * HOUR)
        stop(session, plant, "dear", NOON + 5 * HOUR)
    with metadata.session() as session:
        told = changes_of(session, plant, "dear")
        page = changes_of(session, plant, "dear", limit=2)
        rest = changes_of(session, plant, "dear", before=page[-1].id)
    assert [(one.act, one.running, one.plan) for one in reversed(told)] == [
        ("started", True, "month"),
        ("grant_withdrawn", True, "month"),
        ("paused", False, "month"),
        ("plan_changed", False, "run"),
        ("resumed", True, "run"),
        ("cancelled", False, "run"),
    ]
    assert told == page + rest
    assert {one.by for one in told} == {"owner of plant-a"}
    assert told[-2].detail == {"signal": first}


def test_cancelling_removes_the_apps_own_outputs_where_that_is_wanted(
    metadata: Metadata, plant: TenantScope, neighbour: TenantScope, priced: Catalogue
) -> None:
    outputs = [
        SPECS[0].model_copy(update={"path": f"Apps/dear/{key}", "semantic": f"app.dear.{key}", "role": role})
        for key, role in (("number", SignalRole.OUTPUT), ("words", SignalRole.OUTPUT))
    ]
    for scope in (plant, neighbour):
        start(metadata, scope, priced)
        with metadata.session() as session:
            upsert_signals(session, scope, "app:other", [outputs[1].model_copy(update={"path": "Apps/x"})])
            upsert_signals(session, scope, "app:dear", outputs)
    with metadata.session() as session:
        assert cancel(session, neighbour, "dear", remove_outputs=False, now=NOON) is None
        number = cancel(session, plant, "dear", remove_outputs=True, now=NOON)
        removals = session.scalars(select(SignalRemoval)).all()
        by_id = {signal.id: signal.path for signal in list_signals(session, plant)}
        act = changes_of(session, plant, "dear")[0]
    assert [(one.id, one.tenant_id) for one in removals] == [(number, plant.tenant_id)]
    assert sorted(by_id[n] for n in removals[0].signals) == ["Apps/dear/number", "Apps/dear/words"]
    assert (act.act, act.detail["removal"]) == ("outputs_removed", number)
    with pytest.raises(OutputsGoing):
        start(metadata, plant, priced)
    assert start(metadata, neighbour, priced).active


def test_nothing_of_a_neighbours_subscription_is_seen_or_changed(
    metadata: Metadata, plant: TenantScope, neighbour: TenantScope, priced: Catalogue
) -> None:
    mine, theirs = start(metadata, plant, priced), start(metadata, neighbour, priced)
    with metadata.session() as session:
        pause(session, neighbour, "dear", NOON)
        change_plan(session, neighbour, priced, "dear", "run", NOON)
        withdraw_grant(session, neighbour, "dear", theirs.signals[0], NOON)
        assert subscription_of(session, plant, "dear") == mine
        assert [one.act for one in changes_of(session, plant, "dear")] == ["started"]
        assert withdraw_grant(session, plant, "dear", theirs.signals[1], NOON).signals == mine.signals[:1]
        assert subscription_of(session, neighbour, "dear").signals == theirs.signals[1:]
        resume(session, plant, "dear", NOON)
        assert subscription_of(session, neighbour, "dear").paused_at == NOON
        stop(session, plant, "dear", NOON)
        assert subscription_of(session, neighbour, "dear").active


def test_only_who_may_subscribe_changes_anything_and_only_where_there_is_something(
    metadata: Metadata, plant: TenantScope, priced: Catalogue
) -> None:
    viewer = access_tenant(
        Principal(2, "viewer", {"plant-a": (plant.tenant_id, frozenset({Role.VIEWER}))}),
        "plant-a", Permission.READ,
    )  # fmt: skip
    with metadata.session() as session:
        with pytest.raises(NotSubscribed):
            pause(session, plant, "dear")
        for act in (pause, resume):
            with pytest.raises(AccessDenied):
                act(session, viewer, "dear")
        with pytest.raises(AccessDenied):
            change_plan(session, viewer, priced, "dear", "run")
        with pytest.raises(AccessDenied):
            withdraw_grant(session, viewer, "dear", 1)
