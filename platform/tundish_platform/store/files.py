"""The few file operations that durability depends on, in one place, so that tests can make each fail."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


_REMEMBERED: Final = 4096


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
        """Open a file for appending, made if missing; its name is durable only after `sync_folder`."""
        ...

    def sync(self, path: Path) -> None:
        """Make a finished file's content durable."""
        ...

    def rename(self, path: Path, new: Path) -> None:
        """Give a file another name in the same file system; durable only after `sync_folder`."""
        ...

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file, durably."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file; missing is fine."""
        ...

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, durably."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Make the folder's own entries durable."""
        ...


def write_all(write: Callable[[memoryview], int], data: bytes) -> None:
    """Write until all is written: the system may take less at a time than it is given."""
    rest = memoryview(data)
    while rest:
        rest = rest[write(rest) :]


class _LocalAppendFile:
    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, data: bytes) -> None:
        write_all(lambda rest: os.write(self._descriptor, rest), data)

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class LocalFiles:
    """`FileLayer` on the local file system."""

    def append(self, path: Path) -> AppendFile:
        """Open a file for appending, made if missing."""
        return _LocalAppendFile(path)

    def sync(self, path: Path) -> None:
        """Make a finished file's content durable."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, path: Path, new: Path) -> None:
        """Give a file another name."""
        path.replace(new)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file, durably."""
        os.truncate(path, size)
        self.sync(path)

    def remove(self, path: Path) -> None:
        """Remove a file; missing is fine."""
        path.unlink(missing_ok=True)

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, durably."""
        # A folder that exists may be one whose name no sync has made durable yet: a sync failed, or the
        # process that made it died. Only those that this object synced itself are taken as they are.
        synced: OrderedDict[Path, None] = self.__dict__.setdefault("_synced", OrderedDict())
        if folder in synced and folder.is_dir():
            return
        if folder.parent != folder:
            if not folder.is_dir():
                self.make_folder(folder.parent)
                folder.mkdir(mode=0o700, exist_ok=True)
            self.sync_folder(folder.parent)
        synced[folder] = None
        while len(synced) > _REMEMBERED:
            synced.popitem(last=False)

    def sync_folder(self, folder: Path) -> None:
        """Make the folder's own entries durable."""
        self.sync(folder)
