"""Time-weighted aggregates of many signals over many windows at once, from rollups where they suffice.

The meaning is that of `summary`, whose rules of hold, gaps and lines hold here too; with them:

    integral     = Σ integral of the value over good time (value · s)
    mean         = integral / good time; the plain mean of good samples for signals sent on events
    completeness = good time / length of the window
    percent_good = 100 · good time / time in which any sample speaks, whatever its status

The percent good of OPC 10000-13 (PercentGood) is 100 · completeness: there, silence counts as bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tundish_platform.store.query import budget
from tundish_platform.store.query.compose import Answer, Question, compose, first_and_last, read
from tundish_platform.store.query.edges import Edges, Spoken
from tundish_platform.store.query.keys import BLOCK, ranks, rising
from tundish_platform.store.query.summary import hold_us
from tundish_platform.store.query.tiles import Tiles
from tundish_platform.store.rows import TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.query.runs import Runs
    from tundish_platform.store.query.source import Source

AGGREGATE_SCHEMA = pa.schema(
    [
        pa.field("signal", pa.uint32(), nullable=False),
        pa.field("start", TIMESTAMP, nullable=False),
        pa.field("end", TIMESTAMP, nullable=False),
        pa.field("mean", pa.float64()),
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("first", pa.float64()),
        pa.field("last", pa.float64()),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("integral", pa.float64()),
        pa.field("good_share", pa.float64()),
        pa.field("good_s", pa.float64()),
        pa.field("completeness", pa.float64()),
        pa.field("percent_good", pa.float64()),
    ]
)
MOST_CELLS: Final = 5_000_000
_SECOND_US: Final = 1e6
# Signals are read together whose holds differ by less than this factor, or are shorter than the least:
# a value a day must not make others read days around their windows.
_HOLD_FACTOR_BITS: Final = 4
_LEAST_HOLD_BITS: Final = 28


def aggregate(
    source: Source,
    signals: Sequence[SignalInfo],
    windows: NDArray[np.int64],
    interpolation: Mapping[int, bool] | None = None,
) -> pa.Table:
    """One row of `AGGREGATE_SCHEMA` a signal and window; by signal, then in the order of the windows.

    Args:
        source: where samples come from.
        signals: of any kind; texts and arrays have counts and completeness only.
        windows: shape ``(n, 2)``, µs since 1970, ``[start, end)``; they may overlap.
        interpolation: by signal, true where its value holds until the next sample, false where it runs
            on the line; as the signal says (`SignalSpec.step`) where absent.

    Raises:
        ValueError: a window does not end after it starts, or there are more than `MOST_CELLS` answers.
    """
    tiles = Tiles.of(windows)
    signals = sorted({s.id: s for s in signals}.values(), key=lambda s: s.id)
    if len(signals) * len(windows) > MOST_CELLS:
        raise ValueError(
            f"{len(signals)} signals in {len(windows)} windows are more than {MOST_CELLS} answers; "
            "ask for fewer or longer windows"
        )
    if not signals or not len(windows):
        return AGGREGATE_SCHEMA.empty_table()
    steps = interpolation or {}
    parts: list[pa.Table] = []
    for members in blocks(signals):
        step = np.array([steps.get(s.id, s.step) for s in members], dtype=bool)
        question = Question.of(source, members, step, tiles)
        found = read(question)
        for some in question.divided(found.num_rows):
            budget.check()
            parts.append(_table(some, _sums(some, compose(some, found)), windows))
    table = pa.concat_tables(parts).combine_chunks()
    order = np.argsort(table["signal"].to_numpy(), kind="stable")
    return table if rising(order) else table.take(pa.array(order))


def blocks(signals: Sequence[SignalInfo]) -> Iterator[list[SignalInfo]]:
    """Signals that are read together: of one kind, with holds of like length, at most `BLOCK`."""
    groups: dict[tuple[str, int], list[SignalInfo]] = {}
    for signal in signals:
        bits = max(0, hold_us(signal).bit_length() - _LEAST_HOLD_BITS)
        groups.setdefault((signal.kind, -(-bits // _HOLD_FACTOR_BITS)), []).append(signal)
    for members in groups.values():
        for first in range(0, len(members), BLOCK):
            yield members[first : first + BLOCK]


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of each signal and window: shape ``(signals, windows)``; times in µs."""

    area: NDArray[np.float64]
    good_us: NDArray[np.float64]
    known_us: NDArray[np.float64]
    total: NDArray[np.float64]
    count: NDArray[np.int64]
    good: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]


