"""Bringing a whole platform back, into an empty place: all of it appears at once, or nothing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tundish_deploy.backups import database
from tundish_deploy.backups.manifest import read_index
from tundish_platform.migrations import revision_of, waiting
from tundish_platform.store.files import LocalFiles

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_deploy.backups.manifest import FileEntry, Manifest
    from tundish_deploy.backups.place import BackupPlace

OUTSIDE = "restored"
"""Folder below the data folder for files that lay outside of it, by the settings' keys."""


class RestoreRefused(Exception):  # noqa: N818 - reads as what it is where it is caught
    """Nothing was changed; the message says why and what to do."""


def restore_whole(place: BackupPlace, manifest: Manifest, data_dir: Path, url: str) -> None:
    """Bring back a backup of the whole platform.

    Args:
        place: of the backup.
        manifest: the backup.
        data_dir: a folder that is empty or not there.
        url: of the metadata database: an empty one of a server, or a SQLite file that is not there.

    Raises:
        RestoreRefused: the backup is of one tenant, or something is there already.
        NewerDatabase: a later version of the platform made the backup.
        Damaged: something in the backup is not what was written.
        NotTheSame: the server took other rows than it was given.
    """
    if manifest.tenant is not None:
        raise RestoreRefused(
            f"backup {manifest.name} holds the tenant {manifest.tenant} only; restore it with --tenant"
        )
    if data_dir.is_dir() and any(data_dir.iterdir()):
        raise RestoreRefused(f"{data_dir} is not empty; name a folder that is, nothing is ever overwritten")
    target = sa.make_url(url)
    file = _file_of(target, data_dir)
    if file is not None and file.exists():
        raise RestoreRefused(f"{file} exists; nothing is ever overwritten")
    staged = data_dir.with_name(f"{data_dir.name}.restoring")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True, mode=0o700)
    copy = staged / "metadata.sqlite"
    place.write_to(manifest.database.content, copy)
    check_revision(copy)
    _write_store(place, manifest, staged / "store")
    write_files(place, manifest.files, staged)
    write_files(place, manifest.outside, staged / OUTSIDE)
    if file is None:
        with database.opened(copy) as source:
            try:
                database.fill_server(source, url, manifest.database.revision)
            except FileExistsError as error:
                raise RestoreRefused(str(error)) from error
        copy.unlink()
    elif file.parent.resolve() != data_dir.resolve() or file.name != copy.name:
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(copy, file)
    _sync(staged)
    if data_dir.is_dir():
        data_dir.rmdir()
    staged.rename(data_dir)
    LocalFiles().sync_folder(data_dir.parent)


def check_revision(copy: Path) -> str:
    """The revision of a database file out of a backup.

    Raises:
        NewerDatabase: this version does not know it.
    """
    with database.opened(copy) as connection:
        waiting(connection)
        return revision_of(connection) or ""


def write_files(place: BackupPlace, entries: list[FileEntry], folder: Path) -> None:
    """Write files out below a folder.

    Raises:
        Damaged: a file is not what was written, or would come to lie elsewhere.
    """
    for entry in entries:
        target = folder / entry.path
        if not target.resolve().is_relative_to(folder.resolve()):
            raise RestoreRefused(f"{entry.path} leads out of the folder")
        place.write_to(entry.content, target)
        target.chmod(entry.mode)


def _write_store(place: BackupPlace, manifest: Manifest, root: Path) -> None:
    write_files(place, manifest.log, root / "log")
    write_files(place, manifest.first_level, root / "first-level")
    for slug, entry in manifest.tenants.items():
        for segment in read_index(place, entry).segments:
            place.write_to(segment.content, root / "tenants" / slug / segment.path)


def _file_of(url: sa.URL, data_dir: Path) -> Path | None:
    if url.get_backend_name() != "sqlite":
        return None
    return data_dir / "metadata.sqlite" if url.database is None else type(data_dir)(url.database)


def _sync(folder: Path) -> None:
    files = LocalFiles()
    for path in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
        files.sync_folder(path)
