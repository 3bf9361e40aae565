"""Retention's place in the store: days of segments, of which first the rows and then the rollups go.

When the rows of a day go, what stays of it is one row of the manifest marked `expired`, and one rollup file.
Where the day had several segments, their rows are rolled up together before, so that each bucket is in one
piece. When the minutes go, the file is written anew with the hours alone, under another name.
"""

from __future__ import annotations

import hashlib
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from sqlalchemy import delete, func, select

from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle.retention import ROLLED_UP, DayPart, Level
from tundish_platform.store.query.rollup import HOUR_US
from tundish_platform.store.rows import merged
from tundish_platform.store.segments import rollups
from tundish_platform.store.segments.catalog import QUARANTINE, file_of
from tundish_platform.store.segments.manifest import RetiredSegment, Segment
from tundish_platform.store.segments.rollupfile import encoded
from tundish_platform.store.segments.segment import checksum
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from tundish_platform.store.segments.catalog import SegmentCatalog
    from tundish_platform.store.segments.publishing import Publisher
    from tundish_platform.store.segments.reader import SegmentReader
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.store.tenant import TenantStore
    from tundish_platform.store.tenants import Tenants
    from tundish_platform.tenancy.metadata import Metadata

_HOURS_ONLY: Final = "-h.parquet"
_ROWS_AT_ONCE: Final = 2_000_000
_END: Final = 2**62


