"""The reading half of one tenant's part of the store: segments, first level and buffer as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import pyarrow as pa

from tundish_platform.samples import SampleKind
from tundish_platform.store.query import budget
from tundish_platform.store.query.source import Whole
from tundish_platform.store.rows import EARLIEST, LATEST, STORED, merged
from tundish_platform.store.segments.handles import FileVanished, SegmentDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_platform.store.query.source import Pieces
    from tundish_platform.store.segments.reader import SegmentReader
    from tundish_platform.store.segments.segment import SegmentFile

T = TypeVar("T")
_READ_TRIES: Final = 5
_US: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is of one kind at one instant.

    Attributes:
        files: segments, oldest sequence first; damaged ones are not among them.
        tables: rows that are newer than all of them, `STORED` columns, oldest first.
        damaged: segments whose rows cannot be read.
        expired: segments of which retention has left only the rollups.
    """

    files: Sequence[SegmentFile] = ()
    tables: Sequence[pa.Table] = ()
    damaged: Sequence[SegmentFile] = field(default_factory=tuple)
    expired: Sequence[SegmentFile] = ()


class TenantReading(ABC):
    """One tenant's rows, wherever they lie.

    Attributes:
        tenant_id: row number of the tenant.
        reader: of the tenant's segments.
    """

    tenant_id: int
    reader: SegmentReader

    @abstractmethod
    def snapshot(
        self, kind: SampleKind, signals: Sequence[int] | None, start: datetime | None, end: datetime | None
    ) -> Snapshot:
        """Segments that may hold rows with ``start <= ts < end``, and the newer rows that do."""

    @abstractmethod
    def latest(self, signals: Sequence[int] | None) -> pa.Table:
        """Newest sample of each signal, `LATEST_SCHEMA`; of all signals for None."""

    @abstractmethod
    def report_damaged(self, file: str) -> None:
        """A segment could not be read: put it aside and name it; the next snapshot has it as damaged."""

    def read(
        self,
        kind: SampleKind,
        signals: Sequence[int] | None,
        start: datetime | None,
        end: datetime | None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rows with ``start <= ts < end``, sorted by (signal, ts), each once.

        Args:
            kind: of the rows.
            signals: whose; all for None.
            start: the beginning of time for None.
            end: the end of time for None.
            columns: of `STORED`; all for None. The fewer, the less is decoded.
        """
        names = STORED[kind].names if columns is None else list(columns)

        def parts() -> list[pa.Table]:
            found = self.snapshot(kind, signals, start, end)
            sealed = self.reader.rows(kind, found.files, signals, start, end, names)
            return [*sealed, *(table.select(names) for table in found.tables)]

        table = merged(self.consistently(parts), kind)
        return table if table.num_rows else table.select(names)

    def pieces(
        self,
        kind: SampleKind,
        buckets: tuple[int, int, int],
        signals: Sequence[int],
        columns: Sequence[str],
        rolled: Callable[[Sequence[pa.Table]], pa.Table],
    ) -> list[Pieces]:
        """Rollups of buckets: of each segment, and of the newer rows together.

        Args:
            kind: of the rows.
            buckets: their width, where the first begins and where the last ends, µs.
            signals: whose.
            columns: of `ROLLUP_SCHEMA`.
            rolled: makes rollups of rows.
        """
        width_us, start_us, end_us = buckets

        def parts() -> list[Pieces]:
            found = self.snapshot(kind, signals, as_instant(start_us), as_instant(end_us))
            files = [*found.files, *found.expired]
            sealed = self.reader.gathered(width_us, files, signals, start_us, end_us, columns)
            return [*sealed, Whole(rolled(found.tables))]

        return self.consistently(parts)

    def newest_before(self, kind: SampleKind, signals: Sequence[int], before: datetime) -> pa.Table:
        """The newest row of each signal with ``ts < before``."""

        def parts() -> list[pa.Table]:
            found = self.snapshot(kind, signals, None, before)
            return [*self.reader.newest(kind, found.files, signals, before), *found.tables]

        table = merged(self.consistently(parts), kind)
        signal = table["signal"].to_numpy()
        last = np.flatnonzero(np.append(signal[1:] != signal[:-1], True)[: len(signal)])
        return table.take(pa.array(last))

    def only_rolled_up(self, kind: SampleKind, start: datetime, end: datetime) -> bool:
        """Whether retention has left only rollups of some rows with ``start <= ts < end``."""
        return bool(self.snapshot(kind, (), start, end).expired)

    def damaged(self, start: datetime | None, end: datetime | None) -> list[SegmentFile]:
        """Segments with samples between two instants that cannot be read."""
        kinds = [kind for kind in SampleKind if kind is not SampleKind.GAP]
        return [file for kind in kinds for file in self.snapshot(kind, (), start, end).damaged]

    def live_minutes(
        self, kind: SampleKind, signals: Sequence[int] | None, start: datetime, end: datetime
    ) -> tuple[list[pa.Table], pa.Table | None]:
        """Rows outside segments, and from segments the counts of `SegmentReader.live_minutes`."""

        def parts() -> tuple[list[pa.Table], pa.Table | None]:
            found = self.snapshot(kind, signals, None, None)
            files = [file for file in found.files if file.max_arrival >= start]
            counted = self.reader.live_minutes(files, signals, start, end) if files else None
            return list(found.tables), counted

        return self.consistently(parts)

    def consistently(self, parts: Callable[[], T]) -> T:
        """What `parts` gives; read again if a file was taken away meanwhile, or without one found damaged."""
        vanished: set[str] = set()
        for _ in range(_READ_TRIES):
            budget.check()
            try:
                return parts()
            except FileVanished as problem:
                # A merge takes a file away once; one that stays named and is not there is missing.
                if problem.path in vanished:
                    self._report(problem.path)
                vanished.add(problem.path)
            except SegmentDamaged as problem:
                self._report(problem.path)
        return parts()

    def _report(self, path: str) -> None:
        self.report_damaged(path.removeprefix(f"{self.reader.folder}/"))


def as_numbers(signals: Sequence[int] | None) -> NDArray[np.uint32] | None:
    """Signals as rising numbers."""
    return None if signals is None else np.unique(np.fromiter(signals, dtype=np.uint32, count=len(signals)))


def as_instant(at_us: int) -> datetime:
    """µs since 1970 as a time, within what the store takes."""
    return min(EARLIEST + max(at_us, 0) * _US, LATEST)


def as_micros(instant: datetime | None) -> int | None:
    """µs since 1970."""
    return None if instant is None else (instant - EARLIEST) // _US
