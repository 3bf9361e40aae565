"""Bringing one tenant back into a platform that has others, without touching theirs.

The tenant gets a new number, so that nothing that still lies about under its old one can come into it. Its
rows keep their own numbers where these are free; where not, they get others, and what refers to them follows.
Its segments come as older than anything that this platform's log will ever hold.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tundish_deploy.backups import database
from tundish_deploy.backups.manifest import read_index
from tundish_deploy.backups.moment import pending
from tundish_deploy.backups.restore import RestoreRefused, check_revision, write_files
from tundish_deploy.backups.tenantrows import TenantRows
from tundish_platform.audit import record
from tundish_platform.migrations import upgrade, waiting
from tundish_platform.samples import SampleKind
from tundish_platform.store.files import LocalFiles
from tundish_platform.store.log import records
from tundish_platform.store.objects import LocalObjects
from tundish_platform.store.segments import segment as segments
from tundish_platform.tenancy.metadata import Metadata
from tundish_platform.tenancy.reach import Above

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tundish_deploy.backups.manifest import Manifest, TenantEntry
    from tundish_deploy.backups.place import BackupPlace
    from tundish_platform.store.segments.segment import SegmentFile

_MARK: Final = "restoring"


@dataclass(frozen=True, slots=True)
class _Newest:
    """Segments that were made of rows which lay in none."""

    files: list[SegmentFile]


def restore_tenant(
    place: BackupPlace, manifest: Manifest, data_dir: Path, url: str, slug: str
) -> dict[str, Any]:
    """Bring a tenant back out of a backup of the whole platform or of this tenant.

    Args:
        place: of the backup.
        manifest: the backup.
        data_dir: of the platform that gets the tenant; it may run meanwhile.
        url: of its metadata database.
        slug: of the tenant.

    Returns:
        What came back, what did not and why.

    Raises:
        RestoreRefused: nothing was changed: the backup does not have the tenant, the platform does, or a
            code, a name or a key of it is another tenant's there.
        NewerDatabase: a later version of the platform made the backup.
        Damaged: something in the backup is not what was written.
    """
    if slug not in manifest.tenants:
        has = ", ".join(sorted(manifest.tenants)) or "no tenant"
        raise RestoreRefused(f"backup {manifest.name} does not have {slug}; it has {has}")
    metadata = Metadata(url)
    try:
        _check(metadata, data_dir, slug)
        with tempfile.TemporaryDirectory(prefix="tundish-restore-") as folder:
            copy = Path(folder) / "metadata.sqlite"
            place.write_to(manifest.database.content, copy)
            check_revision(copy)
            known_to = _known_to(copy)
            _to_newest(copy)
            newest = _pending(place, manifest, manifest.tenants[slug], Path(folder), known_to)
            return _bring(place, manifest, data_dir, metadata, copy, newest, slug)
    finally:
        metadata.close()


def _check(metadata: Metadata, data_dir: Path, slug: str) -> None:
    with metadata.engine.connect() as connection:
        if not sa.inspect(connection).has_table("tenant") or waiting(connection):
            raise RestoreRefused(
                f"there is no platform of this version in {data_dir}; run `tundish metadata upgrade` for a "
                "new one, `tundish upgrade` for an older one"
            )
        tenants = sa.table("tenant", sa.column("slug"))
        if connection.scalar(sa.select(tenants.c.slug).where(tenants.c.slug == slug)):
            raise RestoreRefused(f"there is a tenant {slug} already; nothing is ever overwritten")


def _known_to(copy: Path) -> dict[int, int]:
    with database.opened(copy) as connection:
        sealed = sa.table("sealed_up_to", sa.column("tenant_id"), sa.column("sequence"))
        return {row.tenant_id: row.sequence for row in connection.execute(sa.select(sealed))}


def _to_newest(copy: Path) -> None:
    metadata = Metadata(f"sqlite:///{copy}")
    try:
        upgrade(metadata)
    finally:
        metadata.close()


def _pending(
    place: BackupPlace, manifest: Manifest, entry: TenantEntry, folder: Path, known_to: Mapping[int, int]
) -> dict[SampleKind, pa.Table]:
    """Rows that lay in no segment."""
    if manifest.tenant is not None:
        return {
            SampleKind(kind): pa.ipc.open_stream(place.read(content)).read_all()
            for kind, content in entry.pending.items()
        }
    write_files(place, manifest.log, folder / "log")
    write_files(place, manifest.first_level, folder / "first-level")
    logs = [folder / "log" / one.path for one in manifest.log]
    names = [one.path for one in manifest.first_level]
    return pending(logs, folder / "first-level", names, known_to).get(entry.id, {})


def _bring(
    place: BackupPlace,
    manifest: Manifest,
    data_dir: Path,
    metadata: Metadata,
    copy: Path,
    newest: Mapping[SampleKind, pa.Table],
    slug: str,
) -> dict[str, Any]:
    root, entry = data_dir / "store", manifest.tenants[slug]
    with _staged(root, slug) as staged:
        for one in read_index(place, entry).segments:
            place.write_to(one.content, staged / slug / one.path)
        with database.opened(copy) as source, metadata.above(Above.OPERATOR).session() as session:
            target = session.connection()
            rows = TenantRows(source, target, entry.id)
            last = rows.most_in_a_day + 1
            _check_sequences(root, target, last)
            written = _written(staged, slug, newest, last)
            try:
                rows.bring(_Newest(written).files, last)
            except IntegrityError as error:
                raise RestoreRefused(
                    f"a name, a code or a key of {slug} is another one's in this platform: {error.orig}"
                ) from error
            detail = {"backup": manifest.name, "number": rows.tenant_id}
            actor = f"tundish-restore:{getpass.getuser()}"
            record(session, actor, "tenant.restored", slug, tenant=slug, now=datetime.now(UTC), detail=detail)
            models = [one for one in manifest.files if one.path.startswith(f"models/{slug}/")]
            write_files(place, models, data_dir)
            # Before the commit: rows must not name files that are not there.
            _into_place(staged / slug, root / "tenants" / slug)
    return {
        "restored": manifest.name, "tenant": slug, "number": rows.tenant_id, "rows": entry.rows,
        "segments": rows.segments + len(written), "table_rows": rows.brought,
        "renumbered": sorted(rows.renumbered), "left_out": rows.left_out,
        "people_without_password": sorted(rows.people),
    }  # fmt: skip


@contextmanager
def _staged(root: Path, slug: str) -> Iterator[Path]:
    """A folder beside the tenants' own; one that an interrupted restore left is thrown away."""
    home = root / "tenants" / slug
    if (home / _MARK).exists():
        shutil.rmtree(home)
    if home.is_dir() and any(home.iterdir()):
        raise RestoreRefused(f"{home} is not empty, and no tenant has it; look what it is and move it away")
    staged = root / f"restoring-{slug}"
    shutil.rmtree(staged, ignore_errors=True)
    LocalFiles().make_folder(staged / slug)
    (staged / slug / _MARK).touch()
    try:
        yield staged
    except BaseException:
        if (home / _MARK).exists():
            shutil.rmtree(home)
        raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    (home / _MARK).unlink()


