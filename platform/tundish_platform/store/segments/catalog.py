"""The manifest in the metadata database: which files count. A file that it does not name is put aside."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog
from sqlalchemy import delete, func, select, update

from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle.tables import RetentionRecord
from tundish_platform.store.segments import segment as segments
from tundish_platform.store.segments.manifest import FirstLevel, RetiredSegment, SealedUpTo, Segment
from tundish_platform.store.segments.segment import SegmentFile
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Delete
    from sqlalchemy.orm import Session

    from tundish_platform.store.log.fence import Share
    from tundish_platform.store.objects import Objects
    from tundish_platform.store.segments.reader import Readers, SegmentReader
    from tundish_platform.store.write.firstlevel import FirstLevelFile
    from tundish_platform.tenancy.metadata import Metadata

ORPHANS: Final = "orphans"
QUARANTINE: Final = "quarantine"
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
# Kind, day and file of a segment; what was put aside or published lies elsewhere.
_PLACE: Final = re.compile(rf"(?!{ORPHANS}/|{QUARANTINE}/)[^/]+/day=[^/]+/[^/]+\.parquet")

log = structlog.get_logger(__name__)


class Totals(NamedTuple):
    """All tenants' segments together."""

    segments: int
    rows: int
    bytes: int


class SegmentCatalog:
    """Rows of `segment`, `sealed_up_to` and `first_level`.

    Args:
        objects: where segments live.
        metadata: the manifest's database.
        share: the part of the store that this process has; None for all of it.
    """

    def __init__(self, objects: Objects, metadata: Metadata, share: Share | None = None) -> None:
        self.objects = objects
        self._metadata = metadata
        self._share = share

    def reader(self, readers: Readers, slug: str) -> SegmentReader:
        """Reads a tenant's segments, and no others.

        Raises:
            ValueError: the slug would lead elsewhere.
        """
        if not _SLUG.fullmatch(slug):
            raise ValueError(f"{slug!r} cannot name a tenant's folder")
        return readers.of(*self.objects.reading(slug))

    def has(self, tenant_id: int) -> bool:
        """Whether a tenant's segments are this process's to change."""
        return self._share is None or self._share.has(tenant_id)

    def guard(self, session: Session) -> None:
        """Let a transaction commit only while nobody else has this process's share.

        Raises:
            StaleHolder: somebody has.
        """
        if self._share is not None:
            self._share.guard(session)

    def slugs(self) -> dict[int, str]:
        """Short names of all tenants, or of those in the share."""
        with self._metadata.session() as session:
            found = {row.id: row.slug for row in session.execute(select(Tenant.id, Tenant.slug))}
        share = self._share
        return found if share is None else {n: slug for n, slug in found.items() if share.has(n)}

    @contextmanager
    def _commit(self) -> Iterator[Session]:
        """A transaction that changes the manifest: it fails once another writer has this one's share."""
        with self._metadata.session() as session:
            self.guard(session)
            yield session

    def slug(self, tenant_id: int) -> str | None:
        """A tenant's short name; None if there is no such tenant."""
        with self._metadata.session() as session:
            return session.scalar(select(Tenant.slug).where(Tenant.id == tenant_id))

    def segments(self, tenant_id: int) -> list[SegmentFile]:
        """A tenant's segments, oldest sequence first."""
        query = select(Segment).where(Segment.tenant_id == tenant_id).order_by(Segment.max_sequence)
        with self._metadata.session() as session:
            return [file_of(row) for row in session.scalars(query)]

    def segments_and_sealed(self, tenant_id: int) -> tuple[list[SegmentFile], int]:
        """A tenant's segments, and the log sequence up to which they hold everything, of one moment."""
        query = select(SealedUpTo.sequence).where(SealedUpTo.tenant_id == tenant_id)
        while True:
            with self._metadata.session() as session:
                before = session.scalar(query)
            found = self.segments(tenant_id)
            with self._metadata.session() as session:
                # PostgreSQL shows each statement the newest state, and a seal may have come between.
                if session.scalar(query) == before:
                    return found, before or 0

    def totals(self) -> Totals:
        """Number, rows and bytes of all tenants' segments."""
        query = select(func.count(), func.sum(Segment.rows), func.sum(Segment.bytes)).select_from(Segment)
        with self._metadata.session() as session:
            count, rows, size = session.execute(query).one()
        return Totals(count, int(rows or 0), int(size or 0))

    def sealed(self) -> dict[int, int]:
        """By tenant, the log sequence up to which everything lies in segments."""
        query = select(SealedUpTo.tenant_id, SealedUpTo.sequence)
        with self._metadata.session() as session:
            return {row.tenant_id: row.sequence for row in session.execute(query)}

    def next_sequence(self) -> int:
        """A sequence that neither segment nor first level has seen, for a log whose files are all gone."""
        with self._metadata.session() as session:
            sealed = session.scalar(select(func.max(SealedUpTo.sequence)))
            spilled = session.scalar(select(func.max(FirstLevel.max_sequence)))
        return max(sealed or 0, spilled or 0) + 1

    def add(self, tenant_id: int, written: Sequence[SegmentFile], sealed_up_to: int) -> None:
        """Name new segments and how far they reach, in one transaction; a second call changes nothing.

        A transaction can be through although its answer was lost, so the caller may simply try again.
        """
        with self._commit() as session:
            known = session.get(SealedUpTo, tenant_id)
            if known is not None and known.sequence >= sealed_up_to:
                return
            session.add_all(_row(tenant_id, segment) for segment in written)
            session.merge(SealedUpTo(tenant_id=tenant_id, sequence=sealed_up_to))

    def replace(
        self,
        tenant_id: int,
        old: Sequence[SegmentFile],
        new: Sequence[SegmentFile],
        retired_at: datetime | None = None,
    ) -> None:
        """Name segments in the place of others, in one transaction; a second call changes nothing.

        Args:
            tenant_id: whose.
            old: no longer named.
            new: named from now on.
            retired_at: note the old ones' files as kept for a while since then.
        """
        paths = [segment.path for segment in old]
        names = [segment.path for segment in new]
        with self._commit() as session:
            session.execute(
                delete(Segment).where(Segment.tenant_id == tenant_id, Segment.path.in_([*paths, *names]))
            )
            session.add_all(_row(tenant_id, segment) for segment in new)
            if retired_at is not None:
                session.execute(_retired(tenant_id).where(RetiredSegment.path.in_(paths)))
                session.add_all(
                    RetiredSegment(tenant_id=tenant_id, path=path, retired_at=retired_at) for path in paths
                )

    def retired(self, tenant_id: int, before: datetime | None = None) -> list[str]:
        """Paths of files that are kept although others took their place; only of those retired by then."""
        query = select(RetiredSegment.path).where(RetiredSegment.tenant_id == tenant_id)
        if before is not None:
            query = query.where(RetiredSegment.retired_at <= before)
        with self._metadata.session() as session:
            return list(session.scalars(query))

    def pending(self, tenant_id: int) -> list[str]:
        """Paths of files that retention still has to remove."""
        query = select(RetentionRecord.pending).where(
            RetentionRecord.tenant_id == tenant_id, RetentionRecord.unfinished
        )
        with self._metadata.session() as session:
            return [path for paths in session.scalars(query) for path in paths]

    def forget_retired(self, tenant_id: int, paths: Sequence[str]) -> None:
        """Those files are gone."""
        with self._metadata.session() as session:
            session.execute(_retired(tenant_id).where(RetiredSegment.path.in_(paths)))

    def first_level(self) -> list[str]:
        """Names of the first level's files."""
        with self._metadata.session() as session:
            return list(session.scalars(select(FirstLevel.name).order_by(FirstLevel.max_sequence)))

    def add_first_level(self, written: Sequence[FirstLevelFile]) -> None:
        """Name new files of the first level, in one transaction; a second call changes nothing."""
        self.replace_first_level([], written)

    def replace_first_level(self, old: Sequence[str], new: Sequence[FirstLevelFile]) -> None:
        """Name files of the first level in the place of others, in one transaction."""
        with self._commit() as session:
            session.execute(
                delete(FirstLevel).where(FirstLevel.name.in_([*old, *(file.name for file in new)]))
            )
            session.add_all(_first_level_row(file) for file in new)

    def drop_first_level(self, names: Sequence[str]) -> None:
        """Forget files of the first level whose rows all lie in segments."""
        with self._commit() as session:
            session.execute(delete(FirstLevel).where(FirstLevel.name.in_(names)))

    def mark(self, tenant_id: int, path: str, *, damaged: bool) -> None:
        """Say whether a segment can be read."""
        with self._commit() as session:
            session.execute(
                update(Segment)
                .where(Segment.tenant_id == tenant_id, Segment.path == path)
                .values(damaged=damaged)
            )

    def put_aside_unnamed(self, slug: str, named: Sequence[str]) -> None:
        """Move files of a tenant away that the manifest does not name; what was half written goes.

        Not where writers follow one another: a stopped one could wake up here and take away what its
        follower has just written and not named yet.
        """
        if self._share is not None:
            return
        names = set(named)
        for name in sorted(name for name, _ in self.objects.listing(slug)):
            path = name.removeprefix(f"{slug}/")
            if _PLACE.fullmatch(path) and path not in names:
                self._put_aside(slug, path, ORPHANS)
        self.objects.sweep(slug)

    def quarantine(self, slug: str, path: str) -> None:
        """Move a damaged segment where nobody reads it, kept for whoever can mend it."""
        with suppress(FileNotFoundError):
            self._put_aside(slug, path, QUARANTINE)

    def _put_aside(self, slug: str, path: str, where: str) -> None:
        """Not removed: were the wrong database connected, no file would be named at all."""
        kind, day, name = path.split("/")
        aside = f"{slug}/{where}/{day}/{kind}-{name}"
        self.objects.put_aside(f"{slug}/{path}", aside)
        for beside in segments.beside(path):
            self.objects.remove(f"{slug}/{beside}")
        log.warning("put a file aside", path=f"{slug}/{path}", to=aside)


