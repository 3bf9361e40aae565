"""One tenant's segments, first level and buffer as the arithmetic's `Source`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from tundish_platform.store.query.rollup import ROLLUP_SCHEMA, rollup
from tundish_platform.store.reading import as_instant
from tundish_platform.store.rows import merged
from tundish_platform.store.segments.rollups import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tundish_platform.samples import SampleKind
    from tundish_platform.store.query.source import Pieces
    from tundish_platform.store.reading import TenantReading


SAMPLE = ("signal", "ts", "value", "status")
"""Columns that arithmetic needs."""


class TenantSource:
    """`Source` over one tenant's rows.

    Args:
        store: the tenant's part of the store.
        recorded: recorded gaps of signals that overlap a window.
        columns: of raw rows; all for None.
    """

    def __init__(
        self,
        store: TenantReading,
        recorded: Callable[[Sequence[int], datetime, datetime], pa.Table],
        columns: Sequence[str] | None = SAMPLE,
    ) -> None:
        self._store = store
        self._recorded = recorded
        self._columns = columns

    def raw(self, kind: SampleKind, signals: Sequence[int], start_us: int, end_us: int) -> pa.Table:
        """Rows with ``start <= ts < end``, sorted by (signal, ts), each once."""
        return self._store.read(kind, signals, as_instant(start_us), as_instant(end_us), self._columns)

    def only_rolled_up(self, kind: SampleKind, start_us: int, end_us: int) -> bool:
        """Whether only rollups are left of some rows with ``start <= ts < end``."""
        return self._store.only_rolled_up(kind, as_instant(start_us), as_instant(end_us))

    def pieces(
        self, width_us: int, signals: Sequence[int], start_us: int, end_us: int, columns: Sequence[str]
    ) -> list[Pieces]:
        """Rollups of all segments, and of the rows that are in none yet."""
        buckets = (width_us, start_us // width_us * width_us, -(-end_us // width_us) * width_us)
        found = [
            piece
            for kind in KINDS
            for piece in self._store.pieces(kind, buckets, signals, columns, _rolled(kind, width_us, columns))
        ]
        # One at least, so that whoever puts them together has its columns.
        return [piece for piece in found if piece.num_rows] or found[:1]

    def gaps(self, signals: Sequence[int], start_us: int, end_us: int) -> pa.Table:
        """Recorded gaps that overlap ``[start, end)``."""
        return self._recorded(signals, as_instant(start_us), as_instant(end_us))

    def before(self, kind: SampleKind, signals: Sequence[int], at_us: int) -> pa.Table:
        """The newest row of each signal with ``ts < at``."""
        return self._store.newest_before(kind, signals, as_instant(at_us))


def _rolled(
    kind: SampleKind, width_us: int, columns: Sequence[str]
) -> Callable[[Sequence[pa.Table]], pa.Table]:
    none = pa.schema([ROLLUP_SCHEMA.field(name) for name in columns]).empty_table()

    def rolled(tables: Sequence[pa.Table]) -> pa.Table:
        if not tables:
            return none
        return rollup(merged(tables, kind), width_us).select(columns)

    return rolled