def _into_place(folder: Path, home: Path) -> None:
    files = LocalFiles()
    for path in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
        files.sync_folder(path)
    files.make_folder(home.parent)
    if home.is_dir():
        home.rmdir()
    folder.rename(home)
    files.sync_folder(home.parent)


def _written(staged: Path, slug: str, newest: Mapping[SampleKind, pa.Table], order: int) -> list[SegmentFile]:
    """Segments of the rows that lay in none, newer than all others."""
    found = []
    for kind, table in newest.items():
        days = pc.cast(table["ts"], pa.date32())
        for day in sorted(pc.unique(days).to_pylist()):
            part = table.filter(pc.equal(days, day)).combine_chunks()
            made = segments.write(LocalObjects(staged), slug, kind, day, part, (order, order))
            found.append(replace(made, min_sequence=order, max_sequence=order))
    return found


def _check_sequences(root: Path, target: sa.Connection, last: int) -> None:
    """A writer that runs must be beyond the numbers that the tenant's segments get.

    Raises:
        RestoreRefused: it is not: what it writes next for the tenant would be taken for written long ago.
    """
    sealed = sa.table("sealed_up_to", sa.column("sequence"))
    reached = max(_logged(root / "log"), target.scalar(sa.select(sa.func.max(sealed.c.sequence))) or 0)
    if reached <= last and _writer_runs(root):
        raise RestoreRefused(
            "this platform has hardly written anything yet; stop it, restore, and start it again"
        )


def _logged(folder: Path) -> int:
    """Highest sequence in the log's newest file, or the one before that file."""
    newest = max(folder.glob("*.log"), default=None)
    if newest is None:
        return 0
    try:
        found = records.scan(newest.read_bytes()).records
    except FileNotFoundError:
        # Let go at this moment: then what it held is sealed.
        found = []
    return max([int(newest.stem) - 1, *(one.sequence for one in found)])


def _writer_runs(root: Path) -> bool:
    lock = root / "writer.lock"
    if not lock.exists():
        return False
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
