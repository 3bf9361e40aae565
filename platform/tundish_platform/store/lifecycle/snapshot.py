"""A tenant's rows as they are at one moment, held still while writing and merging go on."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from tundish_platform.samples import SCHEMAS, SampleKind
from tundish_platform.store.lifecycle.merge import file_run, rollup_run, sorted_run
from tundish_platform.store.lifecycle.retention import Level
from tundish_platform.store.rows import TIMESTAMP, micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_TRIES: Final = 5
_DAY_US: Final = 86_400_000_000
_FIRST: Final = date(1970, 1, 1)


class Snapshot(Protocol):
    """What a takeout asks: which days there are, and their rows in sorted runs, the last written last."""

    @property
    def damaged(self) -> Sequence[str]:
        """Files that cannot be read, as far as is known now, so that their rows are missing."""
        ...

    def days(self, kind: SampleKind, level: Level) -> list[date]:
        """UTC days with rows of a kind and level, rising."""
        ...

    def runs(self, kind: SampleKind, day: date, level: Level) -> list[Iterable[pa.Table]]:
        """The day's runs; raw rows with `columns_of` the kind, rollups as they are."""
        ...


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A sorted file of one kind, day and level: Parquet, or where `rollups` a rollup file.

    Attributes:
        name: as the manifest has it.
    """

    kind: SampleKind
    day: date
    level: Level
    path: Path
    name: str = ""
    rollups: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What a tenant's rows are at one moment.

    Attributes:
        files: named by the manifest, in the order they were written.
        chunks: rows that are not in files yet, by kind, in the order they came. Arrow tables never change.
        damaged: named files that cannot be read.
    """

    files: Sequence[HeldFile]
    chunks: Mapping[SampleKind, Sequence[pa.Table]]
    damaged: Sequence[str] = ()


class FileSnapshot:
    """`Snapshot` over files that stay where they are, and chunks in memory."""

    def __init__(self, listing: Listing) -> None:
        self._files = listing.files
        self._damaged = list(listing.damaged)
        self._chunks = {
            kind: pa.concat_tables([chunk.select(columns_of(kind)) for chunk in chunks])
            for kind, chunks in listing.chunks.items()
            if chunks
        }

    @property
    def damaged(self) -> Sequence[str]:
        """Files that cannot be read."""
        return self._damaged

    def days(self, kind: SampleKind, level: Level) -> list[date]:
        """UTC days with rows of a kind and level, rising."""
        found = {file.day for file in self._files if (file.kind, file.level) == (kind, level)}
        if level is Level.RAW and kind in self._chunks:
            numbers = pc.unique(pa.array(micros(self._chunks[kind]["ts"]) // _DAY_US)).to_pylist()
            found |= {_FIRST + timedelta(days=number) for number in numbers}
        return sorted(found)

    def runs(self, kind: SampleKind, day: date, level: Level) -> list[Iterable[pa.Table]]:
        """The day's runs."""
        wanted = (kind, day, level)
        columns = columns_of(kind) if level is Level.RAW else None
        found: list[Iterable[pa.Table]] = [
            self._rollups(file) if file.rollups else file_run(file.path, columns)
            for file in self._files
            if (file.kind, file.day, file.level) == wanted
        ]
        if level is Level.RAW and kind in self._chunks:
            found.append(sorted_run(_of_day(self._chunks[kind], day)))
        return found

    def _rollups(self, file: HeldFile) -> list[pa.Table]:
        try:
            return list(rollup_run(file.path, int(file.level) * 1_000_000))
        except (ValueError, KeyError, TypeError):
            self._damaged += [] if file.name in self._damaged else [file.name]
            return []


@contextmanager
def held_still(folder: Path, listing: Callable[[], Listing]) -> Iterator[FileSnapshot]:
    """A snapshot whose files are held by hard links, so that merging and retention need not wait.

    Args:
        folder: of the tenant; the links lie below it, as ``.tmp`` files that the next start removes.
        listing: gives files and chunks of one moment.

    Raises:
        FileNotFoundError: files went away faster than they could be linked.
    """
    place = folder / "takeout" / secrets.token_hex(8)
    try:
        yield FileSnapshot(_linked(place, listing))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def columns_of(kind: SampleKind) -> list[str]:
    """Columns of raw rows: those of a batch, arrival, and whether they came live."""
    return [*SCHEMAS[kind].names, "arrival", "live"]


def _linked(place: Path, listing: Callable[[], Listing]) -> Listing:
    for left in reversed(range(_TRIES)):
        place.mkdir(parents=True, mode=0o700)
        try:
            found = listing()
            files = [_link(file, place / f"{number}.tmp") for number, file in enumerate(found.files)]
        except FileNotFoundError:
            # A merge was quicker: begin anew, or rows of two moments would be mixed.
            shutil.rmtree(place)
            if not left:
                raise
        else:
            return Listing(files, found.chunks, found.damaged)
    raise AssertionError("the last try raises")


def _link(file: HeldFile, link: Path) -> HeldFile:
    os.link(file.path, link)
    return replace(file, path=link)


def _of_day(table: pa.Table, day: date) -> pa.Table:
    start = datetime.combine(day, time(), UTC)
    limits = [pa.scalar(start, TIMESTAMP), pa.scalar(start + timedelta(days=1), TIMESTAMP)]
    ts = table["ts"]
    return table.filter(pc.and_(pc.greater_equal(ts, limits[0]), pc.less(ts, limits[1])))
