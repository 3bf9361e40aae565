"""Reads a tenant's segments and the rollups beside them: what a question needs, from its own folder only."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import structlog

from tundish_platform.store.query import budget
from tundish_platform.store.query.rollup import HOUR_US, ROLLUP_SCHEMA
from tundish_platform.store.rows import STORED
from tundish_platform.store.segments import arrivals, beside, rollups
from tundish_platform.store.segments.groups import SegmentIndex, Window, sliced
from tundish_platform.store.segments.handles import (
    Files,
    FileVanished,
    OutsideFolder,
    Pool,
    SegmentDamaged,
)
from tundish_platform.store.segments.lasts import Lasts, last_rows, last_times
from tundish_platform.store.segments.pieces import Gathered, part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tundish_platform.samples import SampleKind
    from tundish_platform.store.segments.handles import Opened
    from tundish_platform.store.segments.pieces import Part
    from tundish_platform.store.segments.rollupfile import Content, Level
    from tundish_platform.store.segments.segment import SegmentFile

__all__ = ["FileVanished", "OutsideFolder", "Readers", "SegmentDamaged", "SegmentReader"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
_BEGINNING: Final = -(2**62)
_MOST_KNOWN: Final = 4096
_MOST_BYTES: Final = 256 * 1024 * 1024
# Files that one thread has open together: some months of days, whose rows are put in order together.
_AT_ONCE: Final = 128
_BLOCK_ROWS: Final = 256 * 1024

log = structlog.get_logger(__name__)


class Readers:
    """What readers of all tenants share: footers and indexes of files in use, within bounds.

    Args:
        most: files of which something is kept.
        most_bytes: of memory for that.
    """

    def __init__(self, most: int = _MOST_KNOWN, most_bytes: int = _MOST_BYTES) -> None:
        self.pool = Pool(most, most_bytes)
        self._decoded = 0
        self._lock = threading.Lock()

    @property
    def decoded_groups(self) -> int:
        """Row groups decoded so far."""
        return self._decoded

    def decoding(self, groups: int) -> None:
        """So many row groups are about to be decoded."""
        with self._lock:
            self._decoded += groups

    def of(self, folder: Path, local: Callable[[str], Path] | None = None) -> SegmentReader:
        """The reader of one tenant's folder."""
        return SegmentReader(folder, self, local)

    def close(self) -> None:
        """Forget all files."""
        self.pool.clear()


