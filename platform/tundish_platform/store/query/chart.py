"""Charts from rollups: what each pixel column shows, from the coarsest level that still fills the columns.

What stays are samples as they were: of each bucket the first and the last, the lowest and the highest that
is not bad, and the first of the worst status. A bucket is made of whole pieces: a piece belongs to the bucket
in which it begins, so no sample is looked at twice or missed. Where pieces do not tell, as at the window's
ends or where late samples overlap them, raw rows are read for just those stretches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, SampleKind, Severity
from tundish_platform.store.query.compose import NUMBERS
from tundish_platform.store.query.keys import BLOCK, ranks, rising, table_keys, times
from tundish_platform.store.query.picks import group_starts, pick, severities
from tundish_platform.store.query.rollup import CHART_COLUMNS, HOUR_US, MINUTE_US
from tundish_platform.store.query.source import rectangles, together
from tundish_platform.store.rows import TIMESTAMP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.query.source import Source

_KEPT_PER_BUCKET: Final = 5
_MARKS: Final = ("first", "low", "high", "worst", "last")
# With fewer rows than this a point, raw rows are as quick to read as their rollups.
_SPARSE: Final = 4
_COUNTS: Final = ("signal", "ts", "count")


@dataclass(frozen=True, slots=True)
class _Points:
    """Samples as columns, each in its bucket."""

    key: NDArray[np.int64]
    value: NDArray[np.float64]
    null: NDArray[np.bool_]
    status: NDArray[np.uint32]
    bucket: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> _Points:
        return _Points(*(getattr(self, name)[rows] for name in self.__slots__))

    @classmethod
    def joined(cls, parts: Sequence[_Points]) -> _Points:
        """All in one, by key, each key once."""
        whole = cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))
        if not rising(whole.key):
            whole = whole.take(np.argsort(whole.key, kind="stable"))
        again = np.append(False, whole.key[1:] == whole.key[:-1])[: len(whole.key)]
        return whole.take(~again) if again.any() else whole


@dataclass(frozen=True, slots=True)
class _Chart:
    """A chart of some signals of one kind.

    Attributes:
        worn_out: retention has left only rollups of some rows.
    """

    source: Source
    kind: SampleKind
    numbers: NDArray[np.uint32]
    start: int
    end: int
    max_points: int
    worn_out: bool
    rollups: bool = True

    @property
    def width(self) -> int:
        return -((self.start - self.end) // max(1, self.max_points // _KEPT_PER_BUCKET))

    @property
    def level(self) -> int:
        """The coarsest level that fills the buckets, 0 for raw rows."""
        kept = (HOUR_US, MINUTE_US) if self.rollups or self.worn_out else ()
        finest = MINUTE_US if self.worn_out else 0
        return next((level for level in kept if self.width >= level), finest)

    def bucket(self, ts: NDArray[np.int64], level: int) -> NDArray[np.int64]:
        """The bucket in which the piece of a time begins."""
        return (np.maximum(ts // max(level, 1) * max(level, 1), self.start) - self.start) // self.width


def chart(
    source: Source,
    signals: Sequence[SignalInfo],
    start_us: int,
    end_us: int,
    max_points: int,
    *,
    rollups: bool = True,
) -> pa.Table:
    """Rows ``signal, ts, value (f64), status`` by signal and time, `max_points` (or five) a signal at most.

    Args:
        source: where samples come from.
        signals: numeric or integer ones; others have no chart and are left out.
        start_us: of the window, µs since 1970.
        end_us: itself outside.
        max_points: a signal with fewer samples keeps all.
        rollups: answer long windows from them; otherwise always from raw rows.

    Raises:
        ValueError: the window is empty.
    """
    if end_us <= start_us:
        raise ValueError("a chart needs a window that ends after it starts")
    parts = [SCHEMAS[SampleKind.NUMERIC].empty_table()]
    for kind in NUMBERS:
        numbers = sorted({s.id for s in signals if s.kind is kind})
        worn_out = bool(numbers) and source.only_rolled_up(kind, start_us, end_us)
        for first in range(0, len(numbers), BLOCK):
            block = np.array(numbers[first : first + BLOCK], dtype=np.uint32)
            parts += _block(_Chart(source, kind, block, start_us, end_us, max_points, worn_out, rollups))
    table = pa.concat_tables(parts)
    order = np.argsort(table["signal"].to_numpy(), kind="stable")
    return table if rising(order) else table.take(pa.array(order))


def _block(asked: _Chart) -> list[pa.Table]:
    sparse = np.ones(len(asked.numbers), dtype=bool)
    found = []
    if asked.level:
        columns = CHART_COLUMNS if asked.level == HOUR_US or asked.worn_out else _COUNTS
        found_hours = asked.source.pieces(HOUR_US, asked.numbers.tolist(), asked.start, asked.end, columns)
        hours = together(found_hours)
        rank = np.searchsorted(asked.numbers, hours["signal"].to_numpy())
        count = np.bincount(rank, weights=hours["count"].to_numpy(), minlength=len(sparse))
        sparse = count <= (0 if asked.worn_out else _SPARSE * asked.max_points)
        if not sparse.all():
            dense = hours.filter(pa.array(~sparse[rank])) if sparse.any() else hours
            found.append(_table(asked, _of_pieces(asked, dense, asked.numbers[~sparse])))
    if sparse.any():
        rows = asked.source.raw(asked.kind, asked.numbers[sparse].tolist(), asked.start, asked.end)
        found.append(_table(asked, _points(asked, rows, 0)))
    return found


def _of_pieces(asked: _Chart, hours: pa.Table, numbers: NDArray[np.uint32]) -> _Points:
    """Points of signals that have many samples."""
    level, pieces = asked.level, hours
    parts = []
    if level == MINUTE_US:
        start, end = asked.start // HOUR_US * HOUR_US, -(-asked.end // HOUR_US) * HOUR_US
        pieces = together(asked.source.pieces(MINUTE_US, numbers.tolist(), start, end, CHART_COLUMNS))
        known, missing = _known_minutes(asked, hours, pieces)
        pieces = pieces.filter(pa.array(known))
        parts += _hours(asked, hours, missing)
    key = table_keys(pieces, asked.numbers)
    order = np.argsort(key + pieces["first_us"].to_numpy(), kind="stable")
    pieces, key = pieces.take(pa.array(order)), key[order]
    worn = _worn(asked, pieces, key)
    rows = _raw(asked, np.unique(key[worn]), level)
    # What retention has taken away cannot be read again: the rollup is the best there is.
    had = np.unique(rows.key - times(rows.key) % level)
    parts += [rows, _marks(asked, pieces.filter(pa.array(~worn | ~np.isin(key, had))))]
    return _Points.joined(parts)


def _hours(asked: _Chart, hours: pa.Table, bucket: NDArray[np.int64]) -> list[_Points]:
    """Hours without minutes: from raw rows, and where retention has taken those away, as they are."""
    rows = _raw(asked, bucket, HOUR_US)
    left = np.setdiff1d(bucket, rows.key - times(rows.key) % HOUR_US) if asked.worn_out else bucket[:0]
    if not len(left):
        return [rows]
    kept = np.isin(table_keys(hours, asked.numbers), left)
    return [rows, _marks(asked, hours.filter(pa.array(kept)))]


def _known_minutes(
    asked: _Chart, hours: pa.Table, minutes: pa.Table
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which minutes in the window are of hours that have all theirs, and the keys of the other hours."""
    hour, owner = np.unique(table_keys(hours, asked.numbers), return_inverse=True)
    count = np.bincount(owner, weights=hours["count"].to_numpy())
    key = table_keys(minutes, asked.numbers)
    own = key - times(key) % HOUR_US
    place = np.minimum(np.searchsorted(hour, own), len(hour) - 1)
    found = np.bincount(place, weights=minutes["count"].to_numpy(), minlength=len(hour))
    inside = (times(key) + MINUTE_US > asked.start) & (times(key) < asked.end)
    return (found == count)[place] & inside, hour[found != count]


