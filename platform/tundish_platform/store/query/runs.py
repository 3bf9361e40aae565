"""Runs: stretches of one signal's samples of which only the ends, the sums and the extremes are known.

A raw sample is a run of one; a rollup's piece is a run of many. Between the last sample of a run and the
first of the next lies an edge, to which hold and gaps are applied when a question is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, SampleKind, is_good
from tundish_platform.store.query.keys import rising, sample_keys, table_keys, times
from tundish_platform.store.rows import micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from tundish_platform.store.query.source import Columns

    Column = Callable[[str, NDArray[np.int64] | None], NDArray[Any]]

# What windows need of good samples, and what stands there where there is none.
_GOOD: Final = {"first": 0.0, "last": 0.0, "low": np.inf, "high": -np.inf}


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of a block's signals as columns of equal length, sorted by `first`.

    Attributes:
        first, last: keys of the first and the last sample.
        first_value, last_value: of the first and the last good sample; 0 where there is none.
        first_good, last_good: whether those are the first and the last sample.
        low, high: of good samples; infinite where there is none.
        count, good: samples, and the good ones of them.
        total: sum of the good values.
        area: integral inside the run, value · µs.
        good_us: good time inside the run.
        step: longest time between two neighbours inside, µs.
        width: of the bucket it was rolled up in, µs; 0 for raw samples.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    first_value: NDArray[np.float64]
    last_value: NDArray[np.float64]
    first_good: NDArray[np.bool_]
    last_good: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.int64]
    good: NDArray[np.int64]
    total: NDArray[np.float64]
    area: NDArray[np.float64]
    good_us: NDArray[np.float64]
    step: NDArray[np.int64]
    width: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: NDArray[Any]) -> Runs:
        """Some runs, by a mask or by numbers."""
        return Runs(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def buckets(self) -> NDArray[np.int64]:
        """Key of the start of each run's bucket; of raw samples their own."""
        ts = times(self.first)
        width = np.maximum(self.width, 1)
        return self.first - ts % width

    @classmethod
    def none(cls) -> Runs:
        """No runs at all."""
        return cls.of_rows(SCHEMAS[SampleKind.NUMERIC].empty_table(), np.zeros(0, np.uint32), number=True)

    @classmethod
    def joined(cls, parts: Sequence[Runs]) -> Runs:
        """Several in one, sorted by their first samples."""
        parts = [part for part in parts if len(part)] or [cls.none()]
        if len(parts) > 1:
            columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
            parts = [cls(**columns)]
        (whole,) = parts
        return whole if rising(whole.first) else whole.take(np.argsort(whole.first, kind="stable"))

    @classmethod
    def of_rows(cls, table: pa.Table, signals: NDArray[np.uint32], *, number: bool) -> Runs:
        """From raw rows; of other kinds than numbers only what is good is known.

        Args:
            table: ``signal, ts, value, status``, each (signal, ts) once.
            signals: of the block, rising.
            number: whether the values are numbers.
        """
        key = table_keys(table, signals)
        good = is_good(table["status"].to_numpy())
        value = np.zeros(len(key))
        if number:
            found = pc.cast(table["value"], pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            good &= np.isfinite(found)
            value = np.where(good, found, 0.0)
        else:
            good &= ~table["value"].is_null().to_numpy()
        low, high = (np.where(good & number, value, infinite) for infinite in (np.inf, -np.inf))
        none, whole = np.zeros(len(key)), np.zeros(len(key), dtype=np.int64)
        ones = np.ones(len(key), dtype=np.int64)
        some = good.astype(np.int64)
        return cls(key, key, value, value, good, good, low, high, ones, some, value, none, none, whole, whole)

    @classmethod
    def of_pieces(
        cls,
        rows: Columns,
        width_us: int,
        signals: NDArray[np.uint32],
        step: NDArray[np.bool_],
        *,
        totals: bool = True,
    ) -> Runs:
        """From rows of `ROLLUP_SCHEMA`; of some columns only what is needed is looked at.

        Args:
            rows: at least `AGGREGATE_COLUMNS`.
            width_us: of their buckets.
            signals: of the block, rising.
            step: per signal, whether values hold until the next one.
            totals: whether the sums of values are needed.
        """
        of: Column = rows.numbers
        signal = of("signal", None)
        key = sample_keys(signal, of("ts", None), signals) if len(signal) else np.zeros(0, dtype=np.int64)
        if not rising(key):
            order = np.argsort(key, kind="stable")
            key, signal, of = key[order], signal[order], _ordered(rows, order)
        count, good = of("count", None), of("good", None)
        odd, none = np.flatnonzero(count != good), np.flatnonzero(good == 0)
        values = [of(f"good_{mark}", None) for mark in _GOOD]
        if len(none):
            values = [_with(value, none, other) for value, other in zip(values, _GOOD.values(), strict=True)]
        count = count.astype(np.int64)
        return cls(
            key + of("first_us", None),
            key + of("last_us", None),
            values[0],
            values[1],
            _sound(of, "first", len(key), odd),
            _sound(of, "last", len(key), odd),
            values[2],
            values[3],
            count,
            good.astype(np.int64) if len(odd) else count,
            of("total", None) if totals else np.zeros(len(key)),
            _areas(of, signal, signals, step),
            of("good_us", None).astype(np.float64),
            of("max_step_us", None).astype(np.int64),
            np.full(len(key), width_us, dtype=np.int64),
        )


def _ordered(rows: Columns, order: NDArray[np.int64]) -> Column:
    return lambda name, some: rows.numbers(name, order if some is None else order[some])


def _with(column: NDArray[np.float64], rows: NDArray[np.int64], value: float) -> NDArray[np.float64]:
    # What was read may be the memory of two columns.
    found = column.copy()
    found[rows] = value
    return found


def _sound(of: Column, mark: str, size: int, odd: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the first or the last samples are good; only `odd` pieces have others."""
    found = np.ones(size, dtype=bool)
    if len(odd):
        status, value = of(f"{mark}_status", odd), of(f"{mark}_value", odd)
        found[odd] = is_good(status) & np.isfinite(value)
    return found


def _areas(
    of: Column, signal: NDArray[np.uint32], signals: NDArray[np.uint32], step: NDArray[np.bool_]
) -> NDArray[np.float64]:
    if step.all() or not step.any():
        return of("held" if step.all() else "line", None)
    return np.where(step[np.searchsorted(signals, signal)], of("held", None), of("line", None))


def bucket_keys(table: pa.Table, width_us: int, signals: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Key of the start of the bucket in which each row of a table lies."""
    key = table_keys(table, signals)
    return key - micros(table["ts"]) % width_us
