"""Rows as the store keeps them: a batch's columns, arrival, log sequence, and whether they came live."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, Origin, SampleBatch, SampleKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TIMESTAMP = pa.timestamp("us", tz="UTC")
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

STORED: dict[SampleKind, pa.Schema] = {
    kind: pa.schema(
        [
            *schema,
            pa.field("arrival", TIMESTAMP, nullable=False),
            pa.field("sequence", pa.uint64(), nullable=False),
            pa.field("live", pa.bool_(), nullable=False),
        ]
    )
    for kind, schema in SCHEMAS.items()
}


class TimeOutOfRange(ValueError):  # noqa: N818 - says what is wrong with a sample
    """A source time outside 1970 to 2200: a clock that was never set, or one that lies."""


def check_batch(batch: SampleBatch) -> None:
    """Refuse a batch that cannot be kept: null keys, or source times that no clock should show.

    Raises:
        TimeOutOfRange: names the first signal concerned.
        ValueError: names the column.
    """
    for field in batch.table.schema:
        if not field.nullable and batch.table[field.name].null_count:
            raise ValueError(f"column {field.name} has nulls; a sample needs signal, ts and status")
    column = batch.table["ts"]
    wrong = pc.or_(
        pc.less(column, pa.scalar(EARLIEST, TIMESTAMP)),
        pc.greater_equal(column, pa.scalar(LATEST, TIMESTAMP)),
    )
    if pc.any(wrong).as_py():
        row = batch.table.filter(wrong).slice(0, 1)
        raise TimeOutOfRange(
            f"signal {row['signal'][0].as_py()} has a source time of {row['ts'].cast(pa.int64())[0].as_py()} "
            f"µs since 1970, outside {EARLIEST:%Y} to {LATEST:%Y}; set the source's clock"
        )


def stored(batch: SampleBatch, sequence: int) -> pa.Table:
    """A batch's rows in the store's schema."""
    rows = len(batch)
    arrival = pa.scalar(batch.arrival.astimezone(UTC), TIMESTAMP)
    columns = [
        *batch.table.columns,
        pa.repeat(arrival, rows),
        pa.repeat(pa.scalar(sequence, pa.uint64()), rows),
        pa.repeat(pa.scalar(batch.origin is Origin.LIVE), rows),
    ]
    return pa.table(columns, schema=STORED[batch.kind])


def micros(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """A timestamp column as µs since 1970."""
    values: NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
    return values


def merged(tables: Sequence[pa.Table], kind: SampleKind) -> pa.Table:
    """Rows of several tables, sorted by (signal, ts), each (signal, ts) once: the last written holds."""
    table = pa.concat_tables(tables) if tables else STORED[kind].empty_table()
    if table.num_rows == 0:
        return table
    signal = table["signal"].to_numpy()
    ts = micros(table["ts"])
    if not _sorted_once(signal, ts):
        # Stable, so that of equal sequences the later row of the batch holds.
        order = np.lexsort((table["sequence"].to_numpy(), ts, signal))
        signal, ts = signal[order], ts[order]
        last = np.append((signal[1:] != signal[:-1]) | (ts[1:] != ts[:-1]), True)
        table = table.take(pa.array(order[last]))
    return table


def _sorted_once(signal: NDArray[np.uint32], ts: NDArray[np.int64]) -> bool:
    later = (signal[1:] > signal[:-1]) | ((signal[1:] == signal[:-1]) & (ts[1:] > ts[:-1]))
    return bool(later.all())


def chosen(
    table: pa.Table, signals: Sequence[int], start: datetime | None = None, end: datetime | None = None
) -> pa.Table:
    """Rows of some signals with ``start <= ts < end``."""
    mask = pc.is_in(table["signal"], pa.array(signals, pa.uint32()))
    if start is not None:
        mask = pc.and_(mask, pc.greater_equal(table["ts"], pa.scalar(start, TIMESTAMP)))
    if end is not None:
        mask = pc.and_(mask, pc.less(table["ts"], pa.scalar(end, TIMESTAMP)))
    return table.filter(mask)
