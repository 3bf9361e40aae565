"""The few file operations that durability hangs on, in one place so that tests can let them fail."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Files:
    """File operations of the spool on the real disk."""

    def open_segment(self, path: Path) -> int:
        """Open for appending, creating it, with its directory entry made durable."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.sync_directory(path.parent)
        return descriptor

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all bytes.

        Raises:
            OSError: the disk is full or broken; part of the bytes may have been written.
        """
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        """Make the file's content durable."""
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file back to a size in bytes."""
        os.ftruncate(descriptor, size)

    def close(self, descriptor: int) -> None:
        """Close the file."""
        os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file; missing is fine. That a power cut may bring it back does no harm."""
        path.unlink(missing_ok=True)

    def sync_directory(self, directory: Path) -> None:
        """Make names in a directory durable."""
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace_text(self, path: Path, text: str) -> None:
        """Put a small file in place at once and for good: never half of it, never the old one again."""
        fresh = path.with_name(path.name + ".new")
        descriptor = self.open_fresh(fresh)
        try:
            self.write(descriptor, text.encode())
            self.sync(descriptor)
        finally:
            self.close(descriptor)
        self.rename(fresh, path)
        self.sync_directory(path.parent)

    def open_fresh(self, path: Path) -> int:
        """Open an empty file for writing, whatever was there."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def rename(self, path: Path, new: Path) -> None:
        """Give a file another name, in place of the file that had it."""
        path.replace(new)

    def free_bytes(self, directory: Path) -> int:
        """Bytes that may still be written on the disk of a directory."""
        return shutil.disk_usage(directory).free