class SegmentReader:
    """What the store asks of one tenant's segments.

    Args:
        folder: the tenant's own; nothing outside is ever read.
        readers: shared by all tenants.
        local: finds a file below `folder` by the path that the manifest gives it, fetching it if need be;
            raises `FileNotFoundError` if there is none. Without it, files lie in `folder` itself.

    Raises:
        FileVanished: by all methods, if a segment is gone; a merge may have replaced it meanwhile.
        SegmentDamaged: by all methods, if a segment is not what was written.
        OutsideFolder: by all methods, if a path leads out of the folder.
    """

    def __init__(self, folder: Path, readers: Readers, local: Callable[[str], Path] | None = None) -> None:
        self._folder = folder
        self._readers = readers
        self._local = local

    @property
    def folder(self) -> Path:
        """The tenant's own folder."""
        return self._folder

    def rows(
        self,
        kind: SampleKind,
        files: Sequence[SegmentFile],
        signals: Sequence[int] | None,
        start: datetime | None = None,
        end: datetime | None = None,
        columns: Sequence[str] | None = None,
    ) -> list[pa.Table]:
        """Rows with ``start <= ts < end``: a table for each file that has some, sorted by (signal, ts).

        Args:
            kind: of the rows.
            files: segments of that kind; tables come in their order.
            signals: all if absent.
            start: the beginning of time if absent.
            end: the end of time if absent.
            columns: of `STORED`; all if absent.
        """
        wanted = _rising(signals)
        names = list(columns or STORED[kind].names)
        tables = []
        for file in files:
            budget.check()
            if file.overlaps(start, end):
                inside = (start is None or file.min_ts >= start) and (end is None or file.max_ts < end)
                window = None if inside else Window(_micros(start or file.min_ts), _before(end, file))
                table = self._rows(kind, file, wanted, window, names)
                tables += [table] if table.num_rows else []
        return tables

    def newest(
        self,
        kind: SampleKind,
        files: Sequence[SegmentFile],
        signals: Sequence[int] | None = None,
        before: datetime | None = None,
    ) -> list[pa.Table]:
        """The last row of each signal, all columns: a table for each file that has some, in the files' order.

        A file's row is left out where another file has a later one; of equal times each file's is there.

        Args:
            kind: of the rows.
            files: segments of that kind.
            signals: all if absent.
            before: only rows with ``ts < before``; all if absent.
        """
        wanted = _rising(signals)
        lasts = Lasts(wanted)
        # Newest first: most signals are in the newest files, and the others need not be opened then.
        for place in sorted(range(len(files)), key=lambda at: files[at].max_ts, reverse=True):
            file = files[place]
            if file.overlaps(None, before) and lasts.may_grow(_micros(file.max_ts)):
                lasts.add(place, *self._last_times(kind, file, wanted, before))
        tables = []
        for place, numbers, times in lasts.winners():
            blocks = self._blocks(kind, files[place], STORED[kind].names, numbers, _around(times))
            found = [last_rows(block, numbers, times) for block in blocks]
            tables.append(pa.concat_tables(found))
        return tables

    def live_minutes(
        self, files: Sequence[SegmentFile], signals: Sequence[int] | None, start: datetime, end: datetime
    ) -> pa.Table:
        """`FACTS_SCHEMA` of rows that arrived live in ``[start, end)``; what files repeat counts again."""
        wanted, window = _rising(signals), Window(_micros(start), _micros(end))
        blocks = (
            sliced(block, wanted, None)
            for file in files
            if file.max_arrival >= start
            for block in self._arrived(file, wanted, window)
        )
        return arrivals.counted(blocks, window)

    def pieces(
        self,
        width_us: int,
        files: Sequence[SegmentFile],
        signals: Sequence[int] | None,
        start_us: int,
        end_us: int,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Rollups whose buckets overlap ``[start, end)``, in any order; of one file sorted by (signal, ts).

        Args and errors are those of `gathered`.
        """
        names = list(columns or ROLLUP_SCHEMA.names)
        found = self.gathered(width_us, files, signals, start_us, end_us, names)
        tables = [rows.table() for rows in found]
        if len(tables) == 1:
            return tables[0]
        schema = pa.schema([ROLLUP_SCHEMA.field(name) for name in names])
        return pa.concat_tables([schema.empty_table(), *tables])

    def gathered(
        self,
        width_us: int,
        files: Sequence[SegmentFile],
        signals: Sequence[int] | None,
        start_us: int,
        end_us: int,
        columns: Sequence[str],
    ) -> list[Gathered]:
        """The same, read and not decoded yet; mostly in one, which is sorted by signal.

        Args:
            width_us: of a bucket; one of `rollups.WIDTHS`. Signals without that level have no rows.
            files: segments; those of other kinds than `rollups.KINDS` are passed over.
            signals: all if absent.
            start_us: µs since 1970.
            end_us: µs since 1970.
            columns: of `ROLLUP_SCHEMA`.

        Raises:
            ValueError: no rollups are kept of that width.
        """
        if width_us not in rollups.WIDTHS:
            raise ValueError(f"no rollups of {width_us} µs are kept, only of {rollups.WIDTHS}")
        wanted = _rising(signals)
        chosen = [file for file in files if file.kind in rollups.KINDS]
        chosen = [file for file in chosen if _touches(file, width_us, start_us, end_us)]
        rows: list[Gathered] = []
        for begin in range(0, len(chosen), _AT_ONCE):
            budget.check()
            with Files(self._folder) as open_files:
                parts: list[Part] = []
                for file in chosen[begin : begin + _AT_ONCE]:
                    content, levels = self._levels(open_files, file)
                    level = levels.get(width_us)
                    found = level and part(content, level, wanted, start_us, end_us)
                    parts += [found] if found else []
                rows += [Gathered(parts, columns)] if parts else []
        return rows

    def remade(self, file: SegmentFile) -> bytes | None:
        """The content of a segment's rollups, if the file beside it is missing or damaged; None if not."""
        if file.kind not in rollups.KINDS:
            return None
        with Files(self._folder) as open_files:
            try:
                self._beside(open_files, file)
            except (FileVanished, SegmentDamaged):
                return rollups.content(self._rows(file.kind, file, None, None, STORED[file.kind].names))
        return None

    def _rows(
        self,
        kind: SampleKind,
        file: SegmentFile,
        signals: NDArray[np.int64] | None,
        window: Window | None,
        names: Sequence[str],
    ) -> pa.Table:
        needed = list(dict.fromkeys([*names, "signal", "ts"]))
        with self._segment(kind, file) as (handle, index):
            groups = index.groups(signals, window)
            table = index.read(handle, groups, needed, self._readers.decoding)
        return sliced(table, signals, window).select(names)

    def _blocks(
        self,
        kind: SampleKind,
        file: SegmentFile,
        names: Sequence[str],
        signals: NDArray[np.int64] | None,
        window: Window | None,
    ) -> Iterator[pa.Table]:
        """All rows of those row groups that may hold what is wanted, not all in memory together."""
        with self._segment(kind, file) as (handle, index):
            for groups in index.in_blocks(index.groups(signals, window), _BLOCK_ROWS):
                budget.check()
                yield index.read(handle, groups, names, self._readers.decoding)

    def _arrived(
        self, file: SegmentFile, signals: NDArray[np.int64] | None, window: Window
    ) -> Iterator[pa.Table]:
        """Blocks in which something arrived in the window; the others' other columns are not decoded."""
        with self._segment(file.kind, file) as (handle, index):
            for groups in index.in_blocks(index.groups(signals, None, window), _BLOCK_ROWS):
                budget.check()
                arrival = index.read(handle, groups, ("arrival",), self._readers.decoding)
                if arrivals.within(arrival, window).any():
                    rest = index.read(handle, groups, arrivals.BESIDE, self._readers.decoding)
                    yield rest.append_column("arrival", arrival["arrival"])

    def _last_times(
        self,
        kind: SampleKind,
        file: SegmentFile,
        signals: NDArray[np.int64] | None,
        before: datetime | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Signals, and the time of each one's last row; signals may come more than once."""
        if kind in rollups.KINDS and (before is None or file.max_ts < before):
            with Files(self._folder) as open_files:
                _, levels = self._levels(open_files, file)
                return levels[HOUR_US].last_times(signals)
        window = None if before is None else Window(_BEGINNING, _micros(before))
        blocks = self._blocks(kind, file, ("signal", "ts"), signals, window)
        return last_times([sliced(block, signals, window) for block in blocks])

    def _levels(self, open_files: Files, file: SegmentFile) -> tuple[Content, dict[int, Level]]:
        """A segment's rollups; made from its rows while the file beside it is missing or damaged."""
        try:
            handle, known = self._beside(open_files, file)
        except (FileVanished, SegmentDamaged) as error:
            handle = self._opened(open_files, file.path)
            why, kept = str(error), handle._replace(path=f"{handle.path} (rollups)")
            known = self._readers.pool.get(kept, lambda _: self._made(file, why))
        return known.made or handle, known.levels

    def _beside(self, open_files: Files, file: SegmentFile) -> tuple[Opened, beside.Known]:
        handle = self._opened(open_files, rollups.beside(file.path))
        return handle, self._readers.pool.get(handle, beside.read)

    def _made(self, file: SegmentFile, why: str) -> tuple[beside.Known, int]:
        log.warning("rollups are made again from their segment", why=why, segment=file.path)
        names = ("signal", "ts", "value", "status")
        return beside.made(self._rows(file.kind, file, None, None, names))

    @contextmanager
    def _segment(self, kind: SampleKind, file: SegmentFile) -> Iterator[tuple[Opened, SegmentIndex]]:
        with Files(self._folder) as open_files:
            handle = self._opened(open_files, file.path)
            if handle.identity.size != file.bytes:
                what = f"it has {handle.identity.size} bytes and was written with {file.bytes}"
                raise SegmentDamaged(handle.path, what)
            yield handle, self._readers.pool.get(handle, lambda _: SegmentIndex.sized(handle, kind))

    def _opened(self, open_files: Files, path: str) -> Opened:
        place = path if self._local is None else self._found(path, self._local)
        try:
            handle = open_files.open(place)
        except FileVanished as error:
            self._readers.pool.forget(error.path)
            raise
        # Known and told by the name that the manifest gives it, wherever its copy lies.
        return handle._replace(path=f"{self._folder}/{path}") if self._local else handle

    def _found(self, path: str, local: Callable[[str], Path]) -> str:
        """Where a file lies below the folder."""
        try:
            return str(local(path).relative_to(self._folder))
        except FileNotFoundError as error:
            raise FileVanished(f"{self._folder}/{path}") from error
        except ValueError as error:
            raise OutsideFolder(str(error)) from error


def _rising(signals: Sequence[int] | None) -> NDArray[np.int64] | None:
    return None if signals is None else np.unique(np.array(signals, dtype=np.int64))


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _US


def _before(end: datetime | None, file: SegmentFile) -> int:
    return _micros(file.max_ts) + 1 if end is None else _micros(end)


def _around(times: NDArray[np.int64]) -> Window:
    return Window(int(times.min()), int(times.max()) + 1)


def _touches(file: SegmentFile, width: int, start: int, end: int) -> bool:
    """Whether one of its buckets overlaps ``[start, end)``."""
    first, last = _micros(file.min_ts) // width, _micros(file.max_ts) // width
    return first * width < end and (last + 1) * width > start
