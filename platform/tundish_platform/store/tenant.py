"""One tenant's part of the store in the writer: buffer, first level, segments, latest values."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from tundish_platform.samples import CodecError, SampleKind, decode_batch
from tundish_platform.store.reading import Snapshot, TenantReading, as_micros, as_numbers
from tundish_platform.store.write.buffer import Buffer
from tundish_platform.store.write.latest import LatestValues

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import pyarrow as pa
    from numpy.typing import NDArray

    from tundish_platform.samples import SampleBatch
    from tundish_platform.store.segments.reader import SegmentReader
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.store.write.firstlevel import FirstLevelPart


class TenantStore(TenantReading):
    """Everything of one tenant. Nothing of the disk is touched until somebody asks.

    Args:
        tenant_id: row number of the tenant.
        slug: its short name.
        reader: reads its segments.
        known: looks its segments up.
        damage: told a segment that cannot be read.
        first_level: its rows in shared files, oldest first.
    """

    def __init__(
        self,
        tenant_id: int,
        slug: str,
        reader: SegmentReader,
        known: Callable[[TenantStore], list[SegmentFile]],
        damage: Callable[[TenantStore, str], None],
        first_level: Sequence[FirstLevelPart] = (),
    ) -> None:
        self.tenant_id = tenant_id
        self.slug = slug
        self.reader = reader
        self.seal_lock = threading.Lock()
        self.used = time.monotonic()
        self._closed = False
        self._known = known
        self._damage = damage
        self._lock = threading.Lock()
        self._buffer = Buffer()
        self._sealing: Buffer | None = None
        self._first_level = list(first_level)
        self._segments: list[SegmentFile] | None = None
        self._latest: LatestValues | None = None
        self._latest_missed: list[SampleBatch] | None = None
        self._forgotten = 0
        self._latest_lock = threading.Lock()
        self._undecoded: list[tuple[int, bytes]] = []
        self.problems: list[str] = []

    def add(self, batches: Sequence[SampleBatch], sequences: Sequence[int]) -> bool:
        """Make batches that are in the log visible to queries; called in the order of the log.

        Returns:
            False if this object was let go meanwhile; another one has to take them.
        """
        with self._lock:
            if self._closed:
                return False
            self._decode_locked()
            for batch, sequence in zip(batches, sequences, strict=True):
                self._buffer.add(batch, sequence)
                if self._latest is not None:
                    self._latest.update(batch.kind, batch.table, batch.arrival)
                elif self._latest_missed is not None:
                    self._latest_missed.append(batch)
        return True

    def add_record(self, sequence: int, payload: bytes) -> None:
        """Take in what recovery found in the log; decoded when somebody asks, so that a start is quick."""
        with self._lock:
            self._undecoded.append((sequence, payload))

    @property
    def buffered_rows(self) -> int:
        """Rows that are not in segments yet."""
        with self._lock:
            self._decode_locked()
            sealing = self._sealing.rows if self._sealing else 0
            return self._buffer.rows + sealing + sum(part.rows for part in self._first_level)

    @property
    def unsealed_rows(self) -> int:
        """Rows that would come into segments of their own; what is undecoded counts as one a record."""
        sealing = self._sealing.rows if self._sealing else 0
        return self._buffer.rows + sealing + len(self._undecoded)

    @property
    def first_level_rows(self) -> int:
        """Rows in the first level."""
        return sum(part.rows for part in self._first_level)

    @property
    def half_sealed(self) -> bool:
        """Whether a seal has written its files and could not be finished."""
        sealing = self._sealing
        return sealing is not None and sealing.written is not None

    @property
    def nbytes(self) -> int:
        """Memory of the rows, roughly."""
        sealing = self._sealing.nbytes if self._sealing else 0
        return self._buffer.nbytes + sealing + sum(len(payload) for _, payload in self._undecoded)

    def close_if_idle(self, since: float) -> bool:
        """Let this object go if it holds no rows and nobody asked it since; it takes none from then on."""
        if not self.seal_lock.acquire(blocking=False):
            return False
        try:
            with self._lock:
                holds = (
                    self._buffer.rows
                    or self._sealing
                    or self._undecoded
                    or self._first_level
                    or self.problems
                )
                self._closed = self._closed or not (holds or self.used > since)
                return self._closed
        finally:
            self.seal_lock.release()

    def first_unsealed(self) -> int | None:
        """Lowest log sequence that recovery would need, or None."""
        with self._lock:
            found = [b.first_sequence for b in (self._sealing, self._buffer) if b is not None]
            found += [self._undecoded[0][0]] if self._undecoded else []
        return min((s for s in found if s is not None), default=None)

    def segments(self) -> list[SegmentFile]:
        """The tenant's segments at this moment."""
        with self._lock:
            return list(self._segments_locked())

    def forget_segments(self) -> None:
        """Look them up again at the next question."""
        with self._lock:
            self._segments = None
            self._latest = None
            self._forgotten += 1

    def empty(self) -> None:
        """Drop all rows and take none from now on; call it with `seal_lock` held."""
        with self._lock:
            self._closed = True
            self._buffer, self._sealing = Buffer(), None
            self._first_level, self._undecoded = [], []
            self._segments, self._latest = [], None

    def parts_in(self, file: str) -> list[FirstLevelPart]:
        """The tenant's parts in a file of the first level."""
        return [part for part in self._first_level if part.file == file]

    def begin_seal(self) -> tuple[Buffer, list[FirstLevelPart]]:
        """Put all rows aside for sealing; they stay visible. A seal that failed is taken up again."""
        with self._lock:
            self._decode_locked()
            # By its first sequence, because batches without rows are in the log too.
            if self._sealing is None and (self._buffer.first_sequence is not None or self._first_level):
                self._sealing, self._buffer = self._buffer, Buffer()
            return self._sealing or Buffer(), list(self._first_level)

    def begin_spill(self) -> Buffer | None:
        """Put the buffer aside for the first level; None if there is nothing, or a seal to be finished."""
        with self._lock:
            self._decode_locked()
            if self._sealing is None and self._buffer.first_sequence is not None:
                self._sealing, self._buffer = self._buffer, Buffer()
            sealing = self._sealing
            return None if sealing is None or sealing.written is not None or not sealing.rows else sealing

    def end_seal(self, written: Sequence[SegmentFile], parts: Sequence[FirstLevelPart]) -> None:
        """Swap what was put aside for the segments it became."""
        with self._lock:
            if self._segments is not None:
                self._segments += written
            self._sealing = None
            self._first_level = [part for part in self._first_level if part not in parts]

    def end_spill(self, parts: Sequence[FirstLevelPart]) -> None:
        """Swap what was put aside for the tenant's parts of the first level."""
        with self._lock:
            self._sealing = None
            self._first_level += parts

    def replace(self, old: Sequence[SegmentFile], new: Sequence[SegmentFile]) -> None:
        """Swap segments for those they became; the new ones take the place of the last old one."""
        with self._lock:
            kept = [s for s in self._segments_locked() if s not in old]
            self._segments = sorted([*kept, *new], key=lambda segment: segment.max_sequence)

    def snapshot(
        self, kind: SampleKind, signals: Sequence[int] | None, start: datetime | None, end: datetime | None
    ) -> Snapshot:
        """Segments that may hold rows with ``start <= ts < end``, and the newer rows that do."""
        self.used = time.monotonic()
        with self._lock:
            self._decode_locked()
            known = [s for s in self._segments_locked() if s.kind is kind and s.overlaps(start, end)]
            parts: list[Any] = [part.chunk() for part in self._first_level if part.kind is kind]
            for buffer in (self._sealing, self._buffer):
                parts += [] if buffer is None else buffer.parts.get(kind, [])
        wanted: NDArray[Any] | None = as_numbers(signals)
        first, last = as_micros(start), as_micros(end)
        tables = [part.chosen(wanted, first, last) for part in parts]
        whole = [segment for segment in known if not segment.damaged]
        return Snapshot(
            [segment for segment in whole if not segment.expired],
            [table for table in tables if table is not None],
            [segment for segment in known if segment.damaged],
            [segment for segment in whole if segment.expired],
        )

    def report_damaged(self, file: str) -> None:
        """A segment could not be read: put it aside and name it."""
        self._damage(self, file)

    def latest(self, signals: Sequence[int] | None) -> pa.Table:
        """Newest sample of each signal; read from the segments once, then kept up to date by each append."""
        self.used = time.monotonic()
        with self._latest_lock:
            found = self._latest
            if found is None:
                try:
                    found = self.consistently(self._load_latest)
                finally:
                    # Locked: somebody may be about to add to it.
                    with self._lock:
                        self._latest_missed = None
        return found.table(signals)

    def _load_latest(self) -> LatestValues:
        found = LatestValues()
        with self._lock:
            self._latest_missed = []
            forgotten = self._forgotten
        for kind in SampleKind:
            if kind is not SampleKind.GAP:
                snapshot = self.snapshot(kind, None, None, None)
                for table in (*self.reader.newest(kind, snapshot.files), *snapshot.tables):
                    found.update(kind, table)
        with self._lock:
            # What came meanwhile may be among the rows already; told again it changes nothing.
            for batch in self._latest_missed:
                found.update(batch.kind, batch.table, batch.arrival)
            if forgotten == self._forgotten:
                # Otherwise it may stand on a segment that was put aside meanwhile.
                self._latest = found
        return found

    def _segments_locked(self) -> list[SegmentFile]:
        if self._segments is None:
            self._segments = self._known(self)
        return self._segments

    def _decode_locked(self) -> None:
        if not self._undecoded:
            return
        undecoded, self._undecoded = self._undecoded, []
        for sequence, payload in undecoded:
            try:
                self._buffer.add(decode_batch(payload), sequence)
            except CodecError as error:
                self.problems.append(f"record {sequence} in the log is no batch: {error}")
