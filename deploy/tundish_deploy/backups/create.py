"""Making a backup while everything runs: hold a moment still, store what the place lacks, publish it."""

from __future__ import annotations

import io
import secrets
import sqlite3
import time
from contextlib import closing
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import sqlalchemy as sa

from tundish_deploy.backups import database, files
from tundish_deploy.backups.content import facts_of, total_rows
from tundish_deploy.backups.manifest import (
    DatabaseEntry,
    FileEntry,
    Manifest,
    SegmentEntry,
    TenantEntry,
    TenantIndex,
    read_index,
    read_manifest,
)
from tundish_deploy.backups.moment import held_moment, pending
from tundish_deploy.backups.place import FORMAT, SMALL_CHUNK
from tundish_deploy.backups.sealing import Damaged
from tundish_platform.migrations import waiting
from tundish_platform.tenancy.metadata import Metadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tundish_deploy.backups.content import Facts
    from tundish_deploy.backups.moment import HeldFile, Moment, NamedFile, Tenant
    from tundish_deploy.backups.place import BackupPlace, Content
    from tundish_deploy.settings import Settings
    from tundish_platform.samples import SampleKind

# To the microsecond: backups are put in order by their names.
_NAME: Final = "%Y%m%dT%H%M%S%f"


class BackupRefused(Exception):  # noqa: N818 - reads as what it is where it is caught
    """This platform cannot be backed up in this way; the message says why and what to do."""


def create_backup(settings: Settings, place: BackupPlace, tenant: str | None = None) -> Manifest:
    """Back up the whole platform, or one tenant; whoever writes to it goes on.

    Args:
        settings: of the platform.
        place: where to; only what it lacks is stored.
        tenant: slug of the only tenant to back up.

    Raises:
        BackupRefused: there is no platform, no such tenant, or the store lies on many machines.
        PlaceInUse: another process works in the place.
        NoStandingStill, NotTheSame: see there.
        OSError: the place is full, or something cannot be read.
    """
    _check(settings)
    started = time.monotonic()
    with place.alone():
        earlier = _Earlier(place, tenant)
        root = settings.data_dir / "store"
        with held_moment(root, settings.database, earlier.has, tenant) as moment:
            if tenant is not None and tenant not in moment.tenants:
                raise BackupRefused(f"there is no tenant {tenant}")
            before = place.written
            work = _Work(place, moment, earlier, root)
            manifest = Manifest(
                format=FORMAT,
                name=f"{moment.at:{_NAME}}-{secrets.token_hex(3)}",
                at=moment.at,
                version=installed_version("tundish"),
                tenant=tenant,
                database=work.database(settings.database, tenant),
                audit=None if tenant else work.audit(),
                log=[] if tenant else work.files(moment.log),
                first_level=[] if tenant else work.files(moment.first_level),
                files=files.kept_files(place, settings, tenant),
                outside=[] if tenant else files.outside_files(place, settings),
                tenants=work.tenants(single=tenant is not None),
                new_bytes=place.written - before,
                seconds=time.monotonic() - started,
            )
            place.publish(manifest.name, manifest.model_dump(mode="json"))
    return manifest


def _check(settings: Settings) -> None:
    if settings.store.mode == "cluster":
        raise BackupRefused(
            "the store lies on many machines: its log in NATS JetStream, its segments in an object store. "
            "Back these up with their own means, and export tenants with: tundish store export"
        )
    local = sa.make_url(settings.database)
    if local.get_backend_name() == "sqlite":
        try:
            with closing(sqlite3.connect(f"file:{local.database}?mode=ro", uri=True)) as connection:
                connection.execute("SELECT count(*) FROM alembic_version").fetchall()
        except sqlite3.Error as error:
            raise BackupRefused(f"there is no platform in {settings.data_dir}; check --settings") from error
    _check_revision(settings.database)


def _check_revision(url: str) -> None:
    """Refuse what a later version wrote: this one does not know what belongs to it."""
    metadata = Metadata(url)
    try:
        with metadata.engine.connect() as connection:
            waiting(connection)
    finally:
        metadata.close()


class _Earlier:
    """What the place holds of earlier backups; the newest one tells."""

    def __init__(self, place: BackupPlace, tenant: str | None) -> None:
        self._place = place
        self._entries: dict[str, TenantEntry] = {}
        for name in reversed(place.backups()):
            try:
                found = read_manifest(place, name)
            except Damaged:
                continue
            if found.tenant in {None, tenant}:
                self._entries = found.tenants
                break
        self._slug = ""
        self._segments: dict[tuple[str, str], Content] = {}
        self._facts: Facts = {}

    def has(self, slug: str, file: NamedFile) -> bool:
        """Whether a segment's content is there."""
        return self.content(slug, file) is not None

    def content(self, slug: str, file: NamedFile) -> Content | None:
        """A segment's content, if all of it is there."""
        self._open(slug)
        found = self._segments.get((file.path, file.mark))
        return found if found is not None and self._place.has(found) else None

    def facts(self, slug: str) -> Facts:
        """What the tenant's rows came to."""
        self._open(slug)
        return self._facts

    def _open(self, slug: str) -> None:
        # One at a time: tenants are gone through one after the other, and there may be very many.
        if slug == self._slug:
            return
        self._slug, self._segments, self._facts = slug, {}, {}
        if slug in self._entries:
            try:
                index = read_index(self._place, self._entries[slug])
            except Damaged:
                return
            self._segments = {(one.path, one.mark): one.content for one in index.segments}
            self._facts = index.facts


