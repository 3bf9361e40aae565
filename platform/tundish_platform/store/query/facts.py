"""When good samples arrived: what the programme counts, by arrival time and for live data only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import is_good
from tundish_platform.store.rows import TIMESTAMP, micros

if TYPE_CHECKING:
    from datetime import datetime

_MINUTE_US: Final = 60_000_000

FACTS_SCHEMA = pa.schema(
    [
        pa.field("signal", pa.uint32()),
        pa.field("minute", TIMESTAMP),
        pa.field("good", pa.int64()),
        pa.field("total", pa.int64()),
    ]
)


def live_minutes(table: pa.Table, start: datetime, end: datetime) -> pa.Table:
    """`FACTS_SCHEMA` of `STORED` rows; the same as `SegmentReader.live_minutes` counts in segments."""
    arrival = table["arrival"]
    wanted = pc.and_(
        pc.greater_equal(arrival, pa.scalar(start, TIMESTAMP)), pc.less(arrival, pa.scalar(end, TIMESTAMP))
    )
    table = table.filter(pc.and_(wanted, table["live"]))
    counted = pa.table(
        {
            "signal": table["signal"],
            "minute": pa.array(micros(table["arrival"]) // _MINUTE_US * _MINUTE_US).cast(TIMESTAMP),
            "good": is_good(table["status"].to_numpy()).astype(np.int64),
        }
    )
    grouped = counted.group_by(["signal", "minute"]).aggregate([("good", "sum"), ("good", "count")])
    return grouped.rename_columns({"good_sum": "good", "good_count": "total"}).cast(FACTS_SCHEMA)
