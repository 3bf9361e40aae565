"""Rollups: what is kept of the samples of one signal in one bucket, so that longer windows need no raw rows.

A row describes a *piece*: those samples of a bucket that one segment (or the buffer) holds. It says nothing
of how long a sample may speak, so that pieces can be put together exactly for any hold, and it keeps first,
lowest, highest, last and worst sample as they were, so that charts can show them.

With samples ``(tᵢ, vᵢ)``, ``Δᵢ = tᵢ₊₁ - tᵢ`` over neighbours inside the piece, of which the first is good:

    held    = Σ vᵢ · Δᵢ                      the value holds until the next sample
    line    = Σ (vᵢ + vᵢ₊₁) / 2 · Δᵢ         where the next one is good, too; otherwise as held
    good_us = Σ Δᵢ

Good is a sample with a good status and a finite value, as in `summary`. Low and high are those of samples
that are not bad, as charts show them; windows need the good ones, which are almost always the same.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import Severity, is_good
from tundish_platform.store.query.picks import NONE, Picks, good_picks, group_starts, pick, severities
from tundish_platform.store.rows import TIMESTAMP, micros

if TYPE_CHECKING:
    from numpy.typing import NDArray

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 3_600_000_000

DENSE: Final = 20
"""A 60 s level is worth its bytes from so many samples a bucket."""

_MARKS: Final = ("first", "low", "high", "worst", "last")
_GOOD: Final = ("first", "low", "high", "last")
# About what stays in the cache while a block is gone through some twenty times.
_BLOCK_ROWS: Final = 1 << 16
_LONGEST_US: Final = 2**32

ROLLUP_SCHEMA = pa.schema(
    [
        pa.field("signal", pa.uint32(), nullable=False),
        pa.field("ts", TIMESTAMP, nullable=False),
        # One triple a mark: µs behind the bucket's start, value, status. 0, null, 0 where there is none.
        *(
            field
            for mark in _MARKS
            for field in (
                pa.field(f"{mark}_us", pa.uint32(), nullable=False),
                pa.field(f"{mark}_value", pa.float64()),
                pa.field(f"{mark}_status", pa.uint32(), nullable=False),
            )
        ),
        # Values of good samples; null where there is none.
        *(pa.field(f"good_{mark}", pa.float64()) for mark in _GOOD),
        pa.field("count", pa.uint32(), nullable=False),
        pa.field("good", pa.uint32(), nullable=False),
        pa.field("uncertain", pa.uint32(), nullable=False),
        pa.field("total", pa.float64(), nullable=False),
        pa.field("held", pa.float64(), nullable=False),
        pa.field("line", pa.float64(), nullable=False),
        pa.field("good_us", pa.uint32(), nullable=False),
        pa.field("max_step_us", pa.uint32(), nullable=False),
    ]
)

AGGREGATE_COLUMNS: Final = (
    "signal", "ts", "first_us", "first_value", "first_status", "last_us", "last_value", "last_status",
    "good_first", "good_last", "good_low", "good_high",
    "count", "good", "total", "held", "line", "good_us", "max_step_us",
)  # fmt: skip
"""What windows need of a rollup."""

CHART_COLUMNS: Final = (
    "signal", "ts", "count",
    *(f"{mark}_{part}" for mark in _MARKS for part in ("us", "value", "status")),
)  # fmt: skip
"""What charts need of a rollup."""


def rollup(table: pa.Table, width_us: int) -> pa.Table:
    """One row of `ROLLUP_SCHEMA` a signal and bucket that has samples; sorted by signal and bucket.

    Args:
        table: ``signal, ts, value (f64 or i64), status``, sorted by (signal, ts), each (signal, ts) once.
        width_us: of a bucket; buckets begin at multiples of it since 1970, at most 4,294 s.

    Raises:
        ValueError: the width does not fit offsets of 32 bits.
    """
    if not 0 < width_us <= _LONGEST_US:
        raise ValueError(f"a bucket of {width_us} µs is not between 1 µs and {_LONGEST_US} µs")
    if table.num_rows == 0:
        return ROLLUP_SCHEMA.empty_table()
    table = table.select(["signal", "ts", "value", "status"]).combine_chunks()
    signal, ts = table["signal"].to_numpy(), micros(table["ts"])
    starts = group_starts(signal, ts // width_us)
    column = pc.cast(table["value"], pa.float64(), safe=False).combine_chunks()
    whole = _Rows(ts, column, table["status"].to_numpy())
    bounds = np.append(starts, len(ts))
    blocks = [_block(whole, bounds[a : b + 1]) for a, b in _blocks(bounds)]
    merged = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    bucket = ts[starts] // width_us * width_us
    columns = {"signal": signal[starts], "ts": pa.array(bucket).cast(TIMESTAMP)} | merged
    for mark in _MARKS:
        columns |= whole.mark(mark, merged[mark], bucket)
    columns |= {f"good_{mark}": whole.values(merged[f"good_{mark}"]) for mark in _GOOD}
    return pa.table([columns[name] for name in ROLLUP_SCHEMA.names], schema=ROLLUP_SCHEMA)


def dense_enough(table: pa.Table, width_us: int = MINUTE_US, samples: float = DENSE) -> NDArray[np.uint32]:
    """Signals of a table (as `rollup` takes it) with so many samples a bucket on average, rising."""
    if table.num_rows == 0:
        return np.zeros(0, dtype=np.uint32)
    signal = table["signal"].to_numpy()
    owner = signal[group_starts(signal, micros(table["ts"]) // width_us)]
    of_buckets, of_rows = group_starts(owner), group_starts(signal)
    buckets = np.diff(np.append(of_buckets, len(owner)))
    rows = np.diff(np.append(of_rows, len(signal)))
    dense: NDArray[np.uint32] = signal[of_rows][rows >= samples * buckets]
    return dense


class _Rows:
    """Columns of the rows, and what marks show of them."""

    def __init__(self, ts: NDArray[np.int64], value: pa.Array, status: NDArray[np.uint32]) -> None:
        self.ts = ts
        self.value = value.to_numpy(zero_copy_only=False)
        self.status = status
        self._column = value

    def mark(self, name: str, rows: NDArray[np.int64], bucket: NDArray[np.int64]) -> dict[str, pa.Array]:
        """Offset, value and status of one row a bucket."""
        there = rows != NONE
        index = np.where(there, rows, 0)
        return {
            f"{name}_us": pa.array(np.where(there, self.ts[index] - bucket, 0).astype(np.uint32)),
            f"{name}_value": self.values(rows),
            f"{name}_status": pa.array(np.where(there, self.status[index], 0).astype(np.uint32)),
        }

    def values(self, rows: NDArray[np.int64]) -> pa.Array:
        """Values of some rows; null for `NONE`."""
        there = rows != NONE
        # Taken from the column, so that a missing value and one that is no number stay apart.
        return self._column.take(pa.array(np.where(there, rows, 0), mask=None if there.all() else ~there))


def _blocks(bounds: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Runs of groups with about `_BLOCK_ROWS` rows each."""
    cuts = np.searchsorted(bounds, np.arange(_BLOCK_ROWS, bounds[-1], _BLOCK_ROWS))
    edges = np.unique(np.concatenate([[0], cuts, [len(bounds) - 1]])).tolist()
    return list(pairwise(edges))


