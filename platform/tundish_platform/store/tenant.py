"""One tenant's part of the store: buffer, segments, latest values. Knows nothing of other tenants."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, TypeVar

from tundish_platform.samples import SampleKind
from tundish_platform.store.rows import chosen, merged
from tundish_platform.store.segments.reader import FileVanished
from tundish_platform.store.write.buffer import Buffer, Gate
from tundish_platform.store.write.latest import LatestValues

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    import pyarrow as pa

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.segments.reader import SegmentReader
    from tundish_platform.store.segments.segment import SegmentFile

T = TypeVar("T")
_READ_TRIES: Final = 5


class TenantStore:
    """Buffer and segments of one tenant.

    Args:
        tenant_id: row number of the tenant.
        folder: the tenant's own folder.
        known: its segments.
        reader: reads them.
    """

    def __init__(
        self, tenant_id: int, folder: Path, known: Sequence[SegmentFile], reader: SegmentReader
    ) -> None:
        self.tenant_id = tenant_id
        self.folder = folder
        self.reader = reader
        # Passed from writing the log until the rows are in the buffer: a seal must not overtake an append.
        self.gate = Gate()
        self.seal_lock = threading.Lock()
        self._lock = threading.Lock()
        self._buffer = Buffer()
        self._sealing: Buffer | None = None
        self._segments = list(known)
        self._latest: LatestValues | None = None
        self._latest_lock = threading.Lock()

    def add(self, batches: Sequence[SampleBatch], sequences: Sequence[int]) -> None:
        """Make batches that are in the log visible to queries."""
        with self._lock:
            for batch, sequence in zip(batches, sequences, strict=True):
                table = self._buffer.add(batch, sequence)
                if self._latest is not None:
                    self._latest.update(batch.kind, table)

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

    def begin_seal(self) -> Buffer | None:
        """Put the buffer aside for sealing; it stays visible to queries. A failed seal is taken up again."""
        with self._lock:
            # By its first sequence, because batches without rows are in the log too.
            if self._sealing is None and self._buffer.first_sequence is not None:
                self._sealing, self._buffer = self._buffer, Buffer()
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
        self, kind: SampleKind, signals: Sequence[int], start: datetime | None, end: datetime | None
    ) -> pa.Table:
        """Rows of signals with ``start <= ts < end``, sorted by (signal, ts), each once."""

        def parts() -> list[pa.Table]:
            chunks, files = self._snapshot(kind)
            paths = [f.path for f in files if f.overlaps(start, end)]
            tables = [chosen(chunk, signals, start, end) for chunk in chunks]
            return [self.reader.rows(kind, paths, signals, start, end), *tables] if paths else tables

        return merged(self._consistently(parts), kind)

    def live_minutes(
        self, kind: SampleKind, signals: Sequence[int] | None, start: datetime, end: datetime
    ) -> tuple[list[pa.Table], pa.Table | None]:
        """Buffered rows of signals, and from segments the counts of `SegmentReader.live_minutes`."""

        def parts() -> tuple[list[pa.Table], pa.Table | None]:
            chunks, files = self._snapshot(kind)
            paths = [f.path for f in files if f.max_arrival >= start]
            counted = self.reader.live_minutes(paths, signals, start, end) if paths else None
            return [c if signals is None else chosen(c, signals) for c in chunks], counted

        return self._consistently(parts)

    def latest(self) -> LatestValues:
        """Newest sample of each signal; read from the segments once, then kept up to date by each append."""
        with self._latest_lock:
            if self._latest is None:
                try:
                    return self._consistently(self._load_latest)
                except BaseException:
                    self._latest = None
                    raise
            return self._latest

    def _load_latest(self) -> LatestValues:
        found = LatestValues()
        with self._lock:
            # From here on appends update it; whoever asks waits until the segments are read, too.
            self._latest = found
            snapshots = {kind: self._snapshot_locked(kind) for kind in SampleKind if kind != SampleKind.GAP}
        for kind, (chunks, files) in snapshots.items():
            for chunk in chunks:
                found.update(kind, chunk)
            if files:
                found.update(kind, self.reader.newest(kind, [f.path for f in files]))
        return found

    def _snapshot(self, kind: SampleKind) -> tuple[list[pa.Table], list[SegmentFile]]:
        with self._lock:
            return self._snapshot_locked(kind)

    def _snapshot_locked(self, kind: SampleKind) -> tuple[list[pa.Table], list[SegmentFile]]:
        buffers = [buffer for buffer in (self._sealing, self._buffer) if buffer is not None]
        chunks = [chunk for buffer in buffers for chunk in buffer.chunks.get(kind, [])]
        return chunks, [s for s in self._segments if s.kind is kind]

    def _consistently(self, parts: Callable[[], T]) -> T:
        """Read again if a merge took a file away between the snapshot and its reading."""
        for _ in range(_READ_TRIES):
            try:
                return parts()
            except FileVanished:
                continue
        return parts()
