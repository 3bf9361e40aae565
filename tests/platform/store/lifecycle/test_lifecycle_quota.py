from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tundish_platform.store import StoreFull
from tundish_platform.store.lifecycle.policy import Policy
from tundish_platform.store.lifecycle.quota import (
    Buckets,
    Limits,
    LimitSizes,
    OverQuota,
    QueryTooLong,
    QuotaExceeded,
)

if TYPE_CHECKING:
    from conftest import Clock

FIRST, TENANT, OTHER = 1, 2, 3


def limits(clock: Clock, policy: Policy | None = None, **settings: Any) -> Limits:  # noqa: ANN401 - arguments of `Limits`
    policies = {TENANT: policy or Policy(rows_per_s=10.0, burst_rows=100)}
    return Limits(lambda tenant: policies.get(tenant, Policy()), clock=clock, **settings)


def append(found: Limits, rows: int, tenant: int = TENANT) -> None:
    with found.appending(tenant, rows, rows):
        pass


def test_rows_beyond_the_burst_wait_for_the_rate(clock: Clock) -> None:
    found = limits(clock)
    append(found, 100)
    with pytest.raises(QuotaExceeded) as refused:
        append(found, 50)
    assert refused.value.retry_after_s == pytest.approx(5)
    assert refused.value.what == "rows"
    append(found, 1000, OTHER)
    clock.seconds += 4.9
    with pytest.raises(QuotaExceeded):
        append(found, 50)
    clock.seconds += 0.1
    append(found, 50)


def test_a_refusal_is_a_full_store_to_whoever_knows_no_quotas(clock: Clock) -> None:
    found = limits(clock)
    append(found, 100)
    with pytest.raises(StoreFull, match="keep them"):
        append(found, 1)


def test_a_batch_beyond_the_burst_passes_and_is_paid_for(clock: Clock) -> None:
    found = limits(clock)
    append(found, 500)
    with pytest.raises(QuotaExceeded) as refused:
        append(found, 1)
    assert refused.value.retry_after_s == pytest.approx(40.1)


def test_the_mean_rate_holds_whatever_comes(clock: Clock) -> None:
    found, taken, drawn = limits(clock), 0, np.random.default_rng(5)
    start = clock.seconds
    for _ in range(5000):
        rows = int(drawn.choice([1, 5, 40, 300]))
        try:
            append(found, rows)
        except QuotaExceeded as error:
            clock.seconds += error.retry_after_s * drawn.random()
        else:
            taken += rows
        clock.seconds += drawn.random() * 0.2
    assert taken <= 10 * (clock.seconds - start) + 100 + 300
    assert taken >= 0.8 * 10 * (clock.seconds - start), "the quota is there to be used"


def test_rows_of_an_append_that_failed_are_given_back(clock: Clock) -> None:
    found = limits(clock)
    for _ in range(20):
        with pytest.raises(OSError, match="disk"), found.appending(TENANT, 100, 1):
            raise OSError("disk")
    append(found, 100)
    assert found.appends.used == 0


def test_stored_bytes_are_asked_for_only_where_there_is_a_limit(clock: Clock) -> None:
    asked: list[int] = []

    def stored(tenant: int) -> int:
        asked.append(tenant)
        return 1000

    found = limits(clock, Policy(max_bytes=1000), stored=stored)
    with pytest.raises(QuotaExceeded) as refused:
        append(found, 1)
    assert refused.value.what == "bytes"
    append(found, 1, OTHER)
    assert asked == [TENANT]


def test_thirty_thousand_tenants_at_rest_leave_nothing(clock: Clock) -> None:
    found = Limits(lambda _: Policy(rows_per_s=10.0, burst_rows=100, query_s_per_min=6.0), clock=clock)
    for tenant in range(30_000):
        append(found, 10, tenant)
    assert len(found.rows) == 30_000
    clock.seconds += 1.0
    append(found, 1, 0)
    assert len(found.rows) < 30_000, "each append drops a few that are full again"
    found.sweep()
    assert (len(found.rows), found.appends.known, found.queries.known) == (1, 0, 0)


def test_a_tenant_deep_in_debt_keeps_no_others_in_memory(clock: Clock) -> None:
    found = Limits(lambda _: Policy(rows_per_s=1.0, burst_rows=10), clock=clock)
    append(found, 1_000_000, 0)
    for tenant in range(1, 2000):
        append(found, 1, tenant)
        clock.seconds += 1
    assert len(found.rows) < 20