def _worn(asked: _Chart, pieces: pa.Table, key: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pieces (sorted by first sample) of buckets that must be read raw."""
    first, last = (key + pieces[f"{mark}_us"].to_numpy() for mark in ("first", "last"))
    worn = np.zeros(len(key), dtype=bool)
    overlap = last[:-1] >= first[1:]
    worn[:-1] |= overlap
    worn[1:] |= overlap
    for cut in (asked.start, asked.end):
        worn |= (times(first) < cut) & (times(last) >= cut)
    return np.isin(key, key[worn]) if worn.any() else worn


def _raw(asked: _Chart, bucket: NDArray[np.int64], level: int) -> _Points:
    """Raw rows of stretches, within the window."""
    tables = [
        asked.source.raw(
            asked.kind, asked.numbers[rank].tolist(), max(start, asked.start), min(end, asked.end)
        )
        for rank, start, end in rectangles(ranks(bucket), times(bucket), level)
        if start < asked.end and end > asked.start
    ]
    if not tables:
        return _points(asked, SCHEMAS[asked.kind].empty_table(), level)
    table = pa.concat_tables([table.select(["signal", "ts", "value", "status"]) for table in tables])
    points = _points(asked, table, asked.level)
    return points.take(np.isin(points.key - times(points.key) % level, bucket))


def _points(asked: _Chart, table: pa.Table, level: int) -> _Points:
    key = table_keys(table, asked.numbers)
    column = pc.cast(table["value"], pa.float64(), safe=False)
    null = column.is_null().to_numpy() if column.null_count else np.zeros(len(key), dtype=bool)
    value = column.to_numpy(zero_copy_only=False)
    return _Points(key, value, null, table["status"].to_numpy(), asked.bucket(times(key), level))


def _marks(asked: _Chart, pieces: pa.Table) -> _Points:
    """The samples that pieces remember, as far as they lie in the window."""
    start = table_keys(pieces, asked.numbers)
    bucket = asked.bucket(times(start), 0)
    parts = []
    for mark in _MARKS:
        value, status = pieces[f"{mark}_value"], pieces[f"{mark}_status"].to_numpy()
        null = value.is_null().to_numpy() if value.null_count else np.zeros(len(start), dtype=bool)
        # Low and high without a value, or the worst without a status, are not there at all.
        there = ~null if mark in {"low", "high"} else (severities(status) > 0) | (mark != "worst")
        key = start + pieces[f"{mark}_us"].to_numpy()
        points = _Points(key, value.to_numpy(zero_copy_only=False), null, status, bucket)
        parts.append(points.take(there & (times(key) >= asked.start) & (times(key) < asked.end)))
    return _Points.joined(parts)


def _table(asked: _Chart, points: _Points) -> pa.Table:
    """The answer: of each bucket what is picked; of a signal with few points all."""
    rank = ranks(points.key)
    few = np.bincount(rank, minlength=len(asked.numbers)) <= asked.max_points
    keep = few[rank]
    if not few.all():
        starts = group_starts(rank, points.bucket)
        usable = np.isfinite(points.value) & (severities(points.status) < Severity.BAD)
        chosen = np.concatenate(pick(starts, points.value, usable, points.status))
        keep[chosen[chosen >= 0]] = True
    kept = points.take(np.flatnonzero(keep))
    columns = [
        pa.array(asked.numbers[ranks(kept.key)]),
        pa.array(times(kept.key)).cast(TIMESTAMP),
        pa.array(kept.value, mask=kept.null),
        pa.array(kept.status),
    ]
    return pa.table(columns, schema=SCHEMAS[SampleKind.NUMERIC])
