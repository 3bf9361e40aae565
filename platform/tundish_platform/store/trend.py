"""Thinning for charts: what a pixel column shows anyway; no peak and no bad sample gets lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_platform.samples import SCHEMAS, SampleKind, is_good
from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    from numpy.typing import NDArray

# first, lowest, highest, last and first bad sample of a bucket
_KEPT_PER_BUCKET: Final = 5


def thinned(table: pa.Table, start_us: int, end_us: int, max_points: int) -> pa.Table:
    """Rows of signals (sorted by signal, ts) thinned to `max_points` each: ``signal, ts, value, status``.

    A signal with fewer rows keeps all. Otherwise the window is cut into ``max_points / 5`` buckets of equal
    length; of each the first, lowest, highest, last and first bad sample stay, as they were.
    """
    table = table.select(["signal", "ts", "value", "status"])
    if table.num_rows == 0:
        return table.cast(SCHEMAS[SampleKind.NUMERIC])
    signal = table["signal"].to_numpy()
    edges = np.flatnonzero(np.append(True, signal[1:] != signal[:-1]))
    ends = np.append(edges[1:], len(signal))
    ts = micros(table["ts"])
    value = table["value"].cast(pa.float64()).to_numpy(zero_copy_only=False)
    good = is_good(table["status"].to_numpy())
    kept = [
        first + _keep(ts[first:last], value[first:last], good[first:last], start_us, end_us, max_points)
        if last - first > max_points
        else np.arange(first, last)
        for first, last in zip(edges.tolist(), ends.tolist(), strict=True)
    ]
    return table.take(pa.array(np.concatenate(kept))).cast(SCHEMAS[SampleKind.NUMERIC])


def _keep(
    ts: NDArray[np.int64],
    value: NDArray[np.float64],
    good: NDArray[np.bool_],
    start_us: int,
    end_us: int,
    max_points: int,
) -> NDArray[np.int64]:
    buckets = max(1, max_points // _KEPT_PER_BUCKET)
    bucket = np.minimum((ts - start_us) * buckets // max(1, end_us - start_us), buckets - 1)
    first = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    last = np.append(first[1:], len(bucket)) - 1
    usable = np.flatnonzero(~np.isnan(value))
    by_value = usable[np.lexsort((value[usable], bucket[usable]))]
    lowest = by_value[_starts(bucket[by_value])]
    highest = by_value[_stops(bucket[by_value])]
    bad = np.flatnonzero(~good)
    return np.unique(np.concatenate([first, lowest, highest, last, bad[_starts(bucket[bad])]]))


def _starts(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(groups, return_index=True)[1]


def _stops(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    return len(groups) - 1 - np.unique(groups[::-1], return_index=True)[1]
