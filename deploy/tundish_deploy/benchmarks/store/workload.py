"""The rows that every engine gets: sensors with a resolution, each with its own phase, over thirty days.

Rows are made before any clock runs, into one uncompressed Arrow file that all engines read through the page
cache; so neither making them nor holding them counts for anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_platform.samples import SCHEMAS, SampleBatch, SampleKind, SignalInfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
START_MS: Final = int(START.timestamp()) * 1000
SIGNALS: Final = 1000
DAYS: Final = 30
SPAN_MS: Final = DAYS * 86_400_000
BLOCK_ROWS: Final = 50_000
_ROUNDS: Final = BLOCK_ROWS // SIGNALS
_SEED: Final = 20260101
_WALKS, _STEPS = 800, 900
# A value is a whole number of these: a sensor has a resolution.
_PER_UNIT: Final = 100
_STEP_CHANCE: Final = 0.01
_STEP_HEIGHT: Final = 500
_ODD_STATUS: Final = 0.001
_UNCERTAIN, _BAD = 0x40000000, 0x80000000
_JITTER_MS: Final = 5
_JITTERY: Final = 10
_MS_US: Final = 1000


@dataclass(frozen=True, slots=True)
class Workload:
    """How many rows the thirty days have; everything else follows.

    Attributes:
        rows: of the thirty days; whole blocks of `BLOCK_ROWS`.
    """

    rows: int

    @property
    def period_ms(self) -> int:
        """Milliseconds between two samples of a signal."""
        return max(1, SPAN_MS * SIGNALS // self.rows)

    @property
    def end(self) -> datetime:
        """Behind the last row."""
        return START + timedelta(milliseconds=self.period_ms * (self.rows // SIGNALS))

    def signals(self) -> list[SignalInfo]:
        """Signals 1 to 1,000: 80 % walk, 10 % step, 10 % stand still."""
        return [
            SignalInfo(
                path=f"Bench/Area/Line/Machine/Part/V{number}",
                name_zh=f"信号{number}",
                name_en=f"Signal {number}",
                semantic="bench.value",
                period_s=self.period_ms / 1000,
                step=is_step(number),
                id=number,
                source="bench",
            )
            for number in range(1, SIGNALS + 1)
        ]

    def write(self, path: Path, rows: int | None = None) -> Rows:
        """Make the rows (or more of them than the thirty days have) and keep them in a file."""
        schema = SCHEMAS[SampleKind.NUMERIC]
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for block in self._blocks(self.rows if rows is None else rows):
                writer.write_batch(block)
        return Rows(path)

    def _blocks(self, rows: int) -> Iterator[pa.RecordBatch]:
        rng = np.random.default_rng(_SEED)
        signal = rng.permutation(np.arange(1, SIGNALS + 1, dtype=np.uint32))
        phase = np.sort(rng.integers(0, self.period_ms, SIGNALS))
        sigma = np.exp(rng.uniform(0, np.log(20), SIGNALS)) * (signal <= _WALKS)
        level = rng.integers(2000, 15_000, SIGNALS)
        numbers = pa.array(np.tile(signal, _ROUNDS))
        jittery = np.flatnonzero(signal % _JITTERY == 0)
        for first in range(0, rows // SIGNALS, _ROUNDS):
            walked = level + np.cumsum(_moves(rng, sigma, signal), axis=0)
            level = walked[-1]
            due = START_MS + phase + np.arange(first, first + _ROUNDS)[:, None] * self.period_ms
            due[:, jittery] += _jitter(rng, phase[jittery], self.period_ms)
            ts = pa.array(due.ravel() * _MS_US).cast(pa.timestamp("us", tz="UTC"))
            columns = [numbers, ts, pa.array((walked / _PER_UNIT).ravel()), pa.array(_status(rng))]
            yield pa.record_batch(columns, schema=SCHEMAS[SampleKind.NUMERIC])


def is_step(number: int) -> bool:
    """Whether a signal's value holds until the next one."""
    return number > _WALKS


