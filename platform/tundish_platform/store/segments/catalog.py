"""The manifest in the metadata database: which files count. A file that it does not name is put aside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import delete, func, select

from tundish_platform.samples import SampleKind
from tundish_platform.store.segments.manifest import SealedUpTo, Segment
from tundish_platform.store.segments.segment import SegmentFile
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tundish_platform.store.files import FileLayer
    from tundish_platform.tenancy.metadata import Metadata

ORPHANS: Final = "orphans"
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]*")

log = structlog.get_logger(__name__)


class SegmentCatalog:
    """Rows of `segment` and `sealed_up_to`.

    Args:
        folder: of all tenants' folders.
        metadata: their database.
        files: the file layer.
    """

    def __init__(self, folder: Path, metadata: Metadata, files: FileLayer) -> None:
        self._folder = folder
        self._metadata = metadata
        self._files = files

    def folder(self, slug: str) -> Path:
        """A tenant's own folder.

        Raises:
            ValueError: the slug would lead elsewhere.
        """
        if not _SLUG.fullmatch(slug):
            raise ValueError(f"{slug!r} cannot name a tenant's folder")
        return self._folder / slug

    def slugs(self) -> dict[int, str]:
        """Short names of all tenants."""
        with self._metadata.session() as session:
            return {tenant.id: tenant.slug for tenant in session.scalars(select(Tenant))}

    def segments(self, tenant_id: int) -> list[SegmentFile]:
        """A tenant's segments, oldest sequence first."""
        query = select(Segment).where(Segment.tenant_id == tenant_id).order_by(Segment.max_sequence)
        with self._metadata.session() as session:
            return [_file(row) for row in session.scalars(query)]

    def sealed(self) -> dict[int, int]:
        """By tenant, the log sequence up to which everything lies in segments."""
        with self._metadata.session() as session:
            return {row.tenant_id: row.sequence for row in session.scalars(select(SealedUpTo))}

    def next_sequence(self) -> int:
        """A sequence that no segment has seen, for a log whose files are all gone."""
        with self._metadata.session() as session:
            highest = session.scalar(select(func.max(SealedUpTo.sequence)))
        return (highest or 0) + 1

    def add(self, tenant_id: int, written: Sequence[SegmentFile], sealed_up_to: int) -> None:
        """Name new segments and how far they reach, in one transaction; a second call changes nothing.

        A transaction can be through although its answer was lost, so the caller may simply try again.
        """
        with self._metadata.session() as session:
            known = session.get(SealedUpTo, tenant_id)
            if known is not None and known.sequence >= sealed_up_to:
                return
            session.add_all(_row(tenant_id, segment) for segment in written)
            session.merge(SealedUpTo(tenant_id=tenant_id, sequence=sealed_up_to))

    def replace(self, tenant_id: int, old: Sequence[SegmentFile], new: SegmentFile) -> None:
        """Name one segment in the place of several, in one transaction."""
        paths = [segment.path for segment in old]
        with self._metadata.session() as session:
            session.execute(delete(Segment).where(Segment.tenant_id == tenant_id, Segment.path.in_(paths)))
            session.add(_row(tenant_id, new))

    def check(self) -> list[str]:
        """Put unnamed files aside; returns which named ones are missing or of another size, in words."""
        with self._metadata.session() as session:
            rows = session.execute(
                select(Tenant.slug, Segment.path, Segment.bytes).join(Tenant, Tenant.id == Segment.tenant_id)
            )
            named = {self._folder / slug / path: size for slug, path, size in rows}
        for path in sorted(self._folder.glob("*/*/*/*")):
            if path.suffix == ".tmp":
                self._files.remove(path)
            elif path.suffix == ".parquet" and path not in named and path.parent.parent.name != ORPHANS:
                self._put_aside(path)
        return [
            f"segment {path} is {'damaged' if path.exists() else 'missing'}: its samples cannot be read. "
            "Bring the file back from a backup, then start again"
            for path, size in named.items()
            if not path.exists() or path.stat().st_size != size
        ]

    def _put_aside(self, path: Path) -> None:
        """Not removed: were the wrong database connected, no file would be named at all."""
        slug, kind, day, name = path.relative_to(self._folder).parts
        folder = self._folder / slug / ORPHANS / day
        self._files.make_folder(folder)
        self._files.rename(path, folder / f"{kind}-{name}")
        self._files.sync_folder(folder)
        log.warning("put a file aside that no manifest names", path=str(path), to=str(folder))


def _file(row: Segment) -> SegmentFile:
    return SegmentFile(
        SampleKind(row.kind),
        row.day,
        row.path,
        row.rows,
        row.bytes,
        row.min_ts,
        row.max_ts,
        row.max_arrival,
        row.max_sequence,
    )


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
        max_sequence=segment.max_sequence,
    )
