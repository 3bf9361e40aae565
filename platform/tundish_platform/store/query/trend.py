"""Thinning for charts: what a pixel column shows anyway; no peak and no bad sample gets lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, SampleKind
from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    from numpy.typing import NDArray

# first, lowest, highest, last and worst sample of a bucket
_KEPT_PER_BUCKET: Final = 5
_SEVERITY_SHIFT: Final = np.uint32(30)
_BAD: Final = 2


def thinned(table: pa.Table, start_us: int, end_us: int, max_points: int) -> pa.Table:
    """Rows of signals (sorted by signal, ts) thinned to `max_points` each: ``signal, ts, value, status``.

    A signal with fewer rows keeps all. Otherwise the window is cut into ``max_points / 5`` buckets of equal
    length (at least one). Of each stay, as they were, the first and the last sample, the lowest and the
    highest value whose status is not bad, and the first sample of the worst status that is not good.
    """
    table = table.select(["signal", "ts", "value", "status"])
    value = pc.cast(table["value"], pa.float64(), safe=False)
    table = table.set_column(2, "value", value).cast(SCHEMAS[SampleKind.NUMERIC])
    if table.num_rows == 0:
        return table
    signal = table["signal"].to_numpy()
    edges = np.flatnonzero(np.append(True, signal[1:] != signal[:-1]))
    ends = np.append(edges[1:], len(signal))
    ts = micros(table["ts"])
    numbers = value.to_numpy(zero_copy_only=False)
    severity = np.minimum(table["status"].to_numpy() >> _SEVERITY_SHIFT, _BAD)
    width = -((start_us - end_us) // max(1, max_points // _KEPT_PER_BUCKET))
    kept = [
        first + _keep((ts[first:last] - start_us) // max(1, width), numbers[first:last], severity[first:last])
        if last - first > max_points
        else np.arange(first, last)
        for first, last in zip(edges.tolist(), ends.tolist(), strict=True)
    ]
    return table.take(pa.array(np.concatenate(kept)))


def _keep(
    bucket: NDArray[np.int64], value: NDArray[np.float64], severity: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """Which rows of one signal stay; its buckets are rising."""
    usable = np.flatnonzero(~np.isnan(value) & (severity < _BAD))
    by_value = usable[np.lexsort((value[usable], bucket[usable]))]
    doubtful = np.flatnonzero(severity > 0)
    # Stable, so that of equally bad ones the first stays; the worst stands last when severity rises.
    by_severity = doubtful[np.lexsort((-doubtful, severity[doubtful], bucket[doubtful]))]
    every = np.arange(len(bucket))
    kept = [_first(bucket, every), _last(bucket, every), _last(bucket, by_severity)]
    kept += [_first(bucket, by_value), _last(bucket, by_value)]
    return np.unique(np.concatenate(kept))


def _first(bucket: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first of the rows in each bucket; rows ordered by bucket."""
    groups = bucket[rows]
    found: NDArray[np.int64] = rows[np.append(True, groups[1:] != groups[:-1])[: len(rows)]]
    return found


def _last(bucket: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last of the rows in each bucket; rows ordered by bucket."""
    groups = bucket[rows]
    found: NDArray[np.int64] = rows[np.append(groups[1:] != groups[:-1], True)[: len(rows)]]
    return found