class _Work:
    def __init__(self, place: BackupPlace, moment: Moment, earlier: _Earlier, root: Path) -> None:
        self._place = place
        self._moment = moment
        self._earlier = earlier
        self._root = root

    def database(self, url: str, tenant: str | None) -> DatabaseEntry:
        """The metadata, all of it or one tenant's."""
        path = self._moment.database
        if tenant is not None:
            path = self._moment.folder / "tenant.sqlite"
            number = self._moment.tenants[tenant].id
            database.cut_out(self._moment.database, path, self._moment.revision, number)
        with database.opened(path) as connection:
            facts = database.table_facts(connection)
        with path.open("rb") as file:
            content = self._place.keep(file, chunk=SMALL_CHUNK)
        return DatabaseEntry(
            dialect=sa.make_url(url).get_backend_name(),
            revision=self._moment.revision,
            content=content,
            tables=facts,
        )

    def audit(self) -> tuple[int, str] | None:
        """The audit trail's end."""
        with database.opened(self._moment.database) as connection:
            if not sa.inspect(connection).has_table("audit_head"):
                return None
            head = sa.table("audit_head", sa.column("number"), sa.column("digest"))
            row = connection.execute(sa.select(head)).first()
            return None if row is None else (row.number, row.digest)

    def files(self, held: list[HeldFile]) -> list[FileEntry]:
        """Files of the log or the first level."""
        found = []
        for one in held:
            with one.path.open("rb") as file:
                found.append(FileEntry(path=one.name, content=self._place.keep(file, one.bytes)))
        return found

    def tenants(self, *, single: bool) -> dict[str, TenantEntry]:
        """Every tenant's segments, and what its rows come to."""
        moment = self._moment
        known_to = {tenant.id: tenant.known_to for tenant in moment.tenants.values()}
        logs = [file.path for file in self._cut_logs()]
        names = [file.name for file in moment.first_level]
        newest = pending(logs, moment.folder / "first-level", names, known_to)
        return {
            slug: self._tenant(tenant, newest.get(tenant.id, {}), single=single)
            for slug, tenant in moment.tenants.items()
        }

    def _cut_logs(self) -> list[HeldFile]:
        """The log's files as long as they were at the moment: what is kept and what is counted agree."""
        found = []
        folder = self._moment.folder / "cut"
        folder.mkdir()
        for held in self._moment.log:
            if held.path.stat().st_size == held.bytes:
                found.append(held)
                continue
            copy = folder / held.name
            with held.path.open("rb") as file:
                copy.write_bytes(file.read(held.bytes))
            found.append(held._replace(path=copy))
        return found

    def _tenant(self, tenant: Tenant, newest: Mapping[SampleKind, pa.Table], *, single: bool) -> TenantEntry:
        segments = [
            SegmentEntry(path=file.path, mark=file.mark, content=self._segment(tenant.slug, file))
            for file in tenant.files
        ]
        by_path = {one.path: one.content for one in segments}

        def find(file: NamedFile) -> Path:
            held = self._moment.paths.get((tenant.slug, file.path))
            if held is None:
                held = self._moment.folder / "segments" / f"again-{secrets.token_hex(8)}"
                self._place.write_to(by_path[file.path], held)
                self._moment.paths[tenant.slug, file.path] = held
            return held

        facts = facts_of(tenant, newest, self._earlier.facts(tenant.slug), find)
        index = TenantIndex(segments=segments, facts=facts)
        return TenantEntry(
            id=tenant.id,
            index=self._place.keep_bytes(index.model_dump_json().encode()),
            pending={kind.value: self._place.keep_bytes(_stream(table)) for kind, table in newest.items()}
            if single
            else {},
            rows=total_rows(facts),
            damaged=list(tenant.damaged),
        )

    def _segment(self, slug: str, file: NamedFile) -> Content:
        held = self._moment.paths.get((slug, file.path))
        if held is None:
            content = self._earlier.content(slug, file)
            if content is None:
                raise Damaged(f"what the place holds of {slug}/{file.path} went away meanwhile; try again")
            return content
        with held.open("rb") as source:
            return self._place.keep(source)


def _stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
