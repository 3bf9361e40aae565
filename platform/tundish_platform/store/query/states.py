"""Time in state: how long a machine ran, stood or was set up. States are counted, never averaged.

A sample says what the state is from its own time on, under the rules of `summary`: until the next sample,
never into a recorded gap, and for signals with a period three periods at most. A state that is sent on
events holds until the next one is sent. The state that holds when a window begins counts in it.

    seconds      = Σ time in the window in which a good sample with that state speaks
    entries      = good samples in the window that say so where another state, or nothing, was known before
    completeness = time in the window in which any state is known / length of the window

Time in which none is known has a row of its own with state null, so that the seconds of a window add up to
its length. Both sums of two adjoining windows add up to those of the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SampleKind, is_good
from tundish_platform.store.query.keys import BLOCK, END_OF_TIME, Gaps, keys, ranks, reach, table_keys, times
from tundish_platform.store.query.summary import hold_us
from tundish_platform.store.query.tiles import Tiles
from tundish_platform.store.rows import TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.query.source import Source

STATES_SCHEMA = pa.schema(
    [
        pa.field("signal", pa.uint32(), nullable=False),
        pa.field("start", TIMESTAMP, nullable=False),
        pa.field("end", TIMESTAMP, nullable=False),
        pa.field("state", pa.string()),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("entries", pa.int64(), nullable=False),
        pa.field("completeness", pa.float64(), nullable=False),
    ]
)
_FOREVER: Final = 2**62


class _Spells(NamedTuple):
    """Times in which a good sample speaks: ``[start, end)`` in µs; `entered` where the state is new."""

    rank: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    state: NDArray[np.int64]
    entered: NDArray[np.bool_]


def time_in_state(
    source: Source,
    signals: Sequence[SignalInfo],
    windows: NDArray[np.int64],
    known_until_us: int = END_OF_TIME,
) -> pa.Table:
    """Rows of `STATES_SCHEMA` by signal, window and state; unknown time last, with state null.

    Args:
        source: where samples come from.
        signals: texts, whole numbers, and booleans (numeric 0 and 1); numbers are written out.
        windows: shape ``(n, 2)``, µs since 1970, ``[start, end)``; they may overlap.
        known_until_us: nothing is known from then on; a state must not be held into the future.

    Raises:
        ValueError: a window does not end after it starts, or a signal's values are no states.
    """
    tiles = Tiles.of(windows)
    signals = sorted({s.id: s for s in signals}.values(), key=lambda s: s.id)
    parts = [STATES_SCHEMA.empty_table()]
    for kind in dict.fromkeys(s.kind for s in signals) if len(windows) else ():
        members = [s for s in signals if s.kind is kind]
        for first in range(0, len(members), BLOCK):
            block = members[first : first + BLOCK]
            parts.append(_block(source, block, windows, tiles, known_until_us))
    table = pa.concat_tables(parts)
    return table.take(pa.array(np.argsort(table["signal"].to_numpy(), kind="stable")))


def _block(
    source: Source, signals: list[SignalInfo], windows: NDArray[np.int64], tiles: Tiles, until: int
) -> pa.Table:
    numbers = np.array([s.id for s in signals], dtype=np.uint32)
    hold = reach(np.array([hold_us(s) or _FOREVER for s in signals], dtype=np.int64))
    table = _rows(source, signals, tiles)
    spells, labels = _spells(source, signals, numbers, table, hold, until)
    rank, window, state, spent, entries = _by_window(spells, tiles, max(1, len(labels)))
    length = windows[:, 1] - windows[:, 0]
    known = np.zeros((len(signals), len(windows)))
    np.add.at(known, (rank, window), spent)
    share = known / length
    open_rank, open_window = np.nonzero(known < length)
    rank, window = np.append(rank, open_rank), np.append(window, open_window)
    unknown = (length - known)[open_rank, open_window]
    columns = {
        "signal": numbers[rank],
        "start": pa.array(windows[window, 0]).cast(TIMESTAMP),
        "end": pa.array(windows[window, 1]).cast(TIMESTAMP),
        "state": pa.concat_arrays([labels.take(pa.array(state)), pa.nulls(len(unknown), pa.string())]),
        "seconds": np.append(spent, unknown) / 1e6,
        "entries": np.append(entries, np.zeros(len(unknown), dtype=np.int64)),
        "completeness": share[rank, window],
    }
    found = pa.table(columns, schema=STATES_SCHEMA)
    # Stable, with the unknown time of each window behind its states.
    return found.take(pa.array(np.lexsort((window, rank))))


def _rows(source: Source, signals: list[SignalInfo], tiles: Tiles) -> pa.Table:
    """Samples of all windows, and of what still holds when the first of them begins."""
    periodic = max(hold_us(s) for s in signals)
    start, end = int(tiles.cuts[0]), int(tiles.cuts[-1])
    kind, names = signals[0].kind, ["signal", "ts", "value", "status"]
    rows = source.raw(kind, [s.id for s in signals], start - periodic, end).select(names)
    on_events = [s.id for s in signals if not hold_us(s)]
    if not on_events:
        return rows.combine_chunks()
    before = source.before(kind, on_events, start - periodic).select(names)
    table = pa.concat_tables([before, rows.cast(before.schema)]).combine_chunks()
    order = np.lexsort((table["ts"].cast(pa.int64()).to_numpy(), table["signal"].to_numpy()))
    return table.take(pa.array(order))


def _spells(
    source: Source,
    signals: list[SignalInfo],
    numbers: NDArray[np.uint32],
    table: pa.Table,
    hold: NDArray[np.int64],
    known_until: int,
) -> tuple[_Spells, pa.Array]:
    key = table_keys(table, numbers)
    rank = ranks(key)
    state, labels = _states(table, signals, numbers)
    good = is_good(table["status"].to_numpy()) & (state >= 0)
    until = np.minimum(np.append(key[1:], np.iinfo(np.int64).max)[: len(key)], key + hold[rank])
    until = np.minimum(until, keys(rank, np.array(known_until)))
    if len(key):
        recorded = source.gaps(numbers.tolist(), int(times(key).min()), known_until)
        gaps = Gaps.of(recorded, numbers)
        if len(gaps):
            until = np.minimum(until, gaps.speaks_until(key))
    speaks = good & (until > key)
    # The one before says the same, and speaks up to this one.
    same = np.zeros(len(key), dtype=bool)
    same[1:] = speaks[:-1] & (until[:-1] == key[1:]) & (state[:-1] == state[1:])
    spells = _Spells(rank, times(key), times(key) + (until - key), state, ~same)
    return _Spells(*(column[speaks] for column in spells)), labels


def _states(
    table: pa.Table, signals: list[SignalInfo], numbers: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], pa.Array]:
    """States as numbers in the order of their names, -1 where there is none; and the names."""
    value = table["value"]
    kind = signals[0].kind
    if kind is SampleKind.NUMERIC:
        value = _whole(table, signals, numbers)
    elif kind is SampleKind.ARRAY:
        raise ValueError(f"{signals[0].path} has arrays; states are texts, whole numbers or booleans")
    coded = value.combine_chunks().dictionary_encode() if table.num_rows else None
    if coded is None or not len(coded.dictionary):
        return np.full(table.num_rows, -1, dtype=np.int64), pa.array([], pa.string())
    order = pc.sort_indices(coded.dictionary).to_numpy()
    place = np.empty(len(order) + 1, dtype=np.int64)
    place[order], place[-1] = np.arange(len(order)), -1
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    return place[codes], coded.dictionary.take(pa.array(order)).cast(pa.string())


def _whole(table: pa.Table, signals: list[SignalInfo], numbers: NDArray[np.uint32]) -> pa.ChunkedArray:
    value = table["value"].to_numpy(zero_copy_only=False)
    usable = is_good(table["status"].to_numpy()) & np.isfinite(value)
    broken = usable & (value != np.round(value))
    if broken.any():
        wrong = table["signal"].to_numpy()[np.flatnonzero(broken)[0]]
        path = signals[int(np.searchsorted(numbers, wrong))].path
        raise ValueError(
            f"{path} has values like {value[broken][0]}; states are texts, whole numbers or booleans"
        )
    return pa.chunked_array([pa.array(np.where(usable, value, 0).astype(np.int64), mask=~usable)])


def _by_window(spells: _Spells, tiles: Tiles, states: int) -> tuple[NDArray[Any], ...]:
    """Rank, window, state, µs and entries; by rank, window and state."""
    low = np.clip(np.searchsorted(tiles.cuts, spells.start, side="right") - 1, 0, None)
    high = np.searchsorted(tiles.cuts[:-1], spells.end, side="left")
    times_in = np.maximum(high - low, 0)
    spell = np.repeat(np.arange(len(low)), times_in)
    tile = low[spell] + np.arange(len(spell)) - np.repeat(np.cumsum(times_in) - times_in, times_in)
    begins, ends = tiles.cuts[tile], tiles.cuts[tile + 1]
    spent = np.minimum(spells.end[spell], ends) - np.maximum(spells.start[spell], begins)
    entered = spells.entered[spell] & (spells.start[spell] >= begins)
    # Each window is made of tiles: every part goes to all windows that its tile is part of.
    size = tiles.high - tiles.low
    owner = np.repeat(np.arange(len(size)), size)
    member = tiles.low[owner] + np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
    by_tile = np.argsort(member, kind="stable")
    first = np.searchsorted(member[by_tile], np.arange(len(tiles) + 1))
    copies = np.diff(first)[tile]
    part = np.repeat(np.arange(len(tile)), copies)
    nth = np.arange(len(part)) - np.repeat(np.cumsum(copies) - copies, copies)
    window = owner[by_tile][first[tile[part]] + nth]
    whose = (spells.rank[spell[part]] * len(size) + window) * states + spells.state[spell[part]]
    group, inverse = np.unique(whose, return_inverse=True)
    total = np.bincount(inverse, weights=spent[part], minlength=len(group))
    entries = np.bincount(inverse, weights=entered[part], minlength=len(group)).astype(np.int64)
    rank_window, state = np.divmod(group, states)
    rank, window = np.divmod(rank_window, max(1, len(size)))
    return rank, window, state, total, entries
