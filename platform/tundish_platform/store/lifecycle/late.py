"""Rows for days that retention has removed already."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SampleBatch
from tundish_platform.store.rows import TIMESTAMP, micros

if TYPE_CHECKING:
    from collections.abc import Mapping

_DAY_US = 86_400_000_000
_FIRST = date(1970, 1, 1)


def split_late(batch: SampleBatch, first: date) -> tuple[SampleBatch, Mapping[date, int]]:
    """The rows of a batch from a UTC day on, and how many there are of each day before it."""
    ts = batch.table["ts"]
    limit = pa.scalar(datetime.combine(first, time(), UTC), TIMESTAMP)
    if not len(ts) or pc.min(ts).as_py() >= limit.as_py():
        return batch, {}
    late = pc.less(ts, limit)
    days, counts = np.unique(micros(ts.filter(late)) // _DAY_US, return_counts=True)
    found = Counter(
        {_FIRST + timedelta(days=d): n for d, n in zip(days.tolist(), counts.tolist(), strict=True)}
    )
    kept = batch.table.filter(pc.invert(late))
    return SampleBatch(batch.kind, kept, batch.arrival, batch.origin), found