class RetainedSegments:
    """`RetentionPlace` over the manifest and the tenants' folders.

    Args:
        metadata: the manifest's database.
        catalog: the manifest.
        tenants: the tenants that are open.
        seal: brings a tenant's waiting rows into segments.
        publisher: of the tenants' Delta tables, if there are any.
    """

    def __init__(
        self,
        metadata: Metadata,
        catalog: SegmentCatalog,
        tenants: Tenants,
        seal: Callable[[TenantStore], None],
        publisher: Publisher | None = None,
    ) -> None:
        self._metadata = metadata
        self._catalog = catalog
        self._tenants = tenants
        self._seal = seal
        self._publisher = publisher

    def gather(self, tenant_id: int) -> None:
        """Bring the tenant's waiting rows into segments: some may be of days that are to go."""
        store = self._store(tenant_id)
        if store is not None and (store.unsealed_rows or store.first_level_rows):
            self._seal(store)

    @contextmanager
    def alone(self, tenant_id: int) -> Iterator[None]:
        """Nobody else changes the tenant's segments until it is left."""
        while (store := self._store(tenant_id)) is not None:
            with store.seal_lock:
                # Let go while nobody held it, it would be another object's lock.
                if self._tenants.find(tenant_id) is store:
                    yield
                    return
        yield

    def oldest(self) -> Mapping[int, date]:
        """By tenant, the oldest day of which anything is named."""
        query = select(Segment.tenant_id, func.min(Segment.day)).group_by(Segment.tenant_id)
        with self._metadata.session() as session:
            return {row[0]: row[1] for row in session.execute(query) if self._catalog.has(row[0])}

    def has(self, tenant_id: int) -> bool:
        """Whether the tenant's files are this process's to remove."""
        return self._catalog.has(tenant_id)

    def days(
        self, tenant_id: int, level: Level, kinds: Sequence[SampleKind], before: date, most: int
    ) -> list[tuple[SampleKind, date]]:
        """Days before that one of which the manifest names files of the level, oldest first."""
        query = (
            select(Segment.kind, Segment.day)
            .where(Segment.tenant_id == tenant_id, Segment.day < before)
            .where(Segment.kind.in_([kind.value for kind in kinds]))
            .where(Segment.expired.is_(level is not Level.RAW))
        )
        if level is Level.MINUTE:
            query = query.where(Segment.path.not_like(f"%{_HOURS_ONLY}"))
        with self._metadata.session() as session:
            found = session.execute(query.distinct().order_by(Segment.day, Segment.kind).limit(most))
            return [(SampleKind(kind), day) for kind, day in found]

    def settle(self, tenant_id: int, kind: SampleKind, day: date) -> None:
        """Bring a day's rollups into the shape they will be left in: made, and each bucket in one piece."""
        store = self._store(tenant_id)
        if store is not None:
            store.consistently(lambda: self._settled(store, kind, day))

    def drop(self, session: Session, tenant_id: int, kind: SampleKind, day: date, level: Level) -> DayPart:
        """Let the manifest forget a day's files of a level, in this transaction; says which they were."""
        self._catalog.guard(session)
        rows = list(
            session.scalars(
                select(Segment)
                .where(Segment.tenant_id == tenant_id, Segment.kind == kind.value, Segment.day == day)
                .where(Segment.expired.is_(level is not Level.RAW))
                .order_by(Segment.max_sequence)
            )
        )
        slug = session.scalars(select(Tenant.slug).filter_by(id=tenant_id)).one()
        counted = sum(row.rows for row in rows), sum(row.bytes for row in rows)
        paths = [file_of(row).kept for row in rows]
        if level is Level.MINUTE:
            paths = [path for row in rows for path in self._without_minutes(slug, row)]
        elif level is Level.HOUR or kind not in ROLLED_UP:
            for row in rows:
                session.delete(row)
        elif not self._expired(session, slug, rows):
            return DayPart(kind, day, level, (), 0, 0)
        else:
            # Rollups that were put together into another file go, and those of rows that could not be read.
            left = {rollups.beside(row.path) for row in rows if row.expired}
            paths += [beside for path in paths if (beside := rollups.beside(path)) not in left]
        if level is Level.RAW:
            paths += self._others(session, tenant_id, slug, f"{kind}/day={day}")
        return DayPart(kind, day, level, tuple(dict.fromkeys(paths)), *counted)

    def forget(self, tenant_id: int, part: DayPart) -> None:
        """Take them out of what queries see from now on."""
        del part
        store = self._tenants.find(tenant_id)
        if store is not None:
            store.forget_segments()

    def publish(self, tenant_id: int, kind: SampleKind, days: Sequence[date]) -> None:
        """Bring the tenant's Delta table up to the manifest; again is fine."""
        store = self._store(tenant_id)
        if self._publisher is not None and store is not None:
            self._publisher.days_changed(store, [(kind, day) for day in days])
            self._publisher.publish(store)

    def removable(self, tenant_id: int, paths: Sequence[str]) -> set[str]:
        """Which of these files no query and no reader of the table needs any more."""
        store = self._store(tenant_id)
        if self._publisher is None or store is None:
            # A query that finds a file gone asks the manifest again.
            return set(paths)
        return self._publisher.removable(store, paths)

    def remove(self, tenant_id: int, paths: Sequence[str]) -> None:
        """Remove files durably; missing is fine."""
        slug = self._catalog.slug(tenant_id)
        if slug is None:
            return
        self._catalog.objects.remove_many([f"{slug}/{path}" for path in paths])

    def _store(self, tenant_id: int) -> TenantStore | None:
        slug = self._catalog.slug(tenant_id)
        return None if slug is None else self._tenants.open(tenant_id, slug)

    def _settled(self, store: TenantStore, kind: SampleKind, day: date) -> None:
        files = [
            file
            for file in store.segments()
            if (file.kind, file.day) == (kind, day) and not (file.damaged or file.expired)
        ]
        if len(files) == 1:
            content = store.reader.remade(files[0])
            if content is not None:
                self._put(store.slug, files[0].path, content)
        elif files:
            self._put(store.slug, _together(files), rolled_up(store.reader, kind, files))

    def _expired(self, session: Session, slug: str, rows: Sequence[Segment]) -> bool:
        """Leave one row that names the day's rollups; false where they are not what `settle` made them."""
        sound = [row for row in rows if not row.damaged]
        if sound:
            path = sound[0].path if len(sound) == 1 else _together([file_of(row) for row in sound])
            try:
                beside = self._catalog.objects.local(f"{slug}/{rollups.beside(path)}")
            except FileNotFoundError:
                # Somebody merged or sealed meanwhile; the next pass begins with `settle`.
                return False
            kept = sound[-1]
            kept.min_ts, kept.max_ts = min(r.min_ts for r in sound), max(r.max_ts for r in sound)
            kept.max_arrival = max(row.max_arrival for row in sound)
            kept.min_sequence = sound[0].min_sequence
            kept.path, kept.rows, kept.expired = path, 0, True
            kept.bytes, kept.crc32 = checksum(beside)
        for row in rows:
            if not row.expired:
                session.delete(row)
        return True

    def _without_minutes(self, slug: str, row: Segment) -> list[str]:
        """Write a day's hours anew under another name; returns what has to go."""
        file = file_of(row)
        if row.path.endswith(_HOURS_ONLY):
            return []
        row.path = row.path.removesuffix(".parquet") + _HOURS_ONLY
        if row.damaged:
            return [file.kept]
        hours = self._tenants.reader(slug).pieces(HOUR_US, [file], None, 0, _END)
        row.bytes, row.crc32 = self._put(slug, row.path, encoded({HOUR_US: hours}))
        return [file.kept]

    def _put(self, slug: str, path: str, content: bytes) -> tuple[int, int]:
        """Write the rollups of a segment that is there, or was; gives their size and checksum."""
        name = f"{slug}/{rollups.beside(path)}"
        staged = self._catalog.objects.staged(name)
        try:
            staged.write_bytes(content)
        except OSError:
            staged.unlink(missing_ok=True)
            raise
        self._catalog.objects.put(name, staged)
        return len(content), zlib.crc32(content)

    def _others(self, session: Session, tenant_id: int, slug: str, day: str) -> list[str]:
        """Files with rows of the day that are kept beside what the manifest names."""
        mine = (RetiredSegment.tenant_id == tenant_id, RetiredSegment.path.startswith(f"{day}/"))
        found = list(session.scalars(select(RetiredSegment.path).where(*mine)))
        session.execute(delete(RetiredSegment).where(*mine))
        kind, name = day.split("/")
        aside = f"{slug}/{QUARANTINE}/{name}"
        found += [rollups.beside(path) for path in found]
        return found + [
            other.removeprefix(f"{slug}/")
            for other, _ in self._catalog.objects.listing(aside)
            if other.startswith(f"{aside}/{kind}-") and other.endswith(".parquet")
        ]


