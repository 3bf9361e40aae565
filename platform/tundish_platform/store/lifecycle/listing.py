"""What the manifest names of one tenant, for who takes it out without being the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tundish_platform.samples import SampleKind
from tundish_platform.store.lifecycle.retention import Level
from tundish_platform.store.lifecycle.snapshot import HeldFile, Listing
from tundish_platform.store.segments.manifest import Segment
from tundish_platform.tenancy.scope import Permission

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_platform.tenancy.metadata import Metadata
    from tundish_platform.tenancy.scope import TenantScope


def manifest_listing(metadata: Metadata, scope: TenantScope, folder: Path) -> Listing:
    """The tenant's segments, the last written last; rows that lie in no segment yet are not among them.

    Args:
        metadata: the manifest's database.
        scope: must allow reading.
        folder: the tenant's own.
    """
    scope.require(Permission.READ)
    query = select(Segment).where(Segment.tenant_id == scope.tenant_id).order_by(Segment.max_sequence)
    with metadata.session() as session:
        rows = list(session.scalars(query))
    files = [
        HeldFile(SampleKind(row.kind), row.day, Level.RAW, folder / row.path)
        for row in rows
        if not (row.damaged or row.expired)
    ]
    return Listing(files, {}, [row.path for row in rows if row.damaged])
