"""What the manifest names of one tenant, for who takes it out without being the writer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tundish_platform.store.lifecycle.retention import Level
from tundish_platform.store.lifecycle.snapshot import HeldFile, Listing
from tundish_platform.store.segments.catalog import SegmentCatalog
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tundish_platform.samples import SampleKind
    from tundish_platform.store.objects import Objects
    from tundish_platform.store.segments.segment import SegmentFile
    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope


def manifest_listing(metadata: Metadata, scope: TenantScope, objects: Objects) -> Listing:
    """The tenant's segments, the last written last; rows that lie in no segment yet are not among them.

    Args:
        metadata: the manifest's database.
        scope: must allow reading.
        objects: where segments live.

    Raises:
        FileNotFoundError: a segment went away meanwhile; ask again.
    """
    scope.require(Permission.READ)
    return listing_of(SegmentCatalog(objects, metadata).segments(scope.tenant_id), scope, objects)


def listing_of(
    known: Sequence[SegmentFile],
    scope: TenantScope,
    objects: Objects,
    chunks: Mapping[SampleKind, Sequence[pa.Table]] | None = None,
) -> Listing:
    """Segments, and newer rows, as a takeout asks for them. Where only rollups are left of a day, those."""
    files: list[HeldFile] = []
    for segment in known:
        if not segment.damaged:
            path = objects.local(f"{scope.slug}/{segment.kept}")
            held = HeldFile(segment.kind, segment.day, Level.RAW, path, segment.path)
            levels = (Level.MINUTE, Level.HOUR) if segment.expired else ()
            files += [replace(held, level=level, rollups=True) for level in levels] or [held]
    return Listing(files, chunks or {}, [segment.path for segment in known if segment.damaged])
