"""500 tenants of 200 signals each, written to at once by a few threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.compute as pc

from tundish_deploy.benchmarks.store.engine import MILLION, Written, WrongRows
from tundish_deploy.benchmarks.store.ours import Ours
from tundish_deploy.benchmarks.store.workload import as_batch, moved

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tundish_deploy.benchmarks.store.workload import Rows, Workload
    from tundish_platform.samples import SampleBatch

TENANTS: Final = 500
SIGNALS_EACH: Final = 200
_ROUNDS_A_BATCH: Final = 10
_THREADS: Final = 4
_BATCH_ROWS: Final = SIGNALS_EACH * _ROUNDS_A_BATCH
_LEAST_BATCHES: Final = 4


def how_many(total: int) -> int:
    """500 tenants, or as many as get some batches each."""
    return max(1, min(TENANTS, total // (_LEAST_BATCHES * _BATCH_ROWS)))


def many_tenants(folder: Path, rows: Rows, workload: Workload, total: int) -> Written:
    """Write batches of 2,000 rows to all tenants in turn until `total` rows are written."""
    tenants = how_many(total)
    rounds = max(1, total // (tenants * _BATCH_ROWS))
    batches = _batches(rows, workload, rounds)
    ours = Ours(folder, workload, tenants)
    try:
        own, begun = time.process_time(), time.perf_counter()
        with ThreadPoolExecutor(_THREADS) as pool:
            for commits in (_everywhere(pool, ours, batch) for batch in batches):
                median = float(np.median(commits)) * 1000
        acknowledged = time.perf_counter() - begun
        wall, cpu = ours.settle() - begun, time.process_time() - own
        written = sum(len(batch) for batch in batches) * tenants
        found = ours.rows_of(0) + ours.rows_of(tenants - 1)
        if found * tenants != 2 * written:
            raise WrongRows(f"two tenants hold {found:,} rows, not {2 * written // tenants:,}")
        size = ours.disk_bytes() / written
        return Written(
            written, written / wall, written / acknowledged, cpu / written * MILLION, 0.0, size, median
        )
    finally:
        ours.close()


def _everywhere(pool: ThreadPoolExecutor, ours: Ours, batch: SampleBatch) -> Sequence[float]:
    def write(tenant: int) -> float:
        begun = time.perf_counter()
        ours.write_to(tenant, batch)
        return time.perf_counter() - begun

    return list(pool.map(write, range(len(ours.scopes))))


def _batches(rows: Rows, workload: Workload, rounds: int) -> list[Any]:
    """Every tenant gets the same batches, so that making them costs nothing worth counting."""
    few = rows.table.slice(0, 50_000)
    few = few.filter(pc.less_equal(few["signal"], SIGNALS_EACH)).slice(0, _BATCH_ROWS)
    first = as_batch(few)
    span = timedelta(milliseconds=workload.period_ms * _ROUNDS_A_BATCH)
    return [moved(first, number * span) for number in range(rounds)]
