"""Newest sample of each signal, kept in memory."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import EARLIEST, TIMESTAMP, by_signal, micros

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

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
_KINDS: Final = [SampleKind.NUMERIC, SampleKind.INTEGER, SampleKind.TEXT, SampleKind.ARRAY]
_NAMES: Final = pa.array([kind.value for kind in _KINDS])
_NOTHING: Final = -1
_US: Final = timedelta(microseconds=1)
_COLUMNS: Final[dict[str, Any]] = {
    "signal": np.uint32,
    "ts": np.int64,
    "kind": np.int8,
    "value": np.float64,
    "integer": np.int64,
    "null": np.bool_,
    "status": np.uint32,
    "arrival": np.int64,
}


class LatestValues:
    """By signal, the sample with the newest source time; of equal times the one told last.

    Numbers stand in arrays with a place for each signal, texts and arrays beside them.
    """

    def __init__(self) -> None:
        self._places = np.full(0, _NOTHING, dtype=np.int64)
        self._sparse: dict[int, int] = {}
        self._columns = {name: np.empty(0, dtype=kind) for name, kind in _COLUMNS.items()}
        self._count = 0
        self._others: dict[int, Any] = {}
        self._lock = threading.Lock()

    def update(self, kind: SampleKind, table: pa.Table, arrival: datetime | None = None) -> None:
        """Take rows into account that were written after all that were told before; gaps are no samples.

        Args:
            kind: of the rows.
            table: ``signal, ts, value, status`` and, unless given apart, ``arrival``; in any order of time.
            arrival: of all rows.
        """
        if kind is SampleKind.GAP or table.num_rows == 0:
            return
        ts = micros(table["ts"])
        rows = _last_of_each(table["signal"].to_numpy(), ts)
        signal = table["signal"].to_numpy()[rows]
        with self._lock:
            places = self._placed(signal)
            newer = ts[rows] >= self._columns["ts"][places]
            if newer.any():
                self._set(places[newer], kind, table, rows[newer], arrival)

    def table(self, signals: Sequence[int] | None) -> pa.Table:
        """`LATEST_SCHEMA`, by signal; of all signals for None."""
        with self._lock:
            order = self._order() if signals is None else self._places_of(sorted(set(signals)))
            part = {name: column[order] for name, column in self._columns.items()}
            others = {place: self._others.get(place) for place in order.tolist()} if self._others else {}
        kind = part["kind"]
        return pa.table(
            [
                pa.array(part["signal"]),
                pa.array(part["ts"]).cast(TIMESTAMP),
                _NAMES.take(pa.array(kind)),
                pa.array(part["value"], mask=(kind != _KINDS.index(SampleKind.NUMERIC)) | part["null"]),
                pa.array(part["integer"], mask=(kind != _KINDS.index(SampleKind.INTEGER)) | part["null"]),
                _others(kind, SampleKind.TEXT, others, pa.string()),
                _others(kind, SampleKind.ARRAY, others, pa.list_(pa.float64())),
                pa.array(part["status"]),
                pa.array(part["arrival"]).cast(TIMESTAMP),
            ],
            schema=LATEST_SCHEMA,
        )

    def _order(self) -> NDArray[np.intp]:
        return np.argsort(self._columns["signal"][: self._count], kind="stable")

    def _places_of(self, signals: Sequence[int]) -> NDArray[np.int64]:
        """Places of those that have samples, in this order; without a look at all the others."""
        wanted = np.array(signals, dtype=np.int64)
        dense = wanted < len(self._places)
        places = np.full(len(wanted), _NOTHING, dtype=np.int64)
        places[dense] = self._places[wanted[dense]]
        if not dense.all():
            places[~dense] = [self._sparse.get(number, _NOTHING) for number in wanted[~dense].tolist()]
        known: NDArray[np.int64] = places[places != _NOTHING]
        return known

    def _set(
        self,
        places: NDArray[np.int64],
        kind: SampleKind,
        table: pa.Table,
        rows: NDArray[np.int64],
        arrival: datetime | None,
    ) -> None:
        columns = self._columns
        columns["ts"][places] = micros(table["ts"])[rows]
        columns["kind"][places] = _KINDS.index(kind)
        columns["status"][places] = table["status"].to_numpy()[rows]
        columns["arrival"][places] = (
            micros(table["arrival"])[rows] if arrival is None else (arrival - EARLIEST) // _US
        )
        value = table["value"].take(pa.array(rows))
        if kind in {SampleKind.NUMERIC, SampleKind.INTEGER}:
            columns["null"][places] = value.is_null().to_numpy()
            column = "value" if kind is SampleKind.NUMERIC else "integer"
            columns[column][places] = (value.fill_null(0) if value.null_count else value).to_numpy()
        else:
            self._others |= dict(zip(places.tolist(), value.to_pylist(), strict=True))

    def _placed(self, signal: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Each signal's place; new signals get one, with a time before all others."""
        dense = signal < _DENSE
        highest = int(signal[dense].max(initial=0))
        if highest >= len(self._places):
            more = np.full(highest + 1 - len(self._places) + _SPARE, _NOTHING, dtype=np.int64)
            self._places = np.append(self._places, more)
        places = np.full(len(signal), _NOTHING, dtype=np.int64)
        places[dense] = self._places[signal[dense]]
        if not dense.all():
            places[~dense] = [self._sparse.get(number, _NOTHING) for number in signal[~dense].tolist()]
        new = places == _NOTHING
        if new.any():
            places[new] = np.arange(self._count, self._count + int(new.sum()))
            self._begin(signal[new])
            self._places[signal[new & dense]] = places[new & dense]
            far = new & ~dense
            self._sparse |= dict(zip(signal[far].tolist(), places[far].tolist(), strict=True))
        return places

    def _begin(self, signal: NDArray[np.uint32]) -> None:
        end = self._count + len(signal)
        if end > len(self._columns["ts"]):
            room = max(end, 2 * self._count)
            for name, column in self._columns.items():
                larger = np.zeros(room, dtype=column.dtype)
                larger[: self._count] = column[: self._count]
                self._columns[name] = larger
        self._columns["signal"][self._count : end] = signal
        self._columns["ts"][self._count : end] = np.iinfo(np.int64).min
        self._count = end


