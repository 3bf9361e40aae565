"""Merging sorted runs as a stream: memory holds a piece of each run, however long the runs are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tundish_platform.store.query.rollup import ROLLUP_SCHEMA
from tundish_platform.store.rows import micros
from tundish_platform.store.segments.beside import Memory
from tundish_platform.store.segments.pieces import gathered, part
from tundish_platform.store.segments.rollupfile import decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PIECE: Final = 1 << 16
_END_US: Final = 2**62


class _Run:
    """One run: what of its current piece is still to come."""

    def __init__(self, pieces: Iterable[pa.Table]) -> None:
        self._pieces = iter(pieces)
        self.ended = False
        self.refill()

    def refill(self) -> None:
        """Take the next piece that has rows."""
        for piece in self._pieces:
            if piece.num_rows:
                self.table = piece
                self._signal = piece["signal"].to_numpy()
                self._ts = micros(piece["ts"])
                return
        self.ended = True

    @property
    def last(self) -> tuple[int, int]:
        """Key of the current piece's last row."""
        return int(self._signal[-1]), int(self._ts[-1])

    def cut(self, upto: tuple[int, int]) -> pa.Table:
        """Take the rows up to a key, itself included."""
        signal, ts = upto
        low = int(np.searchsorted(self._signal, signal, "left"))
        high = int(np.searchsorted(self._signal, signal, "right"))
        at = low + int(np.searchsorted(self._ts[low:high], ts, "right"))
        taken, self.table = self.table.slice(0, at), self.table.slice(at)
        self._signal, self._ts = self._signal[at:], self._ts[at:]
        if not self.table.num_rows:
            self.refill()
        return taken


def merged_runs(runs: Iterable[Iterable[pa.Table]], *, once: bool = True) -> Iterator[pa.Table]:
    """Rows of all runs by (signal, ts), piece by piece.

    Args:
        runs: each in pieces, sorted by (signal, ts) throughout; what was written last comes last.
        once: of rows with the same (signal, ts) only that of the last run; otherwise all of them.
    """
    live = [run for run in (_Run(pieces) for pieces in runs) if not run.ended]
    while live:
        # Up to here every run is known: none can bring anything smaller any more.
        upto = min(run.last for run in live)
        parts = [run.cut(upto) for run in live]
        live = [run for run in live if not run.ended]
        yield _together([part for part in parts if part.num_rows], once=once)


def sorted_run(table: pa.Table, *, once: bool = True) -> Iterator[pa.Table]:
    """A table in memory as a run; of equal (signal, ts) the row further down holds."""
    if table.num_rows:
        yield _sorted(table, once=once)


def file_run(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """A sorted Parquet file as a run, with some columns or all."""
    with pq.ParquetFile(path, memory_map=False, pre_buffer=False) as file:
        for piece in file.iter_batches(
            PIECE, columns=None if columns is None else list(columns), use_threads=False
        ):
            yield pa.Table.from_batches([piece])


def rollup_run(path: Path, width_us: int) -> Iterator[pa.Table]:
    """Rollups of a width in a rollup file as a run; none where it has no such level.

    Raises:
        ValueError: it is not what was written.
    """
    content = path.read_bytes()
    level = decoded(content).get(width_us)
    found = None if level is None else part(Memory(content), level, None, 0, _END_US)
    if found is not None:
        yield gathered([found], ROLLUP_SCHEMA.names)


def _together(parts: Sequence[pa.Table], *, once: bool) -> pa.Table:
    return parts[0] if len(parts) == 1 else _sorted(pa.concat_tables(parts), once=once)


def _sorted(table: pa.Table, *, once: bool) -> pa.Table:
    signal, ts = table["signal"].to_numpy(), micros(table["ts"])
    order: NDArray[np.int64] = np.lexsort((ts, signal))
    if once:
        signal, ts = signal[order], ts[order]
        order = order[np.append((signal[1:] != signal[:-1]) | (ts[1:] != ts[:-1]), True)]
    return table.take(pa.array(order))
