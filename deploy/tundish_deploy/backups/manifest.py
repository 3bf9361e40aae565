"""What a backup says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from tundish_deploy.backups.content import Facts
from tundish_deploy.backups.database import TableFacts
from tundish_deploy.backups.place import Content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_deploy.backups.place import BackupPlace


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FileEntry(_Part):
    """A file: its path below the part of the backup that it belongs to, and who may read it."""

    path: str
    content: Content
    mode: int = 0o600


class DatabaseEntry(_Part):
    """The metadata database.

    Attributes:
        dialect: of the database that it was taken from; the content is always a SQLite file.
        revision: of its tables.
        tables: rows and digests, of the source.
    """

    dialect: str
    revision: str
    content: Content
    tables: dict[str, TableFacts]


class SegmentEntry(_Part):
    """A segment, or its rollups where raw rows went.

    Attributes:
        path: below the tenant's folder.
        mark: tells it from another file of the same name.
    """

    path: str
    mark: str
    content: Content


class TenantIndex(_Part):
    """A tenant's segments, and what its rows come to.

    Stored as content, so that it costs nothing where it is the same again.
    """

    segments: list[SegmentEntry]
    facts: Facts


class TenantEntry(_Part):
    """A tenant in a backup.

    Attributes:
        id: its number.
        index: a `TenantIndex` as JSON.
        pending: of a backup of one tenant, by kind: rows that lay in no segment, as an Arrow IPC stream.
        rows: by kind, all of them.
        damaged: segments that could not be read at their source and so are missing.
    """

    id: int
    index: Content
    pending: dict[str, Content] = {}
    rows: dict[str, int]
    damaged: list[str] = []


class Manifest(_Part):
    """One backup.

    Attributes:
        format: of this description and of what it names.
        name: of the backup; begins with its moment.
        at: whatever was acknowledged before is inside.
        version: of the platform that made it.
        tenant: slug, if it is a backup of one tenant; otherwise all of the platform is inside.
        database: the metadata.
        audit: number and digest of the audit trail's last entry.
        log, first_level: rows of all tenants that lay in no segment.
        files: of the data folder: app packages, models, keys, certificates.
        outside: files that the settings name, by the settings' key.
        tenants: by slug.
        new_bytes: that it added to the place.
        seconds: that it took.
    """

    format: int
    name: str
    at: datetime
    version: str
    tenant: str | None
    database: DatabaseEntry
    audit: tuple[int, str] | None
    log: list[FileEntry]
    first_level: list[FileEntry]
    files: list[FileEntry]
    outside: list[FileEntry]
    tenants: dict[str, TenantEntry]
    new_bytes: int
    seconds: float

    @property
    def rows(self) -> dict[str, int]:
        """By kind, of all tenants."""
        found: dict[str, int] = {}
        for tenant in self.tenants.values():
            for kind, count in tenant.rows.items():
                found[kind] = found.get(kind, 0) + count
        return found

    def summary(self) -> dict[str, Any]:
        """For people and JSON."""
        return {
            "name": self.name,
            "at": self.at.isoformat(),
            "version": self.version,
            "tenant": self.tenant,
            "revision": self.database.revision,
            "database": self.database.dialect,
            "tenants": len(self.tenants),
            "rows": self.rows,
            "new_bytes": self.new_bytes,
            "seconds": round(self.seconds, 3),
        }


def read_manifest(place: BackupPlace, name: str) -> Manifest:
    """A backup's manifest.

    Raises:
        Damaged: it is missing, or not what was written.
        NewerFormat: a later version wrote it.
    """
    return Manifest.model_validate(place.manifest(name))


def read_index(place: BackupPlace, entry: TenantEntry) -> TenantIndex:
    """A tenant's index.

    Raises:
        Damaged: it is missing, or not what was written.
    """
    return TenantIndex.model_validate_json(place.read(entry.index))


def contents(place: BackupPlace, manifest: Manifest) -> Iterator[tuple[str, Content]]:
    """Everything that a backup needs, with a name for people; a tenant's index before what it names.

    Raises:
        Damaged: an index cannot be read.
    """
    yield "metadata database", manifest.database.content
    for part, files in (
        ("log", manifest.log),
        ("first level", manifest.first_level),
        ("files", manifest.files),
        ("outside", manifest.outside),
    ):
        for file in files:
            yield f"{part} {file.path}", file.content
    for slug, tenant in manifest.tenants.items():
        yield f"index of {slug}", tenant.index
        for kind, content in tenant.pending.items():
            yield f"newest rows of {slug}, {kind}", content
        for segment in read_index(place, tenant).segments:
            yield f"segment {slug}/{segment.path}", segment.content
