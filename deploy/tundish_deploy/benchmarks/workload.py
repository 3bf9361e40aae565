"""The rows that benchmarks write: random walks, steps and constants of many signals, in source-time order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 1, 1, tzinfo=UTC)
_SEED = 20260101
_STEP_CHANCE = 0.01


def numeric_batches(rows: int, batch_rows: int, signals: int) -> Iterator[SampleBatch]:
    """Batches of `batch_rows` rows: every signal each second; 80 % walk, 10 % step, 10 % stand still.

    Args:
        rows: rows in all.
        batch_rows: rows in each batch.
        signals: how many signals share them.
    """
    rng = np.random.default_rng(_SEED)
    level = rng.normal(100, 20, signals)
    first_us = int(START.timestamp()) * 1_000_000
    walks, steps = signals * 8 // 10, signals * 9 // 10
    for first in range(0, rows, batch_rows):
        index = np.arange(first, min(first + batch_rows, rows))
        signal = (index % signals).astype(np.uint32)
        moves = rng.normal(0, 0.1, len(index))
        moves[signal >= walks] = np.where(rng.random((signal >= walks).sum()) < _STEP_CHANCE, 5.0, 0.0)
        moves[signal >= steps] = 0.0
        values = level[signal] + moves
        level[signal] = values
        ts = pa.array(first_us + (index // signals) * 1_000_000, pa.timestamp("us", tz="UTC"))
        table = pa.table(
            [pa.array(signal), ts, pa.array(values), pa.array(np.zeros(len(index), np.uint32))],
            schema=SCHEMAS[SampleKind.NUMERIC],
        )
        yield SampleBatch(SampleKind.NUMERIC, table, START + timedelta(seconds=int(index[-1] // signals)))
