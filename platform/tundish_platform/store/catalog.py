"""The manifest in the metadata database: which files count. What it does not name is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from sqlalchemy import delete, func, select

from tundish_platform.samples import SampleKind
from tundish_platform.store.manifest import SealedUpTo, Segment
from tundish_platform.store.segments import SegmentFile
from tundish_platform.tenancy.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tundish_platform.tenancy.metadata import Metadata

log = structlog.get_logger(__name__)


class SegmentCatalog:
    """Rows of `segment` and `sealed_up_to`.

    Args:
        folder: of all tenants' folders.
        metadata: their database.
    """

    def __init__(self, folder: Path, metadata: Metadata) -> None:
        self._folder = folder
        self._metadata = metadata

    def folder(self, slug: str) -> Path:
        """A tenant's own folder."""
        return self._folder / slug

    def slug(self, tenant_id: int) -> str | None:
        """The tenant's short name; None if the tenant is gone."""
        with self._metadata.session() as session:
            return session.scalar(select(Tenant.slug).where(Tenant.id == tenant_id))

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
        """Name new segments and how far they reach, in one transaction."""
        with self._metadata.session() as session:
            session.add_all(_row(tenant_id, segment) for segment in written)
            session.merge(SealedUpTo(tenant_id=tenant_id, sequence=sealed_up_to))

    def replace(self, tenant_id: int, old: Sequence[SegmentFile], new: SegmentFile) -> None:
        """Name one segment in the place of several, in one transaction."""
        paths = [segment.path for segment in old]
        with self._metadata.session() as session:
            session.execute(delete(Segment).where(Segment.tenant_id == tenant_id, Segment.path.in_(paths)))
            session.add(_row(tenant_id, new))

    def remove_orphans(self) -> None:
        """Remove files of seals and merges that were cut off before the manifest named them."""
        with self._metadata.session() as session:
            rows = session.execute(
                select(Tenant.slug, Segment.path).join(Tenant, Tenant.id == Segment.tenant_id)
            )
            named = {self._folder / slug / path for slug, path in rows}
        for path in self._folder.glob("*/*/*/*"):
            if path.suffix in {".parquet", ".tmp"} and path not in named:
                log.info("removed a file that no manifest names", path=str(path))
                path.unlink()


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