def _block(rows: _Rows, bounds: NDArray[np.int64]) -> dict[str, NDArray[np.generic]]:
    """Marks (row numbers) and sums of some groups."""
    first, last = int(bounds[0]), int(bounds[-1])
    ts, value, status = rows.ts[first:last], rows.value[first:last], rows.status[first:last]
    starts = bounds[:-1] - first
    every = is_good(status) & np.isfinite(value)
    good = None if every.all() else every
    usable = None if good is None else np.isfinite(value) & (severities(status) < Severity.BAD)
    picks = pick(starts, value, usable, status)
    marks = {name: _shifted(getattr(picks, name), first) for name in _MARKS}
    ends = _good_ends(value, good, picks)
    marks |= {f"good_{name}": _shifted(getattr(ends, name), first) for name in _GOOD}
    # Values near the end of what floats hold give an infinite sum, as they do when added one by one.
    with np.errstate(over="ignore", invalid="ignore"):
        return marks | _sums(ts, value, good, starts, picks) | _counts(status, good, starts, picks)


def _good_ends(value: NDArray[np.float64], good: NDArray[np.bool_] | None, picks: Picks) -> Picks:
    """Rows of the first, lowest, highest and last good sample of each group."""
    if good is None:
        return picks
    lengths = picks.last - picks.first + 1
    odd = np.flatnonzero(np.add.reduceat(good, picks.first, dtype=np.int64) < lengths)
    if not len(odd):
        return picks
    # Few groups have samples that are not good; only they are looked at again.
    starts = np.cumsum(lengths[odd]) - lengths[odd]
    rows = np.arange(lengths[odd].sum()) + np.repeat(picks.first[odd] - starts, lengths[odd])
    again = good_picks(starts, value[rows], good[rows])
    rows = np.append(rows, NONE)
    found = [np.array(getattr(picks, name)) for name in Picks._fields]
    for name, column in zip(Picks._fields, found, strict=True):
        column[odd] = rows[getattr(again, name)]
    return Picks(*found)


def _shifted(rows: NDArray[np.int64], by: int) -> NDArray[np.int64]:
    return np.where(rows == NONE, NONE, rows + by)


def _counts(
    status: NDArray[np.uint32], good: NDArray[np.bool_] | None, starts: NDArray[np.int64], picks: Picks
) -> dict[str, NDArray[np.generic]]:
    count = (picks.last - picks.first + 1).astype(np.uint32)
    if good is None:
        return {"count": count, "good": count, "uncertain": np.zeros_like(count)}
    doubtful = severities(status) == Severity.UNCERTAIN
    sums = [np.add.reduceat(flags, starts, dtype=np.uint32) for flags in (good, doubtful)]
    return {"count": count, "good": sums[0], "uncertain": sums[1]}


def _sums(
    ts: NDArray[np.int64],
    value: NDArray[np.float64],
    good: NDArray[np.bool_] | None,
    starts: NDArray[np.int64],
    picks: Picks,
) -> dict[str, NDArray[np.generic]]:
    step = np.empty(len(ts))
    np.subtract(ts[1:], ts[:-1], out=step[:-1])
    # The way from the last sample of a group to the next group belongs to neither.
    step[picks.last] = 0.0
    longest = np.maximum.reduceat(step, starts)
    rise = np.empty(len(ts))
    if good is None:
        np.subtract(value[1:], value[:-1], out=rise[:-1])
        known = (ts[picks.last] - ts[picks.first]).astype(np.float64)
    else:
        value, step = np.where(good, value, 0.0), np.where(good, step, 0.0)
        np.subtract(value[1:], value[:-1], out=rise[:-1])
        rise[:-1] *= good[1:]
        known = np.add.reduceat(step, starts)
    rise[-1] = 0.0
    held = np.add.reduceat(value * step, starts)
    return {
        "total": np.add.reduceat(value, starts),
        "held": held,
        "line": held + np.add.reduceat(rise * step, starts) / 2,
        "good_us": known.astype(np.uint32),
        "max_step_us": longest.astype(np.uint32),
    }
