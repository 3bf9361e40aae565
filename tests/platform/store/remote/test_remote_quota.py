"""Query time of a tenant, counted once for all processes that ask the same writer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tundish_platform.store.lifecycle.policy import PolicyChange, change_policy, operator_scope
from tundish_platform.store.lifecycle.quota import Buckets, OverQuota
from tundish_platform.store.remote.buckets import WriterBuckets
from tundish_platform.store.remote.client import RemoteTelemetry
from tundish_platform.store.remote.errors import WriterAway
from tundish_platform.tenancy import Principal, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Pair

OPERATOR = Principal(99, "operator", {}, frozenset({Role.PLATFORM_OPERATOR}))
EVER = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@pytest.fixture
def two(pair: Pair) -> Iterator[tuple[RemoteTelemetry, RemoteTelemetry]]:
    """Two processes' views, whose queries take two seconds each by their own clocks."""
    made = [RemoteTelemetry(pair.inside.root, pair.inside.metadata, whole=True) for _ in range(2)]
    for one in made:
        seconds = iter(range(0, 1000, 2))
        one.limits.clock = lambda seconds=seconds: float(next(seconds))
    yield made[0], made[1]
    for one in made:
        one.close()


def test_what_one_process_used_the_other_cannot_use_again(
    pair: Pair, two: tuple[RemoteTelemetry, RemoteTelemetry]
) -> None:
    steel, power = (pair.inside.scopes[slug] for slug in ("steel", "power"))
    with pair.inside.metadata.session() as session:
        who = operator_scope(session, OPERATOR, "steel")
        defaults = two[0]._policies.defaults
        change_policy(session, who, PolicyChange(query_s_per_min=1.0), defaults)
    for one in two:
        one._policies.refresh()
    two[0].read(steel, [1], *EVER)
    with pytest.raises(OverQuota, match="time for queries"):
        two[1].read(steel, [1], *EVER)
    assert two[1].read(power, [1], *EVER).num_rows == 0


def test_while_the_writer_is_away_each_tenant_is_counted_by_itself() -> None:
    found, rate = WriterBuckets(lambda _: None, Buckets(lambda: 1000.0)), (10.0, 100.0)
    first, steel = 1, 2
    assert (found.take(first, 50, *rate), found.take(steel, 80, *rate)) == (0, 0)
    assert found.take(steel, 50, *rate) == pytest.approx(3)
    found.charge(steel, 20, *rate)
    assert found.take(steel, 10, *rate) == pytest.approx(1)
    found.forget(steel)
    assert found.take(steel, 100, *rate) == 0
    assert found.take(first, 60, *rate) == pytest.approx(1), "nobody touched the first tenant's"
    assert found.take(first, 50, *rate) == 0


def test_a_policy_is_seen_without_a_start(pair: Pair, two: tuple[RemoteTelemetry, RemoteTelemetry]) -> None:
    steel = pair.inside.scopes["steel"]
    two[0].read(steel, [1], *EVER)
    with pair.inside.metadata.session() as session:
        who = operator_scope(session, OPERATOR, "steel")
        change_policy(session, who, PolicyChange(query_s_per_min=1.0), two[0]._policies.defaults)
    two[0]._policies_due = 0.0
    two[0].read(steel, [1], *EVER)
    with pytest.raises(OverQuota):
        two[0].read(steel, [1], *EVER)


def test_a_view_that_must_be_whole_refuses_while_the_writer_is_away(
    pair: Pair, two: tuple[RemoteTelemetry, RemoteTelemetry]
) -> None:
    pair.inside.append([(1, 1, 1.0)])
    steel = pair.inside.scopes["steel"]
    assert two[0].latest(steel).num_rows == 1
    pair.stop()
    for ask in (lambda: two[0].latest(steel), lambda: two[0].read(steel, [1], *EVER)):
        with pytest.raises(WriterAway):
            ask()
    assert not two[0].ready
    assert two[0].problems()
    pair.open()
    assert two[0].read(steel, [1], *EVER).num_rows == 1
