"""What the arithmetic asks of the store: raw rows, pieces of rollups, recorded gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from tundish_platform.store.rows import TIMESTAMP, by_signal, micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_platform.samples import SampleKind

_MOST_READS = 64


class Pieces(Protocol):
    """Rows by signal that were read, and may not have been decoded yet."""

    num_rows: int

    def table(self) -> pa.Table:
        """All of them."""
        ...

    def of(self, first: int, last: int, columns: Sequence[str]) -> Columns:
        """Some columns of those of signals from the first to the last one."""
        ...


class Columns(Protocol):
    """Columns of rows, each made when it is asked for."""

    num_rows: int

    def numbers(self, name: str, rows: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """A column, or some rows of it; NaN where it is null, times in µs since 1970. Not to be changed."""
        ...


class TableColumns:
    """`Columns` of a table."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.num_rows: int = table.num_rows

    def numbers(self, name: str, rows: NDArray[np.int64] | None = None) -> NDArray[Any]:
        """A column, or some rows of it; NaN where it is null, times in µs since 1970."""
        column = self._table[name]
        found: NDArray[Any] = (
            micros(column) if column.type == TIMESTAMP else column.to_numpy(zero_copy_only=False)
        )
        return found if rows is None else found[rows]


class Whole:
    """`Pieces` that are a table.

    Args:
        table: in any order.
    """

    def __init__(self, table: pa.Table) -> None:
        number = table["signal"].to_numpy()
        if not (number[1:] >= number[:-1]).all():
            order = by_signal(number)
            table, number = table.combine_chunks().take(pa.array(order)), number[order]
        self._table, self._number = table, number
        self.num_rows: int = table.num_rows

    def table(self) -> pa.Table:
        """All of it."""
        return self._table

    def of(self, first: int, last: int, columns: Sequence[str]) -> TableColumns:
        """Those of signals from the first to the last one."""
        del columns
        return TableColumns(self.slice(first, last))

    def slice(self, first: int, last: int) -> pa.Table:
        """The same as a table."""
        # As the same type, or numpy would convert the whole column for each question.
        kind = self._number.dtype.type
        low, high = self._number.searchsorted(kind(first)), self._number.searchsorted(kind(last), "right")
        return self._table.slice(low, high - low)


def together(pieces: Sequence[Pieces]) -> pa.Table:
    """All rows in one table, in any order."""
    return pieces[0].table() if len(pieces) == 1 else pa.concat_tables([piece.table() for piece in pieces])


class Source(Protocol):
    """One tenant's data, segments and buffer together. All times are µs since 1970, UTC."""

    def raw(self, kind: SampleKind, signals: Sequence[int], start_us: int, end_us: int) -> pa.Table:
        """Rows with ``start <= ts < end``, at least ``signal, ts, value, status``.

        Sorted by (signal, ts), each (signal, ts) once: the last written holds.
        """

    def only_rolled_up(self, kind: SampleKind, start_us: int, end_us: int) -> bool:
        """Whether retention has left only rollups of some rows with ``start <= ts < end``."""

    def pieces(
        self, width_us: int, signals: Sequence[int], start_us: int, end_us: int, columns: Sequence[str]
    ) -> Sequence[Pieces]:
        """Columns of `ROLLUP_SCHEMA` rows whose buckets overlap ``[start, end)``; at least one, maybe empty.

        Of every segment and of the buffer: a bucket may come in several pieces, and pieces may overlap.
        Numeric and integer signals have the level of 3,600 s wherever they have rows; finer levels may be
        missing for some of them.
        """

    def gaps(self, signals: Sequence[int], start_us: int, end_us: int) -> pa.Table:
        """Recorded gaps that overlap ``[start, end)``: at least ``signal, ts, end``, in any order."""

    def before(self, kind: SampleKind, signals: Sequence[int], at_us: int) -> pa.Table:
        """The newest row of each signal with ``ts < at``, as `raw`; none for signals without one."""


Rectangle = tuple["NDArray[np.int64]", int, int]
"""Ranks of signals, start and end in µs: what one call reads."""


def rectangles(rank: NDArray[np.int64], start: NDArray[np.int64], width_us: int) -> list[Rectangle]:
    """Few reads that cover all stretches ``[start, start + width)`` of signals.

    Stretches of the same signals that follow each other become one read. Where that leaves too many,
    neighbours in time are read together, and with them some rows that nobody asked for.
    """
    if not len(rank):
        return []
    order = np.lexsort((rank, start))
    rank, start = rank[order], start[order]
    edges = np.flatnonzero(np.append(True, start[1:] != start[:-1]))
    joined: list[Rectangle] = []
    for members, begin in zip(np.split(rank, edges[1:]), start[edges].tolist(), strict=True):
        if joined and joined[-1][2] == begin and np.array_equal(joined[-1][0], members):
            joined[-1] = (members, joined[-1][1], begin + width_us)
        else:
            joined.append((members, begin, begin + width_us))
    share = -(-len(joined) // _MOST_READS)
    if share <= 1:
        return joined
    return [
        (np.unique(np.concatenate([r[0] for r in some])), some[0][1], some[-1][2])
        for some in (joined[i : i + share] for i in range(0, len(joined), share))
    ]
