"""The few file operations that durability depends on, so that tests can make each of them fail."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class AppendFile(Protocol):
    """A file that is only ever appended to."""

    def write(self, data: bytes) -> None:
        """Write all of it at the end; nothing is durable yet."""
        ...

    def sync(self) -> None:
        """Return once everything written so far survives a power cut."""
        ...

    def close(self) -> None:
        """Give the descriptor back."""
        ...


class FileLayer(Protocol):
    """What log and segments need of a file system."""

    def append(self, path: Path) -> AppendFile:
        """Open a file for appending, made if missing."""
        ...

    def publish(self, temporary: Path, path: Path) -> None:
        """Sync a finished file and its folder under its final name: wholly there, or not at all."""
        ...

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file, durably."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Make the folder's own entries durable."""
        ...


class _LocalAppendFile:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class LocalFiles:
    """`FileLayer` on the local file system."""

    def append(self, path: Path) -> AppendFile:
        """Open a file for appending, made if missing."""
        return _LocalAppendFile(path)

    def publish(self, temporary: Path, path: Path) -> None:
        """Sync the file, give it its name, sync the folder."""
        _sync(temporary)
        temporary.replace(path)
        self.sync_folder(path.parent)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file, durably."""
        os.truncate(path, size)
        _sync(path)

    def remove(self, path: Path) -> None:
        """Remove a file; missing is fine."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Make the folder's own entries durable."""
        _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
