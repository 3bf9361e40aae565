"""A wide table on a grid for models: one row a step, one column a signal, as of each instant.

A cell holds the newest good value at or before its instant that is not older than `max_age` and behind no
recorded gap. On the line, it lies between that sample and the next one, if that is good, follows within
`max_age`, and no gap is between; otherwise the value is held. A line knows the future: models that must work
online are trained on steps.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import is_good
from tundish_platform.store.query.compose import NUMBERS
from tundish_platform.store.query.keys import BLOCK, Gaps, keys, table_keys, times
from tundish_platform.store.rows import TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.query.source import Source

MOST_CELLS: Final = 20_000_000
COMPLETENESS_KEY: Final = b"tundish.completeness"
_MAX_AGE_STEPS: Final = 10
_NEVER: Final = 2**62


def wide(
    source: Source,
    signals: Sequence[SignalInfo],
    grid: tuple[int, int, int],
    max_age_us: int | None = None,
    interpolation: Mapping[int, bool] | None = None,
) -> pa.Table:
    """``ts`` and a column ``s<id>`` (f64, null where unknown) a signal, in the order asked for.

    The schema's metadata has under `COMPLETENESS_KEY` a JSON object: share of cells with a value by column.

    Args:
        source: where samples come from.
        signals: numeric or integer ones.
        grid: first instant, end (outside) and step, µs.
        max_age_us: ten steps if absent.
        interpolation: by signal, false for the line; all others are held, whatever `SignalSpec.step` says.

    Raises:
        ValueError: the step is not positive, there are too many cells, or a signal has no numbers.
    """
    start, end, step = grid
    signals = list({s.id: s for s in signals}.values())
    if step <= 0 or max(1, len(signals)) * max(0, end - start) / step > MOST_CELLS:
        raise ValueError(f"a grid needs a step above 0 and at most {MOST_CELLS} cells; take a longer step")
    for signal in signals:
        if signal.kind not in NUMBERS:
            raise ValueError(f"{signal.path} has no numbers; a grid takes numeric and integer signals")
    age = _MAX_AGE_STEPS * step if max_age_us is None else max_age_us
    held = interpolation or {}
    instants = np.arange(start, end, step, dtype=np.int64)
    columns: dict[int, pa.Array] = {s.id: pa.nulls(len(instants), pa.float64()) for s in signals}
    for number, rows in _rows(source, signals, start - age, end + age):
        cells = _Cells(rows, instants, step, age)
        columns[number] = cells.held() if held.get(number, True) else cells.line()
    shares = {
        f"s{number}": 1 - column.null_count / len(column) if len(column) else None
        for number, column in columns.items()
    }
    table = pa.table(
        [pa.array(instants).cast(TIMESTAMP), *columns.values()], names=["ts", *(f"s{n}" for n in columns)]
    )
    return table.replace_schema_metadata({COMPLETENESS_KEY: json.dumps(shares)})


class _Signal:
    """Samples of one signal: time, value, whether good; how long each may be used; when the next came."""

    def __init__(self, **columns: NDArray[Any]) -> None:
        self.ts, self.value, self.good = columns["ts"], columns["value"], columns["good"]
        self.until, self.next_good = columns["until"], columns["next_good"]


def _rows(
    source: Source, signals: Sequence[SignalInfo], start: int, end: int
) -> Iterator[tuple[int, _Signal]]:
    for kind in NUMBERS:
        members = sorted(s.id for s in signals if s.kind is kind)
        for first in range(0, len(members), BLOCK):
            ids = members[first : first + BLOCK]
            table = source.raw(kind, ids, start, end)
            recorded = source.gaps(ids, start, end)
            yield from _split(table, recorded, np.array(ids, dtype=np.uint32))


def _split(table: pa.Table, recorded: pa.Table, ids: NDArray[np.uint32]) -> Iterator[tuple[int, _Signal]]:
    key = table_keys(table, ids)
    value = pc.cast(table["value"], pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    good = is_good(table["status"].to_numpy()) & np.isfinite(value)
    ts = times(key)
    gaps = Gaps.of(recorded, ids)
    until = ts + (gaps.speaks_until(key) - key) if len(gaps) and len(key) else np.full(len(key), _NEVER)
    edges = np.append(np.searchsorted(key, keys(np.arange(len(ids)), np.array(0))), len(key))
    for number, a, b in zip(ids.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if b > a:
            yield (
                number,
                _Signal(
                    ts=ts[a:b],
                    value=value[a:b],
                    good=good[a:b],
                    until=until[a:b],
                    next_good=np.append(good[a + 1 : b], False),
                ),
            )


class _Cells:
    """The cells of one column: sample `i` is the newest good one in cells ``first[i] … first[i + 1] - 1``."""

    def __init__(self, rows: _Signal, instants: NDArray[np.int64], step: int, age: int) -> None:
        self._rows = rows
        self._instants = instants
        self._age = age
        start = int(instants[0]) if len(instants) else 0
        every = bool(rows.good.all())
        used = np.arange(len(rows.ts)) if every else np.flatnonzero(rows.good)
        ts = rows.ts if every else rows.ts[used]
        first = np.clip(-((start - ts) // step), 0, len(instants))
        follows = np.append(first[1:], len(instants))
        some = np.flatnonzero(follows > first)
        ts, first, follows = ts[some], first[some], follows[some]
        self._used = used[some]
        self._lengths = follows - first
        until = np.minimum(rows.until[self._used], ts + age + 1)
        # Only where the last cell is out of reach it matters which one is the first; division is dear.
        late = np.flatnonzero(start + (follows - 1) * step >= until)
        reached = -((start - until[late]) // step)
        self._known = self._lengths.copy()
        self._known[late] = np.clip(reached - first[late], 0, self._lengths[late])
        self._before = len(instants) - int(self._lengths.sum())

    def held(self) -> pa.Array:
        """The newest good value."""
        return self._array(self._spread(self._rows.value[self._used]))

    def line(self) -> pa.Array:
        """On the way to the next sample, where that is known."""
        rows, used = self._rows, self._used
        if not len(used):
            return self.held()
        behind = np.minimum(used + 1, len(rows.ts) - 1)
        length = rows.ts[behind] - rows.ts[used]
        linked = rows.next_good[used] & (length <= self._age) & (rows.until[used] >= rows.ts[behind])
        rise = np.where(linked, rows.value[behind] - rows.value[used], 0.0) / np.maximum(length, 1)
        since = self._instants - self._spread(rows.ts[used])
        return self._array(self._spread(rows.value[used]) + self._spread(rise) * since)

    def _spread(self, of_sample: NDArray[Any]) -> NDArray[Any]:
        """A value of each sample in all its cells; 0 in those before the first."""
        lengths = np.append(self._before, self._lengths)
        return np.repeat(np.append(np.zeros(1, dtype=of_sample.dtype), of_sample), lengths)

    def _array(self, value: NDArray[np.float64]) -> pa.Array:
        known = np.column_stack([self._known, self._lengths - self._known]).ravel()
        lengths = np.append(self._before, known)
        unknown = np.repeat(np.append(True, np.tile([False, True], len(self._lengths))), lengths)
        return pa.array(value, mask=unknown if unknown.any() else None)