def test_each_tenant_has_a_bucket_of_its_own(clock: Clock) -> None:
    found, rate = Buckets(clock), (10.0, 100.0)
    assert (found.take(FIRST, 50, *rate), found.take(TENANT, 80, *rate)) == (0, 0)
    for _ in range(2):
        assert found.take(TENANT, 50, *rate) == pytest.approx(3), "a refusal changes no level"
    found.charge(TENANT, 20, *rate)
    assert found.take(TENANT, 10, *rate) == pytest.approx(1)
    found.forget(TENANT)
    assert found.take(TENANT, 100, *rate) == 0
    assert found.take(FIRST, 60, *rate) == pytest.approx(1), "nobody touched the first tenant's"
    assert found.take(FIRST, 50, *rate) == 0


def test_only_the_tenant_that_is_gone_is_forgotten(clock: Clock) -> None:
    found = Limits(lambda _: Policy(rows_per_s=10.0, burst_rows=100, query_s_per_min=6.0), clock=clock)
    for tenant in (FIRST, TENANT):
        append(found, 500, tenant)
        with found.querying(tenant):
            clock.seconds += 16
    found.forget(TENANT)
    append(found, 100, TENANT)
    with found.querying(TENANT):
        pass
    with pytest.raises(QuotaExceeded):
        append(found, 1, FIRST)
    with pytest.raises(OverQuota, match="time for queries"), found.querying(FIRST):
        pass


def test_a_second_request_waits_and_a_crowd_is_refused(clock: Clock) -> None:
    sizes = LimitSizes(append_bytes=10, append_bytes_each=10, waiting_each=0, wait_s=0.0)
    found = limits(clock, sizes=sizes)
    with found.appending(TENANT, 10, 10):
        with pytest.raises(QuotaExceeded) as refused:
            append(found, 10)
        assert refused.value.what == "turns"
    append(found, 90)


def test_a_query_pays_with_its_seconds(clock: Clock) -> None:
    found = limits(clock, Policy(query_s_per_min=6.0))
    with found.querying(TENANT):
        assert len(found.seconds) == 0, "a tenant with all its time takes no memory"
        clock.seconds += 16
    with pytest.raises(OverQuota) as refused, found.querying(TENANT):
        pass
    assert refused.value.retry_after_s == pytest.approx(100)
    assert not isinstance(refused.value, StoreFull)
    with found.querying(OTHER):
        pass
    clock.seconds += 100
    with found.querying(TENANT):
        pass


def test_a_query_ends_at_the_next_part_when_its_time_is_up(clock: Clock) -> None:
    found = limits(clock, sizes=LimitSizes(query_s=5.0))
    with found.querying(TENANT) as budget:
        budget.check()
        clock.seconds += 5.1
        with pytest.raises(QueryTooLong, match="shorter window"):
            budget.check()
    with found.querying(TENANT) as budget:
        budget.cancel()
        with pytest.raises(QueryTooLong, match="called off"):
            budget.check()
    assert found.queries.used == 0


def test_no_tenant_has_all_the_slots(clock: Clock) -> None:
    found = limits(clock, sizes=LimitSizes(queries=4, queries_each=2, waiting_each=1, wait_s=0.0))
    with found.querying(TENANT), found.querying(TENANT):
        with pytest.raises(OverQuota) as refused, found.querying(TENANT):
            pass
        assert refused.value.what == "turns"
        with found.querying(OTHER), found.querying(OTHER):
            pass


def test_words_for_people_in_both_languages(clock: Clock) -> None:
    found = limits(clock)
    append(found, 100)
    with pytest.raises(QuotaExceeded) as refused:
        append(found, 30)
    assert "3 s" in refused.value.message_en
    assert "3 秒" in refused.value.message_zh


@pytest.mark.parametrize(("rate", "holds"), [(10.0, True), (None, False)])
def test_a_tenant_at_ten_times_its_quota_gets_its_quota_and_the_others_theirs(
    clock: Clock, rate: float | None, *, holds: bool
) -> None:
    noisy = Policy(rows_per_s=rate, burst_rows=None if rate is None else 100)
    others = Policy(rows_per_s=10.0, burst_rows=100)
    found = Limits(lambda tenant: noisy if tenant == TENANT else others, clock=clock)
    taken = 0
    for _ in range(1000):
        clock.seconds += 0.1
        for tenant in range(OTHER, OTHER + 5):
            append(found, 1, tenant)
        try:
            append(found, 10)
        except QuotaExceeded:
            continue
        taken += 10
    assert (taken <= 10 * 100 + 100) is holds
