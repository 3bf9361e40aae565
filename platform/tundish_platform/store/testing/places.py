"""What the conformance suite asks of a log or an object store: to be opened again, made full, and broken."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tundish_platform.store.files import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tundish_platform.store.files import AppendFile
    from tundish_platform.store.log.interface import Log
    from tundish_platform.store.objects import Objects


@dataclass
class LogPlace:
    """Where one log lives.

    Attributes:
        name: of the log's class.
        opening: opens it.
        full: inside this context it has no room.
        broken: inside this context nothing can be made durable.
        too_large: bytes of a batch that is refused.
        opened: all that were opened.
    """

    name: str
    opening: Callable[[], Log]
    full: Callable[[], AbstractContextManager[None]]
    broken: Callable[[], AbstractContextManager[None]]
    too_large: int
    opened: list[Log] = field(default_factory=list)

    def open(self) -> Log:
        """The log, anew; the one that was open is closed."""
        self.close()
        self.opened.append(self.opening())
        return self.opened[-1]

    def close(self) -> None:
        """Close all."""
        for log in self.opened:
            log.close()


@dataclass
class ObjectsPlace:
    """Where objects live.

    Attributes:
        name: of the class.
        open: as another process would.
        full: inside this context it has no room.
        broken: inside this context nothing can be made durable.
    """

    name: str
    open: Callable[[], Objects]
    full: Callable[[], AbstractContextManager[None]]
    broken: Callable[[], AbstractContextManager[None]]


class FaultyFiles(LocalFiles):
    """A disk that is full or failing for as long as `error` is set; then nothing new is kept.

    Attributes:
        error: number of the error, or 0.
    """

    def __init__(self) -> None:
        self.error = 0

    def check(self) -> None:
        """Fail as the disk does."""
        if self.error:
            raise OSError(self.error, os.strerror(self.error))

    def append(self, path: Path) -> AppendFile:
        """A file that is cut back to what was synced."""
        return _FaultyFile(path, super().append(path), self)

    def sync(self, path: Path) -> None:
        """Make a file durable, or fail."""
        self.check()
        super().sync(path)

    def sync_folder(self, folder: Path) -> None:
        """Make a folder's entries durable, or fail."""
        self.check()
        super().sync_folder(folder)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file: a full disk can still be given back what was taken of it."""
        os.truncate(path, size)


class _FaultyFile:
    def __init__(self, path: Path, file: AppendFile, layer: FaultyFiles) -> None:
        self._path, self._file, self._layer = path, file, layer
        self._safe = path.stat().st_size

    def write(self, data: bytes) -> None:
        self._file.write(data[: len(data) // 2] if self._layer.error else data)
        self._layer.check()

    def sync(self) -> None:
        if self._layer.error:
            # What was not synced before the disk failed is gone.
            os.truncate(self._path, self._safe)
        self._layer.check()
        self._file.sync()
        self._safe = self._path.stat().st_size

    def close(self) -> None:
        self._file.close()
