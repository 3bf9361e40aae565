"""A process that ends at any operation on its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tundish_platform.store.files import LocalFiles

if TYPE_CHECKING:
    from pathlib import Path


class Crash(BaseException):
    """The process ends here. No `Exception`, so that nothing on the way can live on."""


class CrashingFiles(LocalFiles):
    """Ends the process at a removal, rename or sync of a folder.

    Attributes:
        left: operations until then; never below 1.
    """

    left = -1

    def step(self) -> None:
        """Count an operation."""
        self.left -= 1
        if self.left == 0:
            raise Crash

    def remove(self, path: Path) -> None:
        """Remove a file, or end."""
        self.step()
        super().remove(path)

    def rename(self, path: Path, new: Path) -> None:
        """Give a file another name, or end."""
        self.step()
        super().rename(path, new)

    def sync_folder(self, folder: Path) -> None:
        """Make a folder's entries durable, or end."""
        self.step()
        super().sync_folder(folder)