def _sums(question: Question, answer: Answer) -> _Sums:
    """What all windows hold: runs and whole edges by tile, edges cut by tiles, then windows of tiles."""
    runs, at = answer.runs, answer.at
    if not len(runs):
        return _nothing(at.shape[0], len(question.tiles.low))
    spoken = _spoken(question, answer)
    least, most = _extremes(runs, at)
    first, last = first_and_last(runs.good > 0, at)
    over = question.tiles.over
    count = over(_by_tile(runs.count, at), np.add, 0)
    sound = runs.good is runs.count
    total = _by_tile(runs.total, at) if question.totals else np.zeros_like(least)
    none = len(runs)
    first_run = over(np.where(first < 0, none, first), np.minimum, none)
    last_run = over(last, np.maximum, -1)
    return _Sums(
        over(spoken.area, np.add, 0.0),
        over(spoken.good, np.add, 0.0),
        over(spoken.known, np.add, 0.0),
        over(total, np.add, 0.0),
        count,
        count if sound else over(_by_tile(runs.good, at), np.add, 0),
        over(least, np.minimum, np.inf),
        over(most, np.maximum, -np.inf),
        np.append(runs.first_value, np.nan)[first_run],
        np.append(runs.last_value, np.nan)[last_run],
    )


def _nothing(signals: int, windows: int) -> _Sums:
    zero = np.zeros((signals, windows))
    none, unknown = zero.astype(np.int64), zero + np.nan
    return _Sums(zero, zero, zero, zero, none, none, zero + np.inf, zero - np.inf, unknown, unknown)


def _spoken(question: Question, answer: Answer) -> Spoken:
    """Area, good and known time of each tile."""
    runs, at = answer.runs, answer.at
    edges = Edges(question, answer)
    whole = edges.whole()
    cuts = question.cut_keys()
    # Edges that may cross a cut are taken out of the sums, and their parts in each tile added instead.
    before = np.where(ranks(runs.first[np.maximum(at - 1, 0)]) == ranks(cuts), at - 1, -1)
    crossing = before[before >= 0]
    for part in whole:
        part[crossing] = 0.0
    inside = (runs.last - runs.first).astype(np.float64)
    entering = edges.part(before[:, :-1], cuts[:, :-1], cuts[:, 1:])
    ending = np.where(at[:, 1:] > at[:, :-1], before[:, 1:], -1)
    leaving = edges.part(ending, cuts[:, :-1], cuts[:, 1:])
    stretches = list(zip((runs.area, runs.good_us, inside), whole, entering, leaving, strict=True))
    # Where every sample is good, all that is known is good.
    sound = runs.good is runs.count and whole.good is whole.known
    sums = [_by_tile(run + edge, at) + part + rest for run, edge, part, rest in stretches[: 3 - sound]]
    return Spoken(*sums, *sums[1:] * sound)


def _by_tile(of_run: NDArray[Any], at: NDArray[np.int64]) -> NDArray[Any]:
    """Sums of runs, shape ``(signals, tiles)``."""
    return _reduced(of_run, at, np.add, 0)


def _extremes(runs: Runs, at: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _reduced(runs.low, at, np.minimum, np.inf), _reduced(runs.high, at, np.maximum, -np.inf)


def _reduced(of_run: NDArray[Any], at: NDArray[np.int64], how: np.ufunc, empty: float) -> NDArray[Any]:
    padded = np.append(of_run, np.array([empty]).astype(of_run.dtype))
    # Behind a signal's last cut begins what belongs to no tile; it is dropped.
    found: NDArray[Any] = how.reduceat(padded, at.ravel()).reshape(at.shape)[:, :-1]
    return np.where(at[:, 1:] > at[:, :-1], found, np.array(empty, dtype=of_run.dtype))


def _table(question: Question, sums: _Sums, windows: NDArray[np.int64]) -> pa.Table:
    """The answer's columns; what is not known is null."""
    shape = sums.area.shape
    periodic = np.broadcast_to((question.hold > 0)[:, None], shape)
    length = np.broadcast_to((windows[:, 1] - windows[:, 0])[None, :], shape)
    number = question.number & (sums.good > 0)
    spoke = periodic & (sums.good_us > 0) & question.number
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(periodic, sums.area / sums.good_us, sums.total / sums.good)
        columns = [
            _column(mean, np.where(periodic, spoke, number) & ~np.isnan(mean)),
            *(_column(v, number) for v in (sums.low, sums.high, sums.first, sums.last)),
            pa.array(sums.count.ravel()),
            _column(sums.area / _SECOND_US, spoke & ~np.isnan(sums.area)),
            _column(sums.good / sums.count, sums.count > 0),
            _column(sums.good_us / _SECOND_US, periodic),
            _column(sums.good_us / length, periodic),
            _column(100 * sums.good_us / sums.known_us, periodic & (sums.known_us > 0)),
        ]
    bounds = [pa.array(np.tile(windows[:, side], shape[0])).cast(TIMESTAMP) for side in (0, 1)]
    signal = pa.array(np.repeat(question.numbers, shape[1]))
    return pa.table([signal, *bounds, *columns], schema=AGGREGATE_SCHEMA)


def _column(value: NDArray[np.float64], known: NDArray[np.bool_]) -> pa.Array:
    return pa.array(value.ravel(), mask=None if known.all() else ~known.ravel())
