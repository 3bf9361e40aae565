"""One tenant's part of the store: buffer, segments, latest values. Knows nothing of other tenants."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tundish_platform.store import segments
from tundish_platform.store.latest import LatestValues
from tundish_platform.store.rows import STORED, chosen, merged, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from tundish_platform.samples import SampleBatch, SampleKind
    from tundish_platform.store.segments import SegmentFile

_CHUNKS_BEFORE_MERGE = 64
_READ_TRIES = 5


@dataclass(slots=True)
class Buffered:
    """Rows that lie in the log and not yet in segments."""

    chunks: dict[SampleKind, list[pa.Table]] = field(default_factory=dict)
    rows: int = 0
    first_sequence: int | None = None
    last_sequence: int = 0

    def add(self, batch: SampleBatch, sequence: int) -> pa.Table:
        """Take a batch in; many small ones are put together, so that queries stay quick."""
        table = stored(batch, sequence)
        chunks = self.chunks.setdefault(batch.kind, [])
        chunks.append(table)
        if len(chunks) >= _CHUNKS_BEFORE_MERGE:
            chunks[:] = _fewer(chunks, batch.kind)
        self.rows += len(batch)
        self.first_sequence = sequence if self.first_sequence is None else self.first_sequence
        self.last_sequence = sequence
        return table


def _fewer(chunks: list[pa.Table], kind: SampleKind) -> list[pa.Table]:
    """Merge the small ones at the end; the large ones before them stay, so that each row is merged seldom."""
    tail = 1
    total = chunks[-1].num_rows
    while tail < len(chunks) and chunks[-tail - 1].num_rows <= 2 * total:
        tail += 1
        total += chunks[-tail].num_rows
    return [*chunks[:-tail], merged(chunks[-tail:], kind)]


class TenantStore:
    """Buffer and segments of one tenant.

    Args:
        tenant_id: row number of the tenant.
        folder: the tenant's own folder.
        known: its segments.
    """

    def __init__(self, tenant_id: int, folder: Path, known: Sequence[SegmentFile]) -> None:
        self.tenant_id = tenant_id
        self.folder = folder
        # Held from writing the log until the rows are in the buffer: a seal must not overtake an append.
        self.append_lock = threading.Lock()
        self.seal_lock = threading.Lock()
        self._lock = threading.Lock()
        self._buffer = Buffered()
        self._sealing: Buffered | None = None
        self._segments = list(known)
        self._latest: LatestValues | None = None
        self._latest_lock = threading.Lock()

    def add(self, batches: Sequence[SampleBatch], sequences: Sequence[int]) -> None:
        """Make batches that are in the log visible to queries."""
        with self._lock:
            tables = [
                (batch.kind, self._buffer.add(batch, sequence))
                for batch, sequence in zip(batches, sequences, strict=True)
            ]
            if self._latest is not None:
                for kind, table in tables:
                    self._latest.update(kind, table)

    def buffered_rows(self) -> int:
        """Rows that are not in segments yet."""
        with self._lock:
            return self._buffer.rows + (self._sealing.rows if self._sealing else 0)

    def first_unsealed(self) -> int | None:
        """Lowest log sequence that recovery would need, or None."""
        with self._lock:
            found = [b.first_sequence for b in (self._sealing, self._buffer) if b is not None]
        return min((s for s in found if s is not None), default=None)

    def segments(self) -> list[SegmentFile]:
        """The tenant's segments at this moment."""
        with self._lock:
            return list(self._segments)

    def begin_seal(self) -> Buffered | None:
        """Put the buffer aside for sealing; it stays visible to queries. A failed seal is taken up again."""
        with self._lock:
            if self._sealing is None and self._buffer.rows:
                self._sealing, self._buffer = self._buffer, Buffered()
            return self._sealing

    def end_seal(self, written: Sequence[SegmentFile]) -> None:
        """Swap what was put aside for the segments it became."""
        with self._lock:
            self._segments += written
            self._sealing = None

    def replace(self, old: Sequence[SegmentFile], new: SegmentFile) -> None:
        """Swap segments for the one they were merged into."""
        with self._lock:
            self._segments = [s for s in self._segments if s not in old] + [new]

    def read(
        self,
        kind: SampleKind,
        signals: Sequence[int],
        start: datetime | None,
        end: datetime | None,
    ) -> pa.Table:
        """Rows of signals with ``start <= ts < end``, sorted by (signal, ts), each once."""

        def parts() -> list[pa.Table]:
            chunks, files = self._snapshot(kind)
            tables = [
                segments.read(self.folder / f.path, kind, signals, start, end)
                for f in files
                if f.overlaps(start, end)
            ]
            return tables + [chosen(chunk, signals, start, end) for chunk in chunks]

        return merged(self._consistently(parts), kind)

    def arrivals(self, kind: SampleKind, signals: Sequence[int], since: datetime) -> list[pa.Table]:
        """All rows that arrived since an instant, and some older, without their values."""
        columns = ["signal", "ts", "arrival", "status", "live"]

        def parts() -> list[pa.Table]:
            chunks, files = self._snapshot(kind)
            tables = [
                segments.read(self.folder / f.path, kind, signals, None, None, columns)
                for f in files
                if f.max_arrival >= since
            ]
            return tables + [chosen(chunk.select(columns), signals) for chunk in chunks]

        return [t for t in self._consistently(parts) if t.num_rows]

    def latest(self) -> LatestValues:
        """Newest sample of each signal; read from the segments once, then kept up to date by each append."""
        with self._latest_lock:
            if self._latest is None:
                self._load_latest()
            assert self._latest is not None  # noqa: S101 - just loaded; tells the type checker
            return self._latest

    def _load_latest(self) -> None:
        found = LatestValues()
        for segment in self.segments():
            table = segments.read(self.folder / segment.path, segment.kind, None, None, None)
            found.update(segment.kind, table)
        with self._lock:
            for buffer in (self._sealing, self._buffer):
                for kind, chunks in buffer.chunks.items() if buffer else ():
                    for chunk in chunks:
                        found.update(kind, chunk)
            self._latest = found

    def _snapshot(self, kind: SampleKind) -> tuple[list[pa.Table], list[SegmentFile]]:
        with self._lock:
            chunks = [
                chunk
                for buffer in (self._sealing, self._buffer)
                if buffer is not None
                for chunk in buffer.chunks.get(kind, [])
            ]
            return chunks, [s for s in self._segments if s.kind is kind]

    def _consistently(self, parts: Callable[[], list[pa.Table]]) -> list[pa.Table]:
        """Read again if a merge took a file away between the snapshot and its reading."""
        for _ in range(_READ_TRIES):
            try:
                return parts()
            except FileNotFoundError:
                continue
        return parts()


def rows_by_kind(buffer: Buffered) -> dict[SampleKind, pa.Table]:
    """A buffer's rows, sorted and each once."""
    return {kind: merged(chunks, kind) for kind, chunks in buffer.chunks.items() if kind in STORED}
