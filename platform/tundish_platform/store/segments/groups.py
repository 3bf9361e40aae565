"""Reads of one segment only those row groups that can hold what is asked, by the footer's statistics.

Rows are sorted by (signal, ts), so what is wanted of a signal is one slice, found by halving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tundish_platform.store.rows import STORED, micros
from tundish_platform.store.segments.handles import SegmentDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SampleKind
    from tundish_platform.store.segments.handles import Opened

# Measured: a footer of 203 row groups takes 85 kB on disk and 1 MB decoded.
_DECODED: Final = 12
# More slices than that cost more than one pass over all rows.
_SLICES: Final = 64
_SIGNALS: Final = 2**32
_EVER: Final = 2**62
_UNREADABLE: Final = (pa.ArrowException, OSError, KeyError)


class Window(NamedTuple):
    """``start <= ts < end``, µs."""

    start: int
    end: int


class SegmentIndex:
    """The footer of one segment, and the range of signals and times of each row group.

    Args:
        file: the segment, open.
        kind: of its rows.

    Raises:
        SegmentDamaged: it is no segment of that kind.
    """

    def __init__(self, file: Opened, kind: SampleKind) -> None:
        self._kind = kind
        source = _source(file)
        try:
            with source:
                self._footer = pq.read_metadata(source)
            names = [self._footer.schema.column(leaf).path for leaf in range(self._footer.num_columns)]
            leaves = {name.partition(".")[0]: leaf for leaf, name in enumerate(names)}
            self._leaves = {name: leaves[name] for name in STORED[kind].names}
            signals = self._statistics("signal")
        except _UNREADABLE as error:
            raise SegmentDamaged(file.path, f"no {kind.value} rows can be read: {error}") from error
        if signals is None:
            raise SegmentDamaged(file.path, "it has no statistics of signals")
        # Statistics show numbers from 2³¹ on as negative ones.
        self._first, self._last = signals[0] % _SIGNALS, signals[1] % _SIGNALS
        groups = range(self._footer.num_row_groups)
        self._rows = np.array([self._footer.row_group(group).num_rows for group in groups], dtype=np.int64)
        self._ranges: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    @classmethod
    def sized(cls, file: Opened, kind: SampleKind) -> tuple[SegmentIndex, int]:
        """With its bytes in memory, about."""
        made = cls(file, kind)
        return made, int(made._footer.serialized_size) * _DECODED

    def groups(
        self, signals: NDArray[np.int64] | None, window: Window | None, arrived: Window | None = None
    ) -> list[int]:
        """Row groups that may hold what is wanted; where an argument is absent, all pass.

        Args:
            signals: rising.
            window: of source time.
            arrived: window of arrival; passes all row groups of a segment without statistics of it.
        """
        fits = np.ones(len(self._rows), dtype=bool)
        if signals is not None:
            fits = signals.searchsorted(self._first) < signals.searchsorted(self._last, "right")
        for column, wanted in (("ts", window), ("arrival", arrived)):
            if wanted is not None:
                low, high = self._times(column)
                fits &= (high >= wanted.start) & (low < wanted.end)
        found: list[int] = np.flatnonzero(fits).tolist()
        return found

    def read(
        self, file: Opened, groups: Sequence[int], columns: Sequence[str], decoding: Callable[[int], None]
    ) -> pa.Table:
        """All rows of some row groups.

        Args:
            file: the segment, open.
            groups: their numbers, rising.
            columns: of `STORED`.
            decoding: is told of how many row groups.

        Raises:
            SegmentDamaged: they cannot be decoded.
        """
        decoding(len(groups))
        leaves = sorted(self._leaves[name] for name in columns)
        schema = pa.schema([STORED[self._kind].field(name) for name in columns])
        with _source(file) as source:
            try:
                # Read ahead by another thread, one row group of a file takes twice the processor time.
                parquet = pq.ParquetFile(
                    source, metadata=self._footer, pre_buffer=False, page_checksum_verification=True
                )
                # Straight to the reader: looking columns up by name costs as much as decoding them.
                table = parquet.reader.read_row_groups(groups, column_indices=leaves, use_threads=False)
                if not table.schema.equals(schema):
                    table = table.select(columns).cast(schema)
            except _UNREADABLE as error:
                raise SegmentDamaged(file.path, str(error)) from error
        if table.num_rows != int(self._rows[groups].sum()):
            raise SegmentDamaged(file.path, "it holds another number of rows than its footer says")
        return table

    def in_blocks(self, groups: Sequence[int], rows: int) -> Iterator[Sequence[int]]:
        """Row groups, so many at a time that they hold about so many rows."""
        share = max(1, rows // max(1, int(self._rows.max(initial=1))))
        for begin in range(0, len(groups), share):
            yield groups[begin : begin + share]

    def _times(self, column: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Range of each row group, µs; without end on both sides if nothing is known."""
        if column not in self._ranges:
            ever = np.full(len(self._rows), _EVER)
            self._ranges[column] = self._statistics(column) or (-ever, ever)
        return self._ranges[column]

    def _statistics(self, column: str) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Lowest and highest value of each row group, as Parquet keeps them; None if it has not all."""
        leaf = self._leaves[column]
        groups = range(self._footer.num_row_groups)
        found = [self._footer.row_group(group).column(leaf).statistics for group in groups]
        if not all(one is not None and one.has_min_max for one in found):
            return None
        low = np.array([one.min_raw for one in found], dtype=np.int64)
        return low, np.array([one.max_raw for one in found], dtype=np.int64)


def sliced(table: pa.Table, signals: NDArray[np.int64] | None, window: Window | None) -> pa.Table:
    """Rows of the signals (rising) in the window, of a table sorted by (signal, ts)."""
    if signals is not None and len(signals) <= _SLICES:
        return _few(table, signals, window)
    keep = np.ones(table.num_rows, dtype=bool)
    if signals is not None:
        number = table["signal"].to_numpy()
        keep &= signals[np.minimum(np.searchsorted(signals, number), len(signals) - 1)] == number
    if window is not None:
        ts = micros(table["ts"])
        keep &= (ts >= window.start) & (ts < window.end)
    return table if keep.all() else table.filter(pa.array(keep))


def _few(table: pa.Table, signals: NDArray[np.int64], window: Window | None) -> pa.Table:
    number = table["signal"].to_numpy()
    # As the same type, or numpy would convert the whole column for each question.
    wanted = signals.astype(number.dtype)
    lows = np.searchsorted(number, wanted).tolist()
    highs = np.searchsorted(number, wanted, "right").tolist()
    if window is not None:
        ts = micros(table["ts"])
        for at, (low, high) in enumerate(zip(lows, highs, strict=True)):
            first, last = np.searchsorted(ts[low:high], window).tolist()
            lows[at], highs[at] = low + first, low + last
    parts = [table.slice(low, high - low) for low, high in zip(lows, highs, strict=True) if high > low]
    if len(parts) == 1:
        return parts[0]
    return pa.concat_tables(parts) if parts else table.slice(0, 0)


def _source(file: Opened) -> pa.NativeFile:
    """The open file itself, whatever has its name by now."""
    return pa.OSFile(f"/dev/fd/{file.descriptor}")
