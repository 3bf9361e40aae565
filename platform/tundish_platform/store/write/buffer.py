"""Rows that lie in the log and not yet in segments, and the gate that keeps sealing and appending in step."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tundish_platform.store.rows import merged, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tundish_platform.samples import SampleBatch, SampleKind
    from tundish_platform.store.segments.segment import SegmentFile

_CHUNKS_BEFORE_MERGE: Final = 64


class Gate:
    """Many may pass at once; who shuts it waits until all are through and keeps others out meanwhile."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._shut = False

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Be inside."""
        with self._changed:
            self._changed.wait_for(lambda: not self._shut)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Nobody else is inside."""
        with self._changed:
            self._changed.wait_for(lambda: not self._shut)
            self._shut = True
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()


@dataclass(slots=True)
class Buffer:
    """One tenant's rows by kind.

    Attributes:
        chunks: by kind, `STORED` tables.
        rows: in all of them, as they came in.
        first_sequence, last_sequence: lowest and highest log sequence inside.
        written: segments already written from it by a seal that could not be finished.
    """

    chunks: dict[SampleKind, list[pa.Table]] = field(default_factory=dict)
    rows: int = 0
    first_sequence: int | None = None
    last_sequence: int = 0
    written: list[SegmentFile] | None = None

    def add(self, batch: SampleBatch, sequence: int) -> pa.Table:
        """Take a batch in; many small ones are put together, so that queries stay quick."""
        table = stored(batch, sequence)
        chunks = self.chunks.setdefault(batch.kind, [])
        chunks.append(table)
        if len(chunks) >= _CHUNKS_BEFORE_MERGE:
            chunks[:] = _fewer(chunks, batch.kind)
        self.rows += len(batch)
        # Threads may come here in another order than they came through the log.
        first = sequence if self.first_sequence is None else self.first_sequence
        self.first_sequence = min(first, sequence)
        self.last_sequence = max(self.last_sequence, sequence)
        return table

    def merged(self) -> dict[SampleKind, pa.Table]:
        """The rows of each kind, sorted and each once."""
        return {kind: merged(chunks, kind) for kind, chunks in self.chunks.items()}


def _fewer(chunks: list[pa.Table], kind: SampleKind) -> list[pa.Table]:
    """Merge the small ones at the end; the large ones before them stay, so that each row is merged seldom."""
    tail = 1
    total = chunks[-1].num_rows
    while tail < len(chunks) and chunks[-tail - 1].num_rows <= 2 * total:
        tail += 1
        total += chunks[-tail].num_rows
    return [*chunks[:-tail], merged(chunks[-tail:], kind)]
