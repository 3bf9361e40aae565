"""Puts runs together so that windows get the answer raw rows would give, from as few raw rows as possible.

Pieces of rollups answer as long as raw rows could not say otherwise. A bucket is worn, and read again one
level finer, where its pieces overlap in time (late or repeated samples), a recorded gap cuts a piece, a step
inside is longer than the signal's hold, or a window begins or ends inside a piece.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tundish_platform.samples import SampleKind
from tundish_platform.store.query.keys import Gaps, keys, ranks, reach, times
from tundish_platform.store.query.rollup import AGGREGATE_COLUMNS, DENSE, HOUR_US, MINUTE_US
from tundish_platform.store.query.runs import Runs, bucket_keys
from tundish_platform.store.query.source import TableColumns, Whole, rectangles, together
from tundish_platform.store.query.summary import hold_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.query.source import Pieces, Source
    from tundish_platform.store.query.tiles import Tiles

NUMBERS: Final = (SampleKind.NUMERIC, SampleKind.INTEGER)

# Short windows read raw rows up to here; beyond, minutes are worth the second look they need.
_RAW_ROWS: Final = 1_000_000
_WORTH_PER_HOUR: Final = 4
_UNKNOWN_PERIOD_S: Final = 1.0
_ROWS_AT_ONCE: Final = 1 << 15


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of some signals of one kind, at most `BLOCK` of them.

    Attributes:
        numbers: of the signals, rising.
        hold: per signal, how long a sample may speak, µs; 0 for signals sent on events.
        step: per signal, whether its values hold until the next one.
    """

    source: Source
    kind: SampleKind
    numbers: NDArray[np.uint32]
    hold: NDArray[np.int64]
    step: NDArray[np.bool_]
    tiles: Tiles
    raw_first: bool

    @classmethod
    def of(
        cls, source: Source, signals: Sequence[SignalInfo], step: NDArray[np.bool_], tiles: Tiles
    ) -> Question:
        """For signals of one kind, sorted by number."""
        numbers = np.array([s.id for s in signals], dtype=np.uint32)
        hold = reach(np.array([hold_us(s) for s in signals], dtype=np.int64))
        kind = signals[0].kind
        raw_first = kind not in NUMBERS or (
            _raw_pays(signals, tiles)
            and not source.only_rolled_up(kind, int(tiles.cuts[0]), int(tiles.cuts[-1]))
        )
        return cls(source, kind, numbers, hold, step, tiles, raw_first)

    @property
    def number(self) -> bool:
        """Whether the values are numbers."""
        return self.kind in NUMBERS

    @property
    def totals(self) -> bool:
        """Whether sums of values are needed: only the means of signals sent on events are made of them."""
        return not self.hold.all()

    @property
    def columns(self) -> list[str]:
        """What is needed of rollups."""
        spared = {"held": not self.step.any(), "line": bool(self.step.all()), "total": not self.totals}
        return [name for name in AGGREGATE_COLUMNS if not spared.get(name)]

    def divided(self, rows: int) -> Iterator[Question]:
        """The same of fewer signals each, so that what so many rows are made into stays in the cache."""
        share = max(1, len(self.numbers) * _ROWS_AT_ONCE // max(rows, 1))
        for first in range(0, len(self.numbers), share):
            some = slice(first, first + share)
            yield replace(self, numbers=self.numbers[some], hold=self.hold[some], step=self.step[some])

    def cut_keys(self) -> NDArray[np.int64]:
        """Keys of the cuts, shape ``(signals, tiles + 1)``."""
        return keys(np.arange(len(self.numbers))[:, None], self.tiles.cuts[None, :])

    def hold_of(self, runs: Runs) -> NDArray[np.int64]:
        """The hold of each run's signal; one for all where it is the same."""
        if (self.hold == self.hold[0]).all():
            return self.hold[:1]
        found: NDArray[np.int64] = self.hold[ranks(runs.first)]
        return found

    def ids(self, rank: NDArray[np.int64]) -> list[int]:
        """Numbers of signals by rank."""
        found: list[int] = self.numbers[rank].tolist()
        return found


@dataclass(frozen=True, slots=True)
class Answer:
    """Runs from which every window can be answered.

    Attributes:
        runs: sorted.
        at: number of the first run at or behind each cut, shape ``(signals, tiles + 1)``.
        gaps: those that matter.
    """

    runs: Runs
    at: NDArray[np.int64]
    gaps: Gaps


class Found(NamedTuple):
    """What was read for a question, before anything is made of it.

    Attributes:
        gaps: recorded ones.
        raw: raw rows.
        pieces: rollups.
    """

    gaps: pa.Table
    raw: Sequence[Whole]
    pieces: Sequence[Pieces]

    @property
    def num_rows(self) -> int:
        """How many rows were read."""
        return sum(rows.num_rows for rows in (*self.raw, *self.pieces))

    def runs(self, question: Question) -> tuple[Gaps, Runs]:
        """Gaps and runs of the signals of a question."""
        numbers, (first, last) = question.numbers, question.numbers[[0, -1]].tolist()
        gap = self.gaps["signal"].to_numpy()
        gaps = self.gaps.filter(pa.array((gap >= first) & (gap <= last))) if len(gap) else self.gaps
        raw = [Runs.of_rows(r.slice(first, last), numbers, number=question.number) for r in self.raw]
        step, columns = question.step, question.columns
        pieces = [
            Runs.of_pieces(rows.of(first, last, columns), HOUR_US, numbers, step, totals=question.totals)
            for rows in self.pieces
        ]
        return Gaps.of(gaps, numbers), Runs.joined([*raw, *pieces])


def read(question: Question) -> Found:
    """Gaps, and the rows that answer a question unless they turn out to be worn."""
    ids = question.numbers.tolist()
    hold = int(question.hold.max())
    reads = question.tiles.reads(hold, hold)
    gaps = [question.source.gaps(ids, start, end).select(["signal", "ts", "end"]) for start, end in reads]
    if question.raw_first:
        rows = [Whole(question.source.raw(question.kind, ids, start, end)) for start, end in reads]
        return Found(pa.concat_tables(gaps), rows, [])
    # One read, because two reads of neighbouring windows would both bring the bucket between them.
    start, end = reads[0][0], reads[-1][1]
    pieces = question.source.pieces(HOUR_US, ids, start, end, AGGREGATE_COLUMNS)
    return Found(pa.concat_tables(gaps), [], pieces)


def compose(question: Question, found: Found) -> Answer:
    """Runs that answer all windows exactly, from what was read for these signals and others."""
    gaps, runs = found.runs(question)
    cuts = question.cut_keys()
    while True:
        at = np.searchsorted(runs.first, cuts)
        worn = _worn(question, Answer(runs, at, gaps), cuts)
        if not worn.any():
            return Answer(runs, at, gaps)
        runs = _finer(question, runs, worn)


def _raw_pays(signals: Sequence[SignalInfo], tiles: Tiles) -> bool:
    """Whether raw rows are read at once: windows are short, or there are few rows in them anyway."""
    length = float((np.diff(tiles.cuts)[tiles.used]).sum())
    rows = sum(length / ((s.period_s or _UNKNOWN_PERIOD_S) * 1e6) for s in signals)
    hours = length / HOUR_US
    if np.count_nonzero(tiles.used) > hours / 2:
        return rows <= _RAW_ROWS
    return rows < _WORTH_PER_HOUR * hours * len(signals)


def _worn(question: Question, answer: Answer, cuts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which runs must be read finer."""
    runs, at = answer.runs, answer.at
    coarse = runs.width > 0
    if not coarse.any():
        return coarse
    hold = question.hold_of(runs)
    worn = (runs.step > hold) & (hold > 0)
    overlap = runs.last[:-1] >= runs.first[1:]
    worn[:-1] |= overlap
    worn[1:] |= overlap
    near = answer.gaps.near(runs.first)
    worn[near] |= answer.gaps.touch(runs.first[near], runs.last[near])
    # The run before a cut, where it goes on behind it.
    before = at[(at > 0)] - 1
    worn[before[runs.last[before] >= cuts[at > 0]]] = True
    worn &= coarse
    return _whole_buckets(runs, worn, _needed(runs, at, question.tiles)) if worn.any() else worn


def first_and_last(
    wanted: NDArray[np.bool_], at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last of some runs in each tile, -1 where it has none.

    Args:
        wanted: which runs.
        at: as in `Answer`, shape ``(signals, tiles + 1)``.
    """
    some = np.flatnonzero(wanted)
    rank = at if len(some) == len(wanted) else np.searchsorted(some, at)
    there = rank[:, 1:] > rank[:, :-1]
    padded = np.append(some, -1)
    first = np.where(there, padded[rank[:, :-1]], -1)
    return first, np.where(there, padded[rank[:, 1:] - 1], -1)


def _needed(runs: Runs, at: NDArray[np.int64], tiles: Tiles) -> NDArray[np.bool_]:
    """Runs in a used tile, or next to one."""
    change = np.zeros(len(runs) + 2, dtype=np.int64)
    np.add.at(change, np.maximum(at[:, :-1][:, tiles.used] - 1, 0), 1)
    np.add.at(change, np.minimum(at[:, 1:][:, tiles.used] + 1, len(runs)), -1)
    return np.cumsum(change)[: len(runs)] > 0


def _whole_buckets(runs: Runs, worn: NDArray[np.bool_], needed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All runs of the buckets of which one run is worn and one is needed."""
    bucket = runs.buckets()
    starts = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    both = np.logical_or.reduceat(worn, starts) & np.logical_or.reduceat(needed, starts)
    return np.repeat(both, np.diff(np.append(starts, len(runs)))) & (runs.width > 0)


def _finer(question: Question, runs: Runs, worn: NDArray[np.bool_]) -> Runs:
    """The runs with worn buckets read one level finer."""
    parts, old = [runs.take(~worn)], runs.take(worn)
    for width in np.unique(old.width).tolist():
        of_width = old.take(old.width == width)
        bucket, owner = np.unique(of_width.buckets(), return_inverse=True)
        count = np.bincount(owner, weights=of_width.count)
        left = np.ones(len(bucket), dtype=bool)
        if width == HOUR_US:
            dense = count >= DENSE * (HOUR_US // MINUTE_US)
            minutes, left = _minutes(question, bucket, count, dense)
            parts.append(minutes)
        rows = _raw(question, bucket[left], width)
        # What retention has taken away cannot be read finer: the rollup is the best there is.
        kept = of_width.take(
            left[owner] & ~np.isin(of_width.buckets(), rows.first - times(rows.first) % width)
        )
        parts += [rows, _final(kept)]
    return Runs.joined(parts)


def _final(runs: Runs) -> Runs:
    return replace(runs, width=np.zeros_like(runs.width))


def _minutes(
    question: Question, bucket: NDArray[np.int64], count: NDArray[Any], wanted: NDArray[np.bool_]
) -> tuple[Runs, NDArray[np.bool_]]:
    """Minutes of hours, and which hours have none: a segment may lack them, then their counts differ."""
    tables = [
        together(question.source.pieces(MINUTE_US, question.ids(rank), start, end, AGGREGATE_COLUMNS))
        for rank, start, end in rectangles(ranks(bucket[wanted]), times(bucket[wanted]), HOUR_US)
    ]
    if not tables:
        return Runs.none(), np.ones(len(bucket), dtype=bool)
    table = pa.concat_tables(tables)
    hour = bucket_keys(table, HOUR_US, question.numbers)
    place = np.minimum(np.searchsorted(bucket, hour), len(bucket) - 1)
    asked = (bucket[place] == hour) & wanted[place]
    found = np.bincount(place[asked], weights=table["count"].to_numpy()[asked], minlength=len(bucket))
    left = ~wanted | (found != count)
    table = table.filter(pa.array(asked & ~left[place]))
    minutes = TableColumns(table)
    step, totals = question.step, question.totals
    return Runs.of_pieces(minutes, MINUTE_US, question.numbers, step, totals=totals), left


def _raw(question: Question, bucket: NDArray[np.int64], width: int) -> Runs:
    """Raw rows of some buckets as runs."""
    tables = [
        question.source.raw(question.kind, question.ids(rank), start, end)
        for rank, start, end in rectangles(ranks(bucket), times(bucket), width)
    ]
    rows = Runs.joined([Runs.of_rows(t, question.numbers, number=question.number) for t in tables])
    own = rows.first - times(rows.first) % width
    return rows.take(np.isin(own, bucket))