def rolled_up(reader: SegmentReader, kind: SampleKind, files: Sequence[SegmentFile]) -> bytes:
    """The content of one rollup file for several segments of a day; of equal rows the last written counts.

    Signal after signal, so that memory holds a part of the day, however many rows it has.
    """
    counts = reader.pieces(HOUR_US, files, None, 0, _END, ["signal", "count"])
    signals, owner = np.unique(counts["signal"].to_numpy(), return_inverse=True)
    rows = np.cumsum(np.bincount(owner, weights=counts["count"].to_numpy()))
    tables: dict[int, list[pa.Table]] = {}
    for some in np.split(signals, np.flatnonzero(np.diff(rows // _ROWS_AT_ONCE)) + 1):
        columns = ("signal", "ts", "value", "status")
        part = merged(reader.rows(kind, files, some.tolist(), columns=columns), kind)
        for width, table in rollups.levels(part).items():
            tables.setdefault(width, []).append(table)
    return encoded({width: pa.concat_tables(found) for width, found in tables.items()})


def _together(files: Sequence[SegmentFile]) -> str:
    """Name of what is left of several segments: the same for the same ones, and for no others."""
    paths = "\n".join(sorted(file.path for file in files))
    last = max(files, key=lambda file: file.max_sequence)
    mark = hashlib.sha256(paths.encode()).hexdigest()[:8]
    return f"{last.path.rpartition('/')[0]}/{last.max_sequence:020d}-{mark}.parquet"
