"""The archive an app travels in: the same files give the same bytes, on every machine and at any time.

A package is a ZIP without compression, written in one way only (docs/reference/app-packages.md). Whatever
another writer could do differently, from a second file of the same name to bytes between the members, makes
other bytes than ours and is refused.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from tundish_platform.sdk.manifest import Manifest, ManifestError, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_FILES: Final = 200
MAX_FILE_BYTES: Final = 1024 * 1024
MAX_TEXT_BYTES: Final = 64 * 1024
"""Of a manifest or a card, which everybody's catalogue shows."""
MAX_BYTES: Final = 4 * 1024 * 1024
MAX_ARCHIVE: Final = MAX_BYTES + MAX_FILES * 1024
SUFFIXES: Final = frozenset({".py", ".toml", ".md", ".json", ".csv", ".typed"})

_MANIFEST: Final = "app.toml"
_SHOWN: Final = frozenset({".toml", ".md"})
_NAME: Final = re.compile(r"tundish_app_[a-z0-9_]{1,48}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}){1,5}", re.ASCII)
_CACHES: Final = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
# ZIP knows no time before 1980; files are regular and may be read, nothing else.
_TIME: Final = (1980, 1, 1, 0, 0, 0)
_ATTRIBUTES: Final = 0o100444 << 16
_UNIX: Final = 3
_UNREADABLE: Final = (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, OSError, struct.error)


class PackageError(ValueError):
    """A folder that cannot be packed, or an archive that is no package."""


@dataclass(frozen=True, slots=True)
class Package:
    """An app as it travels.

    Attributes:
        manifest: what its `app.toml` says.
        files: content by name, sorted; all names begin with the package's.
        data: the archive.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    data: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the archive, in hexadecimal."""
        return digest_of(self.data)


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def pack(folder: Path) -> Package:
    """Pack the folder of an app's package, ``tundish_app_<name>`` with its `app.toml`.

    Caches of tools are left out; any other file that a package may not hold is an error.

    Raises:
        PackageError: says which file cannot be packed, and why.
    """
    root = folder.resolve()
    files = {}
    for path in _walk(root):
        name = f"{root.name}/{path.relative_to(root).as_posix()}"
        if path.is_symlink() or not path.is_file():
            raise PackageError(f"{name} is no regular file; packages hold no links and nothing special")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise PackageError(f"{name} is larger than {MAX_FILE_BYTES} bytes")
        files[name] = path.read_bytes()
    return package_of(files)


def package_of(files: Mapping[str, bytes]) -> Package:
    """The package of these files.

    Args:
        files: content by name, ``tundish_app_<name>/…``.

    Raises:
        PackageError: a name, a size, or what is missing.
    """
    _check(files)
    ordered = dict(sorted(files.items()))
    return Package(_manifest(ordered), ordered, _written(ordered))


def read_package(data: bytes) -> Package:
    """The package in an archive of whatever origin; nothing is written to disk.

    Raises:
        PackageError: says why it is none.
    """
    if len(data) > MAX_ARCHIVE:
        raise PackageError(f"the archive is larger than {MAX_ARCHIVE} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members)
            files = {member.filename: archive.read(member) for member in members}
    except PackageError:
        raise
    except _UNREADABLE as error:
        raise PackageError(f"the archive cannot be read: {error}") from error
    package = package_of(files)
    if package.data != data:
        raise PackageError("its bytes are not the canonical ones, which `tundish app pack` writes")
    return package


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _CACHES:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Everything that must hold before a byte of content is read."""
    if len(members) > MAX_FILES:
        raise PackageError(f"more than {MAX_FILES} files")
    names = [member.filename for member in members]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise PackageError(f"{min(twice)!r:.90} is in it twice")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise PackageError(f"{member.filename!r:.90} is compressed; packages are not")
        if member.external_attr != _ATTRIBUTES:
            raise PackageError(
                f"{member.filename!r:.90} is a link or has other rights than files of packages"
            )
    _check_sizes({member.filename: member.file_size for member in members})


def _check(files: Mapping[str, bytes]) -> None:
    if len(files) > MAX_FILES:
        raise PackageError(f"more than {MAX_FILES} files")
    for name in files:
        if not _NAME.fullmatch(name):
            raise PackageError(f"{name!r:.90} is no name for a file of a package")
        if PurePosixPath(name).suffix not in SUFFIXES:
            raise PackageError(f"{name} is of no kind that packages hold: {', '.join(sorted(SUFFIXES))}")
    # Two such names are one file on some machines.
    if len({name.lower() for name in files}) < len(files):
        raise PackageError("two names differ in upper and lower case only")
    _check_sizes({name: len(content) for name, content in files.items()})
    for name, content in files.items():
        if PurePosixPath(name).suffix in _SHOWN:
            _check_text(name, content)


def _check_text(name: str, content: bytes) -> None:
    if len(content) > MAX_TEXT_BYTES:
        raise PackageError(f"{name} is larger than {MAX_TEXT_BYTES} bytes, which is much for a text")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise PackageError(f"{name} is not written in UTF-8") from error


def _check_sizes(sizes: Mapping[str, int]) -> None:
    for name, size in sizes.items():
        if size > MAX_FILE_BYTES:
            raise PackageError(f"{name!r:.90} is larger than {MAX_FILE_BYTES} bytes")
    if sum(sizes.values()) > MAX_BYTES:
        raise PackageError(f"the files are larger than {MAX_BYTES} bytes together")


def _manifest(files: Mapping[str, bytes]) -> Manifest:
    tops = {name.partition("/")[0] for name in files}
    if len(tops) != 1:
        raise PackageError("a package holds the files of one folder tundish_app_<name>")
    top = tops.pop()
    for needed in ("__init__.py", _MANIFEST):
        if f"{top}/{needed}" not in files:
            raise PackageError(f"{top}/{needed} is missing")
    try:
        manifest = parse_manifest(files[f"{top}/{_MANIFEST}"], f"{top}/{_MANIFEST}")
    except ManifestError as error:
        raise PackageError(str(error)) from error
    if manifest.package != top:
        raise PackageError(f"the entry lies in {manifest.package}, the folder is {top}")
    return manifest


def _written(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _TIME)
            member.create_system, member.external_attr = _UNIX, _ATTRIBUTES
            archive.writestr(member, content)
    return sink.getvalue()
