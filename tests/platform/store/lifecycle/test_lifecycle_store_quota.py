"""Quotas over the real store: refused before anything is written, told with a time, others untouched."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle.policy import (
    Policy,
    PolicyChange,
    change_policy,
    operator_scope,
)
from tundish_platform.store.lifecycle.quota import LimitSizes, OverQuota, QueryTooLong, QuotaExceeded
from tundish_platform.store.query.export import ExportForm
from tundish_platform.tenancy import Principal, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

    from tundish_platform.samples import SampleBatch, SignalInfo

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
WINDOW = np.array([[int(t.timestamp()) * 1_000_000 for t in (START, END)]])


def agree(world: World, **change: Any) -> None:  # noqa: ANN401 - fields of `PolicyChange`
    """Give steel a policy, as an operator does, and let the writer read it."""
    with world.metadata.session() as session:
        who = operator_scope(session, OPERATOR, "steel")
        change_policy(
            session, who, PolicyChange.model_validate(change), world.telemetry._retention._policies.defaults
        )
    world.telemetry.housekeep()


def test_rows_beyond_the_quota_are_refused_before_the_log_and_others_go_on(world: World) -> None:
    agree(world, rows_per_s=1, burst_rows=10)
    assert world.append([(1, s, 1.0) for s in range(10)]) == 10
    written = world.telemetry._log.next_sequence
    with pytest.raises(QuotaExceeded) as refused:
        world.append([(1, s, 2.0) for s in range(10, 20)])
    assert 0 < refused.value.retry_after_s <= 10
    assert world.telemetry._log.next_sequence == written
    assert world.append([(1, s, 1.0) for s in range(50)], tenant="power") == 50
    assert len(world.rows([1])) == 10


def test_bytes_stored_are_counted_and_so_is_what_waits(world: World) -> None:
    agree(world, max_bytes=1000)
    world.append([(1, s, 1.0) for s in range(100)])
    with pytest.raises(QuotaExceeded, match="storage quota"):
        world.append([(1, 200, 1.0)])
    world.telemetry.seal()
    with pytest.raises(QuotaExceeded, match="storage quota"):
        world.append([(1, 200, 1.0)])
    agree(world, max_bytes="unlimited")
    assert world.append([(1, 200, 1.0)]) == 1


def test_time_for_queries_is_paid_at_their_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    agree(world, query_s_per_min=1)
    seconds = iter(range(0, 10_000, 2))
    monkeypatch.setattr(world.telemetry.limits, "clock", lambda: float(next(seconds)))
    world.rows([1])
    with pytest.raises(OverQuota, match="time for queries"):
        world.rows([1])
    assert world.rows([1], tenant="power") == []


def test_a_query_ends_between_its_parts_when_its_time_is_up(
    world: World, make_spec: Callable[..., SignalInfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in range(3):
        world.append([(1, 10 * part + s, 1.0) for s in range(5)])
        world.telemetry.seal()
    scope, spec = world.scopes["steel"], make_spec(1)
    ticks = iter(range(10_000))
    monkeypatch.setattr(world.telemetry.limits, "clock", lambda: float(next(ticks)))
    monkeypatch.setattr(world.telemetry.limits, "sizes", LimitSizes(query_s=2.0))
    asks = [
        lambda: world.telemetry.read(scope, [1], START, END),
        lambda: world.telemetry.aggregate(scope, [spec], WINDOW),
        lambda: world.telemetry.trend(scope, [spec], START, END, 10),
        lambda: world.telemetry.facts(scope, START, END + timedelta(days=9)),
    ]
    for ask in asks:
        with pytest.raises(QueryTooLong):
            ask()
    assert world.telemetry.limits.queries.used == 0


def test_a_query_within_a_query_takes_one_turn(world: World, make_spec: Callable[..., SignalInfo]) -> None:
    world.open(limits=LimitSizes(queries=1, queries_each=1, wait_s=0.0))
    world.append([(1, s, 1.0) for s in range(5)])
    table = world.telemetry.summary(world.scopes["steel"], [make_spec(1)], START, END)
    assert table["count"].to_pylist() == [5]


def test_an_export_holds_nothing_while_its_reader_takes_its_time(
    world: World, make_spec: Callable[..., SignalInfo]
) -> None:
    world.open(limits=LimitSizes(queries=1, queries_each=1, wait_s=0.0))
    world.append([(1, s, 1.0) for s in range(5)])
    chunks = world.telemetry.export(
        world.scopes["steel"], [make_spec(1)], WINDOW, SampleKind.NUMERIC, ExportForm.CSV
    )
    first = next(iter(chunks))
    assert len(world.rows([1])) == 5
    assert b"".join([first, *chunks]).count(b"\n") >= 5


def test_a_tenant_that_floods_waits_for_itself(
    new_world: Callable[..., World], make_batch: Callable[..., SampleBatch]
) -> None:
    world = new_world(in_memory=False)
    world.open(limits=LimitSizes(append_bytes_each=1, waiting_each=1))
    limits, scope = world.telemetry.limits, world.scopes["steel"]
    mine = make_batch("numeric", [(1, 1, 1.0)])
    held = limits.appending(scope.tenant_id, 1, 10)
    with held:
        waits = threading.Thread(target=world.telemetry.append, args=(scope, [mine]))
        waits.start()
        while not limits.appends.waiting:
            assert waits.is_alive()
        with pytest.raises(QuotaExceeded, match="wait already"):
            world.append([(1, 2, 1.0)])
        assert world.append([(1, 1, 1.0)], tenant="power") == 1
        assert world.rows([1]) == []
    waits.join(60)
    assert len(world.rows([1])) == 1


def test_without_policies_nothing_is_kept_in_mind(world: World) -> None:
    world.append([(1, 1, 1.0)])
    world.rows([1])
    limits = world.telemetry.limits
    assert limits.policy(1) == Policy()
    assert (len(limits.rows), len(limits.seconds), limits.appends.known, limits.queries.known) == (0, 0, 0, 0)
