"""Largest triangle three buckets: thinning that keeps the shape of a line (Steinarsson 2013, section 4.2).

S. Steinarsson: Downsampling Time Series for Visual Representation. Master's thesis, University of Iceland.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, SampleKind
from tundish_platform.store.query.picks import group_starts, severities
from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_ENDS: Final = 2
_PER_BREAK: Final = 3
_NEVER: Final = 2**62


def lttb(x: NDArray[np.float64], y: NDArray[np.float64], points: int) -> NDArray[np.int64]:
    """Numbers of the points to keep, rising: the first, the last, and one of each bucket between.

    Of a bucket stays the point that spans the largest triangle with the one kept before it and the mean of
    the next bucket.

    Args:
        x: rising, shape ``(n,)``.
        y: finite, shape ``(n,)``.
        points: to keep, at least two; all stay if there are no more.
    """
    if len(x) <= max(points, _ENDS):
        return np.arange(len(x))
    buckets = max(points, _ENDS) - _ENDS
    # Equally many points a bucket, the last point a bucket of its own.
    edges = np.append((np.arange(buckets + 1) * (len(x) - _ENDS)) // max(1, buckets) + 1, len(x))
    if not buckets:
        return np.array([0, len(x) - 1])
    sizes = np.diff(edges)
    mean_x, mean_y = (np.add.reduceat(v, edges[:-1]) / sizes for v in (x, y))
    kept = [0]
    bounds = edges.tolist()
    for bucket, (first, last) in enumerate(pairwise(bounds[:-1])):
        at_x, at_y = x[kept[-1]], y[kept[-1]]
        to_x, to_y = mean_x[bucket + 1] - at_x, mean_y[bucket + 1] - at_y
        # Twice the area of the triangle.
        area = np.abs(to_x * (y[first:last] - at_y) - (x[first:last] - at_x) * to_y)
        kept.append(first + int(area.argmax()))
    return np.array([*kept, len(x) - 1])


def lttb_thinned(table: pa.Table, max_points: int, hold: Mapping[int, int]) -> pa.Table:
    """Rows of signals thinned to `max_points` each (at least five), as they were.

    Interruptions stay visible: of the longest ones stay the good samples on both sides, and between them the
    first sample of the worst status. They take half of the points at most; the rest goes to the shape.

    Args:
        table: ``signal, ts, value, status``, sorted by (signal, ts).
        max_points: of a signal; one with fewer rows keeps all.
        hold: by signal, from how many µs without a good sample on the line is interrupted; 0 for never.
    """
    table = table.select(["signal", "ts", "value", "status"]).combine_chunks()
    value = pc.cast(table["value"], pa.float64(), safe=False)
    table = table.set_column(2, "value", value).cast(SCHEMAS[SampleKind.NUMERIC])
    if table.num_rows == 0:
        return table
    signal, ts = table["signal"].to_numpy(), micros(table["ts"])
    numbers, status = value.to_numpy(zero_copy_only=False), table["status"].to_numpy()
    starts = group_starts(signal)
    kept = [
        a + _keep(ts[a:b], numbers[a:b], status[a:b], max(max_points, 5), hold.get(int(signal[a]), 0))
        for a, b in zip(starts.tolist(), np.append(starts[1:], len(signal)).tolist(), strict=True)
    ]
    return table.take(pa.array(np.concatenate(kept)))


def _keep(
    ts: NDArray[np.int64],
    value: NDArray[np.float64],
    status: NDArray[np.uint32],
    points: int,
    hold: int,
) -> NDArray[np.int64]:
    """Which rows of one signal stay."""
    if len(ts) <= points:
        return np.arange(len(ts))
    severity = severities(status)
    sound = np.flatnonzero((severity == 0) & np.isfinite(value))
    broken = _breaks(ts, severity, sound, hold, points // 2 // _PER_BREAK)
    if not len(sound):
        return np.unique(np.concatenate([broken, [0, len(ts) - 1]]))
    shape = sound[lttb((ts[sound] - ts[0]).astype(np.float64), value[sound], points - len(broken))]
    return np.union1d(broken, shape)


def _breaks(
    ts: NDArray[np.int64], severity: NDArray[np.uint32], sound: NDArray[np.int64], hold: int, most: int
) -> NDArray[np.int64]:
    """Rows that show the longest interruptions, up to three each."""
    before, behind = np.append(-1, sound), np.append(sound, len(ts))
    length = np.append(ts, ts[-1])[behind] - np.append(ts, ts[0])[before]
    between = behind - before > 1
    cut = np.flatnonzero(between | ((length > (hold or _NEVER)) & (before >= 0) & (behind < len(ts))))
    cut = cut[np.argsort(-length[cut], kind="stable")][:most]
    before, behind = before[cut], behind[cut]
    stretches = zip(before.tolist(), behind.tolist(), strict=True)
    worst = [a + 1 + int(severity[a + 1 : b].argmax()) for a, b in stretches if b - a > 1]
    return np.unique(np.concatenate([before[before >= 0], behind[behind < len(ts)], worst]).astype(np.int64))
