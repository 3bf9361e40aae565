"""Rows that lie in the log and not yet in segments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tundish_platform.store.rows import merged
from tundish_platform.store.write.chunks import Chunk, Run, chunk_of, holds_numbers

if TYPE_CHECKING:
    import pyarrow as pa

    from tundish_platform.samples import SampleBatch, SampleKind
    from tundish_platform.store.segments.segment import SegmentFile

_SMALL_ROWS: Final = 1024
_CHUNKS_BEFORE_MERGE: Final = 64


@dataclass(slots=True)
class Buffer:
    """One tenant's rows by kind.

    Attributes:
        parts: by kind, in the order of the log.
        rows: in all of them, as they came in.
        nbytes: memory they take, roughly.
        first_sequence, last_sequence: lowest and highest log sequence inside.
        written: segments already written from it by a seal that could not be finished.
    """

    parts: dict[SampleKind, list[Chunk | Run]] = field(default_factory=dict)
    rows: int = 0
    nbytes: int = 0
    first_sequence: int | None = None
    last_sequence: int = 0
    written: list[SegmentFile] | None = None

    def add(self, batch: SampleBatch, sequence: int) -> None:
        """Take a batch in; its sequence is higher than all before."""
        parts = self.parts.setdefault(batch.kind, [])
        if len(batch) <= _SMALL_ROWS and holds_numbers(batch.kind):
            last = parts[-1] if parts else None
            if not isinstance(last, Run):
                last = Run(batch.kind)
                parts.append(last)
            last.add(batch)
        else:
            parts.append(chunk_of(batch))
            if len(batch) <= _SMALL_ROWS and len(parts) >= _CHUNKS_BEFORE_MERGE:
                parts[:] = _fewer(parts, batch.kind)
        self.rows += len(batch)
        self.nbytes += batch.table.nbytes
        self.first_sequence = self.first_sequence or sequence
        self.last_sequence = sequence

    def tables(self) -> dict[SampleKind, list[pa.Table]]:
        """All rows of each kind, `STORED` columns, in the order of the log."""
        return {kind: [part.rows() for part in parts] for kind, parts in self.parts.items()}


def _fewer(parts: list[Chunk | Run], kind: SampleKind) -> list[Chunk | Run]:
    """Merge the small ones at the end; the large ones before them stay, so that each row is merged seldom."""
    tail = 1
    total = len(parts[-1])
    while tail < len(parts) and len(parts[-tail - 1]) <= 2 * total:
        tail += 1
        total += len(parts[-tail])
    return [*parts[:-tail], Chunk(merged([part.rows() for part in parts[-tail:]], kind))]
