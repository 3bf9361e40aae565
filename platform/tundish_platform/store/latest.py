"""Newest sample of each signal, kept in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import TIMESTAMP, micros

if TYPE_CHECKING:
    from collections.abc import Sequence

LATEST_SCHEMA = pa.schema(
    [
        pa.field("signal", pa.uint32(), nullable=False),
        pa.field("ts", TIMESTAMP, nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("integer", pa.int64()),
        pa.field("text", pa.string()),
        pa.field("array", pa.list_(pa.float64())),
        pa.field("status", pa.uint32(), nullable=False),
        pa.field("arrival", TIMESTAMP, nullable=False),
    ]
)
_COLUMN = {
    SampleKind.NUMERIC: "value",
    SampleKind.INTEGER: "integer",
    SampleKind.TEXT: "text",
    SampleKind.ARRAY: "array",
}


class LatestValues:
    """By signal, the sample with the newest source time; of equal times the one written last."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[int, int, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def update(self, kind: SampleKind, table: pa.Table) -> None:
        """Take rows of `STORED` columns into account; gaps are no samples."""
        if kind is SampleKind.GAP or table.num_rows == 0:
            return
        signal = table["signal"].to_numpy()
        ts = micros(table["ts"])
        sequence = table["sequence"].to_numpy()
        order = np.lexsort((sequence, ts, signal))
        last = order[np.append(signal[order][1:] != signal[order][:-1], True)]
        newest = table.take(pa.array(last)).to_pylist()
        with self._lock:
            for row, at, number in zip(newest, ts[last].tolist(), sequence[last].tolist(), strict=True):
                known = self._rows.get(row["signal"])
                if known is None or (at, number) >= known[:2]:
                    self._rows[row["signal"]] = (at, number, _entry(kind, row))

    def table(self, signals: Sequence[int] | None) -> pa.Table:
        """`LATEST_SCHEMA`, by signal; of all signals for None."""
        with self._lock:
            wanted = sorted(self._rows) if signals is None else sorted(set(signals) & self._rows.keys())
            rows = [self._rows[number][2] for number in wanted]
        return pa.Table.from_pylist(rows, schema=LATEST_SCHEMA)


def _entry(kind: SampleKind, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "signal": row["signal"],
        "ts": row["ts"],
        "kind": kind.value,
        _COLUMN[kind]: row["value"],
        "status": row["status"],
        "arrival": row["arrival"],
    }