def _retired(tenant_id: int) -> Delete:
    return delete(RetiredSegment).where(RetiredSegment.tenant_id == tenant_id)


def file_of(row: Segment) -> SegmentFile:
    """The segment that a row names."""
    return SegmentFile(
        SampleKind(row.kind),
        row.day,
        row.path,
        row.rows,
        row.bytes,
        row.min_ts,
        row.max_ts,
        row.max_arrival,
        row.min_sequence,
        row.max_sequence,
        row.crc32,
        row.damaged,
        row.expired,
    )


def _first_level_row(file: FirstLevelFile) -> FirstLevel:
    return FirstLevel(name=file.name, rows=file.rows, bytes=file.bytes, max_sequence=file.max_sequence)


def _row(tenant_id: int, segment: SegmentFile) -> Segment:
    return Segment(
        tenant_id=tenant_id,
        kind=segment.kind.value,
        day=segment.day,
        path=segment.path,
        rows=segment.rows,
        bytes=segment.bytes,
        min_ts=segment.min_ts,
        max_ts=segment.max_ts,
        max_arrival=segment.max_arrival,
        min_sequence=segment.min_sequence,
        max_sequence=segment.max_sequence,
        crc32=segment.crc32,
        damaged=segment.damaged,
        expired=segment.expired,
    )
