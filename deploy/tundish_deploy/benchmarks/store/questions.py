"""What is asked of our store and of DuckDB's sorted table: the same draws, compared before they count."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_deploy.benchmarks.store import sql
from tundish_deploy.benchmarks.store.answers import (
    BUCKETS,
    POINTS,
    aggregates,
    buckets_of_points,
    cells,
    extremes,
    newest,
    plain_windows,
    same,
)
from tundish_deploy.benchmarks.store.ours import hold
from tundish_deploy.benchmarks.store.workload import DAYS, SIGNALS, START

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from tundish_deploy.benchmarks.store.duck import DuckDb
    from tundish_deploy.benchmarks.store.ours import Ours
    from tundish_deploy.benchmarks.store.workload import Workload

MINUTE: Final = timedelta(minutes=1)
SHIFT: Final = timedelta(hours=8)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_SEED: Final = 7
_ASKS: Final = 40
BUDGET_S: Final = 8.0
_LEAST: Final = 3
# Shifts of a plant in Shanghai that begin at 6, 14 and 22 o'clock.
_SHIFT_START: Final = START - 2 * _HOUR


@dataclass(frozen=True, slots=True)
class Ask:
    """Which signals, over what."""

    signals: list[int]
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of question.

    Attributes:
        name: of its figures.
        bar_ms: what the median should reach.
        asks: drawn once, the same for all.
        ours: asks our store.
        duck: gives the SQL for DuckDB.
        alike: brings both answers to one form, ours first.
        plain: a cheaper question for DuckDB, for comparison; not the same answer.
    """

    name: str
    bar_ms: float
    asks: list[Ask]
    ours: Callable[[Ours, Ask], pa.Table]
    duck: Callable[[Ask], str]
    alike: Callable[[Ask, pa.Table, pa.Table], tuple[pa.Table, pa.Table]]
    plain: Callable[[Ask], str] | None = None


@dataclass(slots=True)
class Times:
    """Milliseconds of each ask."""

    ms: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """The median."""
        return float(np.percentile(self.ms, 50))

    @property
    def p95(self) -> float:
        """What one in twenty exceeds."""
        return float(np.percentile(self.ms, 95))


def questions(workload: Workload) -> list[Question]:
    """All of them, with their draws."""
    rng = np.random.default_rng(_SEED)
    period = timedelta(milliseconds=workload.period_ms)
    every = [Ask(list(range(1, SIGNALS + 1)), _SHIFT_START, _SHIFT_START + DAYS * _DAY)] * _ASKS
    whole = _drawn(rng, 1, DAYS * _DAY, walks=True)
    raw = Question(
        "chart_30d_raw", 40.0, whole,
        lambda ours, ask: ours.chart_raw(ask.signals[0], ask.start, ask.end, POINTS),
        lambda ask: sql.chart("sorted", ask.signals[0], ask.start, ask.end, BUCKETS),
        buckets_of_points,
    )  # fmt: skip
    return [
        Question(
            "latest_1000", 5.0, every,
            lambda ours, _: ours.latest(), lambda _: sql.latest("sorted", workload.end - _DAY), newest,
        ),
        Question(
            "minute_6x8h", 12.0, _drawn(rng, 6, 8 * _HOUR),
            lambda ours, ask: ours.aggregate(ask.signals, ask.start, ask.end, MINUTE),
            lambda ask: sql.aggregate("sorted", ask.signals, ask.start, ask.end, MINUTE, period),
            aggregates,
            lambda ask: sql.plain("sorted", ask.signals, ask.start, ask.end, MINUTE),
        ),
        Question(
            "chart_30d", 15.0, whole,
            lambda ours, ask: ours.chart(ask.signals[0], ask.start, ask.end, POINTS), raw.duck, extremes,
        ),
        raw,
        Question(
            "grid_20x24h", 80.0, _drawn(rng, 20, _DAY),
            lambda ours, ask: ours.grid(ask.signals, ask.start, ask.end, timedelta(seconds=1)),
            lambda ask: sql.grid("sorted", ask.signals, ask.start, ask.end, hold(workload)),
            cells,
        ),
        Question(
            "shift_30d", 150.0, every,
            lambda ours, ask: ours.aggregate(ask.signals, ask.start, ask.end, SHIFT),
            lambda ask: sql.aggregate("sorted", None, ask.start, ask.end, SHIFT, period),
            aggregates,
            lambda ask: sql.plain("sorted", None, ask.start, ask.end, SHIFT),
        ),
    ]  # fmt: skip


def _drawn(rng: np.random.Generator, signals: int, length: timedelta, *, walks: bool = False) -> list[Ask]:
    """Windows that begin at a whole minute, anywhere in the thirty days, and signals of any kind."""
    last = (DAYS * _DAY - length) // MINUTE
    asks = []
    for _ in range(_ASKS):
        chosen = rng.choice(np.arange(1, SIGNALS * 8 // 10 if walks else SIGNALS + 1), signals, replace=False)
        start = START + int(rng.integers(0, last + 1)) * MINUTE
        asks.append(Ask(sorted(chosen.tolist()), start, start + length))
    return asks


def timed(ask: Callable[[Ask], object], asks: Sequence[Ask], budget_s: float) -> Times:
    """Ask one after the other, the first once before the clock runs, for so long; three times at least."""
    ask(asks[0])
    times = Times()
    begun = time.perf_counter()
    for each in asks:
        before = time.perf_counter()
        ask(each)
        now = time.perf_counter()
        times.ms.append((now - before) * 1000)
        if now - begun > budget_s and len(times.ms) >= _LEAST:
            break
    return times


def compare(question: Question, ours: Ours, duck: DuckDb, asks: int = 2) -> None:
    """See that both say the same.

    Raises:
        WrongRows: they don't.
    """
    for ask in question.asks[:asks]:
        mine, theirs = question.alike(ask, question.ours(ours, ask), duck.ask(question.duck(ask)))
        same(question.name, mine, theirs)


def compare_plain(ours: Ours, ask_peer: Callable[[str], list[tuple[Any, ...]]], covered: datetime) -> int:
    """See that counts, lowest and highest by hour are PostgreSQL's too, over what it was given.

    Returns:
        how many hours of signals were compared.
    """
    hours = (min(covered, START + _DAY) - START) // _HOUR
    end = START + hours * _HOUR
    rows = ours.read(range(1, SIGNALS + 1), START, end)
    mine = plain_windows(rows, START, _HOUR)
    theirs = [
        {"signal": signal, "bucket": int(bucket), "min": low, "max": high, "count": count}
        for signal, bucket, _, low, high, count in ask_peer(
            sql.plain("samples", None, START, end, _HOUR, whole_numbers=False)
        )
    ]
    same("hours of PostgreSQL", mine, pa.Table.from_pylist(theirs))
    return len(mine)


def forget(folder: Path) -> None:
    """Take a folder's files out of the page cache, so that the next question reads the disk."""
    for place, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(os.path.join(place, name), os.O_RDONLY)  # noqa: PTH118 - as os.walk gives them
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