def _moves(
    rng: np.random.Generator, sigma: NDArray[np.float64], signal: NDArray[np.uint32]
) -> NDArray[np.int64]:
    """How far each signal goes in each round, in its resolution."""
    moves = np.rint(rng.standard_normal((_ROUNDS, SIGNALS), dtype=np.float32) * sigma).astype(np.int64)
    steps = np.flatnonzero((signal > _WALKS) & (signal <= _STEPS))
    jumps = rng.random((_ROUNDS, len(steps))) < _STEP_CHANCE
    moves[:, steps] = jumps * rng.choice((-_STEP_HEIGHT, _STEP_HEIGHT), jumps.shape)
    return moves


def _jitter(rng: np.random.Generator, phase: NDArray[np.int64], period_ms: int) -> NDArray[np.int64]:
    """A few ms around when a sample is due; it never leaves its period, so no two samples meet."""
    moved = phase + rng.integers(-_JITTER_MS, _JITTER_MS + 1, (_ROUNDS, len(phase)))
    inside: NDArray[np.int64] = np.clip(moved, 0, period_ms - 1) - phase
    return inside


def _status(rng: np.random.Generator) -> NDArray[np.uint32]:
    status = np.zeros(BLOCK_ROWS, np.uint32)
    odd = np.flatnonzero(rng.random(BLOCK_ROWS, dtype=np.float32) < _ODD_STATUS)
    status[odd] = rng.choice(np.array([_UNCERTAIN, _BAD], np.uint32), len(odd))
    return status


class Rows:
    """Rows in a file, in order of arrival, cut into batches without copying them.

    Args:
        path: what `Workload.write` made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.table: pa.Table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()

    def batches(self, batch_rows: int, first: int = 0, last: int | None = None) -> Iterator[SampleBatch]:
        """The rows from `first` to before `last`; each batch arrives when its last row is due."""
        last = self.table.num_rows if last is None else last
        for at in range(first, last, batch_rows):
            yield as_batch(self.table.slice(at, min(batch_rows, last - at)))

    def late(self, rows: int, share: float) -> pa.Table:
        """The first rows as they come when a share of them is late by anything up to the whole span."""
        rng = np.random.default_rng(_SEED)
        turn = np.arange(rows)
        delayed = np.flatnonzero(rng.random(rows) < share)
        turn[delayed] = rng.integers(delayed, rows)
        return self.table.slice(0, rows).take(pa.array(np.argsort(turn, kind="stable")))


def as_batch(table: pa.Table) -> SampleBatch:
    """Rows that arrive together."""
    table = table.combine_chunks() if table["ts"].num_chunks > 1 else table
    newest = table["ts"][-1].as_py()
    return SampleBatch(SampleKind.NUMERIC, table, newest)


def cut(table: pa.Table, batch_rows: int) -> list[SampleBatch]:
    """A table's rows as batches, in its order."""
    return [as_batch(table.slice(at, batch_rows)) for at in range(0, table.num_rows, batch_rows)]


def sent_again(batches: list[SampleBatch], every: int, later: int) -> list[SampleBatch]:
    """The batches with each `every`-th sent a second time, `later` batches after the first."""
    order = [*range(len(batches)), *range(0, len(batches), every)]
    due = [*range(len(batches)), *(at + later for at in range(0, len(batches), every))]
    return [batches[order[at]] for at in np.argsort(due, kind="stable").tolist()]


def moved(batch: SampleBatch, by: timedelta) -> SampleBatch:
    """The same rows at another time."""
    table = batch.table
    ts = table["ts"].cast(pa.int64()).to_numpy() + by // timedelta(microseconds=1)
    table = table.set_column(1, table.schema.field(1), pa.array(ts).cast(table.schema.field(1).type))
    return SampleBatch(batch.kind, table, batch.arrival + by)
