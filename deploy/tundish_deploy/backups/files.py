"""Files beside store and database that a platform needs: packages, models, keys, certificates."""

from __future__ import annotations

import fnmatch
import io
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from tundish_deploy.backups.manifest import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tundish_deploy.backups.place import BackupPlace, Content
    from tundish_deploy.settings import Settings

# Everything else below the data folder is kept, so that what a later version puts there is not forgotten.
LEFT_OUT: Final = {
    "store/*": "kept by its manifest",
    "metadata.sqlite*": "kept as a copy of one moment",
    "logs/*": "of the parts, for people",
    "cache/*": "copies of objects",
    "scratch/*": "of a writer that is running",
    "apps/unpacked/*": "made from the packages again",
    "edge/*/spool/*": "samples on their way: nobody was told that the platform has them",
    "*.lock": "of a process that is running",
    "*/lock": "of a process that is running",
    "*.tmp": "half-written",
    "*.new": "half-written",
    "*/.new-*": "half-written",
    "*-wal": "part of a SQLite file",
    "*-shm": "part of a SQLite file",
    "*-journal": "part of a SQLite file",
}
_SQLITE: Final = b"SQLite format 3\0"


def left_out(path: str) -> bool:
    """Whether a file of the data folder is in no backup."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in LEFT_OUT)


def kept_files(place: BackupPlace, settings: Settings, tenant: str | None) -> list[FileEntry]:
    """Files of the data folder; of one tenant, its models only."""
    top = settings.data_dir
    key = settings.backup.key_file
    skipped = {path.resolve() for path in (key, settings.backup.place) if path is not None}
    found = []
    for path in sorted(_below(top if tenant is None else top / "models" / tenant, skipped)):
        name = path.relative_to(top).as_posix()
        if left_out(name):
            continue
        try:
            found.append(_entry(place, name, path))
        except FileNotFoundError:
            # It went away since the folder was listed; what the database names stays.
            continue
    return found


def outside_files(place: BackupPlace, settings: Settings) -> list[FileEntry]:
    """Files elsewhere that the settings name: keys, tokens, certificates; never the backups' key."""
    top = settings.data_dir.resolve()
    found = []
    for name, path in named_files(settings):
        inside = path.resolve().is_relative_to(top)
        if name != "backup.key_file" and path.is_file() and not inside:
            found.append(_entry(place, name, path))
    return found


def named_files(model: BaseModel, above: str = "") -> Iterator[tuple[str, Path]]:
    """All paths in settings, with their keys."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        for at, one in enumerate(value if isinstance(value, (list, tuple)) else [value]):
            key = f"{above}{name}" + (f".{at}" if isinstance(value, (list, tuple)) else "")
            if isinstance(one, Path):
                yield key, one
            elif isinstance(one, BaseModel):
                yield from named_files(one, f"{key}.")


def _below(folder: Path, skipped: set[Path]) -> Iterator[Path]:
    if not folder.is_dir() or folder.resolve() in skipped:
        return
    for path in folder.iterdir():
        if path.is_symlink():
            continue
        if path.is_dir():
            yield from _below(path, skipped)
        elif path.resolve() not in skipped:
            yield path


def _entry(place: BackupPlace, name: str, path: Path) -> FileEntry:
    return FileEntry(path=name, content=_content(place, path), mode=path.stat().st_mode & 0o777)


def _content(place: BackupPlace, path: Path) -> Content:
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            file.seek(0)
            return place.keep(file)
    # Somebody may be writing to it: its own copying sees one moment.
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE").fetchall()
        return place.keep(io.BytesIO(copy.read_bytes()))
