"""Archives by their digest, and what is in them, laid out read-only for the sandbox; nothing is imported."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from tundish_platform.marketplace.catalogue import App
from tundish_platform.sdk.package import MAX_ARCHIVE, Package, PackageError, digest_of, read_package

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FILE, _FOLDER = 0o444, 0o555
# A file system's clock may stand still for so long, in which a second change would leave no mark.
_SETTLED_NS: Final = 2_000_000_000

# Name, device, inode, mode, size, and the time of the last change, which nobody can set.
_Mark = tuple[str, int, int, int, int, int]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PackageFolder:
    """The archives below one folder: ``<digest>.zip``, and ``unpacked/<digest>/<package>/``.

    Several processes may work on the same folder; what one has checked it remembers for itself.
    """

    root: Path
    _checked: dict[str, tuple[tuple[_Mark, ...], App]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def keep(self, data: bytes) -> str:
        """Put an archive on disk, synced; returns its digest. Keeping it twice is no error."""
        digest = digest_of(data)
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.root, prefix=".new-", delete=False) as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), _FILE)
            os.fsync(file.fileno())
        Path(file.name).replace(self._archive(digest))
        _sync(self.root)
        return digest

    def has(self, digest: str) -> bool:
        """Whether an archive of that digest was kept; `read` says whether it is whole."""
        return self._archive(digest).is_file()

    def read(self, digest: str) -> bytes:
        """An archive, checked against its digest.

        Raises:
            PackageError: it is not there, or no longer what it was.
        """
        try:
            with self._archive(digest).open("rb") as file:
                data = file.read(MAX_ARCHIVE + 1)
        except OSError as error:
            raise PackageError(f"the archive {digest} is not there") from error
        if digest_of(data) != digest:
            raise PackageError(f"the archive {digest} is not what it was when it was kept")
        return data

    def load(self, digest: str) -> App:
        """The app in an archive, laid out for the sandbox.

        Archive and layout are read and checked the first time, and whenever something about any of their
        files is other than it was then. A layout that differs from its archive is thrown away and made anew.

        Raises:
            PackageError: the archive is not there, damaged, or no package.
        """
        marks = self._marks(digest)
        known = self._checked.get(digest)
        if known is not None and known[0] == marks:
            return known[1]
        app = self._load(digest)
        # Marks from before the check: what changes meanwhile differs from them.
        if marks and max(mark[-1] for mark in marks) < time.time_ns() - _SETTLED_NS:
            self._checked[digest] = marks, app
        else:
            self._checked.pop(digest, None)
        return app

    def _load(self, digest: str) -> App:
        package = read_package(self.read(digest))
        place = self.root / "unpacked" / digest
        if place.exists() and not _same(place, package):
            _log.warning("package_layout_was_changed", digest=digest)
            _throw_away(place)
        if not place.exists():
            _lay_out(place, package)
        if not _same(place, package):
            raise PackageError(f"the layout of {digest} changes while it is read")
        return App(package.manifest, place / package.manifest.package, foreign=True)

    def _marks(self, digest: str) -> tuple[_Mark, ...]:
        """Of the archive and of everything in its layout; nothing where either is not there."""
        place = self.root / "unpacked" / digest
        try:
            return (_mark("", self._archive(digest)), _mark(".", place), *_marks_below(place))
        except OSError:
            return ()

    def _archive(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise PackageError("a digest has 64 hexadecimal digits")
        return self.root / f"{digest}.zip"


def _mark(name: str, path: Path | os.DirEntry[str]) -> _Mark:
    found = path.stat(follow_symlinks=False)
    return name, found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_ctime_ns


def _marks_below(place: Path) -> list[_Mark]:
    marks = []
    with os.scandir(place) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            marks.append(_mark(entry.path, entry))
            if entry.is_dir(follow_symlinks=False):
                marks += _marks_below(Path(entry.path))
    return marks


def _same(place: Path, package: Package) -> bool:
    """Whether the files below a folder are the package's, byte by byte, and no others."""
    found = {}
    for path in place.rglob("*"):
        if path.is_symlink():
            return False
        if not path.is_dir():
            found[path.relative_to(place).as_posix()] = path
    if found.keys() != package.files.keys():
        return False
    return all(path.read_bytes() == package.files[name] for name, path in found.items())


def _lay_out(place: Path, package: Package) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=place.parent, prefix=".new-"))
    for name, content in package.files.items():
        file = new / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(_FILE)
    for folder in [path for path in new.rglob("*") if path.is_dir()]:
        folder.chmod(_FOLDER)
    # Another process may have been faster; its layout is checked like any other.
    with suppress(OSError):
        new.rename(place)
    if new.exists():
        _throw_away(new)
    else:
        place.chmod(_FOLDER)


def _throw_away(place: Path) -> None:
    gone = place.with_name(f".gone-{os.getpid()}-{place.name}")
    with suppress(FileNotFoundError):
        place.rename(gone)
        for folder in [gone, *(path for path in gone.rglob("*") if path.is_dir() and not path.is_symlink())]:
            folder.chmod(0o700)
        shutil.rmtree(gone)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