# Signals are numbered from 1 in each tenant; a place for each up to this one is a small array.
_DENSE: Final = 2**20
_SPARE: Final = 64


def _others(
    kind: NDArray[np.int8], wanted: SampleKind, others: dict[int, Any], column: pa.DataType
) -> pa.Array:
    if not others:
        return pa.nulls(len(kind), column)
    code = _KINDS.index(wanted)
    values = [other if of == code else None for of, other in zip(kind.tolist(), others.values(), strict=True)]
    return pa.array(values, column)


def _last_of_each(signal: NDArray[np.uint32], ts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each signal's newest row; of equally new ones the last."""
    in_order = bool((ts[1:] >= ts[:-1]).all())
    if in_order and signal.max() < _DENSE:
        # Of several assignments to one place numpy keeps the last: ten times as quick as sorting.
        at = np.full(int(signal.max()) + 1, _NOTHING, dtype=np.int64)
        at[signal] = np.arange(len(signal))
        return at[at >= 0]
    order = by_signal(signal)
    signal, ts = signal[order], ts[order]
    starts = np.flatnonzero(np.append(True, signal[1:] != signal[:-1]))
    lengths = np.diff(np.append(starts, len(signal)))
    newest = np.flatnonzero(ts == np.repeat(np.maximum.reduceat(ts, starts), lengths))
    last = np.append(signal[newest][1:] != signal[newest][:-1], True)
    found: NDArray[np.int64] = order[newest[last]]
    return found
