"""Batches for campaigns that measure: many rows, made quickly."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
import pyarrow as pa

from tundish_deploy.campaigns.client import START
from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind

HOUR_US: Final = 3_600_000_000
_TYPES: Final = (np.uint32, np.int64, np.float64, np.uint32)


def batch_within(start_us: int, length_us: int, rows: int, signals: int) -> SampleBatch:
    """Numeric rows spread evenly over a time.

    Args:
        start_us: µs after the campaigns' first instant.
        length_us: of the time.
        rows: at most one a µs.
        signals: take turns.
    """
    place = np.arange(rows)
    micros = int(START.timestamp()) * 1_000_000 + start_us + place * length_us // rows
    columns = (place % signals, micros, np.sin(place).round(3), np.zeros(rows))
    schema = SCHEMAS[SampleKind.NUMERIC]
    arrays = [
        pa.array(np.asarray(c, t)).cast(f.type) for c, t, f in zip(columns, _TYPES, schema, strict=True)
    ]
    return SampleBatch(SampleKind.NUMERIC, pa.table(arrays, schema=schema), START + timedelta(days=1))
