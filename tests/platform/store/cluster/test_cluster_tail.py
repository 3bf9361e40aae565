"""What a reader keeps of the log's tail, tenant by tenant; the log itself is in the cluster's other tests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from tundish_platform.samples import encode_batch
from tundish_platform.store.clusterreader import LogTail
from tundish_platform.store.log.records import LogRecord
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.segments.catalog import SegmentCatalog

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import World

    from tundish_platform.samples import SampleBatch

FIRST, STEEL, POWER = 1, 2, 3


@pytest.fixture
def catalog(world: World) -> SegmentCatalog:
    return SegmentCatalog(LocalObjects(world.root / "tenants"), world.metadata)


@pytest.fixture
def tail(catalog: SegmentCatalog, make_batch: Callable[..., SampleBatch]) -> LogTail:
    """Two batches each of two tenants, as the log handed them over."""
    made = LogTail.__new__(LogTail)
    made._catalog, made._batches, made._lock, made._taken = catalog, {}, threading.Lock(), 0
    made._let_go = {}
    for sequence, tenant in enumerate((STEEL, POWER, STEEL, POWER), 1):
        payload = encode_batch(make_batch("numeric", [(1, sequence, float(sequence))]))
        made._take(LogRecord(sequence, tenant, payload))
    return made


def values(tail: LogTail, tenant: int, sealed: int = 0) -> list[float]:
    return [value for one in tail.beyond(tenant, sealed) or [] for value in one.table["value"].to_pylist()]


def test_what_one_tenant_asked_for_comes_to_no_other(tail: LogTail) -> None:
    for _ in range(2):
        assert values(tail, STEEL) == [1.0, 3.0]
        assert values(tail, POWER) == [2.0, 4.0]
        assert values(tail, FIRST) == []


def test_what_a_tenant_has_sealed_is_let_go_and_no_others(tail: LogTail, catalog: SegmentCatalog) -> None:
    catalog.add(STEEL, [], 1)
    catalog.add(FIRST, [], 4)
    tail._prune()
    assert {tenant: list(kept) for tenant, kept in tail._batches.items()} == {STEEL: [3], POWER: [2, 4]}
    assert values(tail, FIRST) == []


def test_how_far_a_tenants_rows_were_let_go_is_noted_as_its_own(
    tail: LogTail, catalog: SegmentCatalog
) -> None:
    assert tail.beyond(FIRST, 4) == []
    catalog.add(STEEL, [], 1)
    tail._prune()
    assert {tenant: list(kept) for tenant, kept in tail._batches.items() if kept} == {
        STEEL: [3],
        POWER: [2, 4],
    }
    # Who has not seen steel's seal is told to look again; nobody else is.
    assert tail.beyond(STEEL, 0) is None
    assert tail.beyond(FIRST, 4) == []
    assert values(tail, POWER) == [2.0, 4.0]
