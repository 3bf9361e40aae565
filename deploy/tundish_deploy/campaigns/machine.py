"""A machine on that disk: counts what durability depends on, and fails where it is told to."""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tundish_platform.store.files import LocalFiles, write_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tundish_deploy.campaigns.disk import Disk

    Fault = Callable[[int, str], int | None]


# What a fault gives instead of an error number: the write takes half, and says so.
SHORT: Final = -1
# Left out for a control: a folder that is there already is taken as safe, whoever made it.
LEFT_FOLDERS: Final = "left-folders"


class PowerLost(BaseException):
    """The machine is off from here on."""


@dataclass
class Machine:
    """What files and database have in common.

    Attributes:
        disk: the model of the disk.
        cut_after: operations until the power goes; never for None.
        ignored: operations that do nothing, as on a disk that only says it did; for controls.
        fault: given the number of an operation and what it does to what, the error number it fails with,
            or `SHORT`.
        swallowed: a failing operation says that all is well; for controls.
        dead: the power is gone.
        count: operations done.
        places: how often the power went before which operation.
        order: what the operations did to what, one after the other.
        failed: operations that were made to fail, in words.
    """

    disk: Disk
    cut_after: int | None = None
    ignored: frozenset[str] = frozenset()
    fault: Fault | None = None
    swallowed: bool = False
    dead: bool = False
    count: int = 0
    places: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def step(self, operation: str, path: Path) -> int | None:
        """Count an operation that is about to be done; returns the error number it shall fail with.

        Raises:
            PowerLost: the power goes here or is gone.
        """
        place = f"{operation} {_kind(path)}"
        if self.dead:
            raise PowerLost
        if self.cut_after is not None and self.count >= self.cut_after:
            self.dead = True
            self.places[place] += 1
            raise PowerLost
        self.count += 1
        self.order.append(place)
        number = self.fault(self.count, place) if self.fault is not None else None
        if number is not None:
            self.failed.append(f"{errno.errorcode.get(number, 'short')} at {place}")
        return number

    def report(self, number: int | None, path: Path) -> bool:
        """Whether an operation fails silently; told failures are raised."""
        if number is None:
            return False
        if not self.swallowed:
            raise OSError(number, os.strerror(number), str(path))
        return True


def _kind(path: Path) -> str:
    """Which part of the store a path belongs to, in a word."""
    if path.suffix in {".parquet", ".log", ".tmp", ".arrow"}:
        return path.suffix[1:]
    if "sqlite" in path.name:
        return path.name.rsplit("-", 1)[1] if "-" in path.name else "database"
    return "folder" if not path.suffix else path.suffix[1:]


class MachineFiles(LocalFiles):
    """`FileLayer` of the store on a `Machine`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def append(self, path: Path) -> MachineFile:
        """Open a file for appending, made if missing."""
        if not self._fails("open", path):
            path.touch(0o600)
        return MachineFile(path, self._machine)

    def sync(self, path: Path) -> None:
        """Make a finished file's content safe."""
        sync_content(self._machine, "sync", path)

    def rename(self, path: Path, new: Path) -> None:
        """Give a file another name."""
        if not self._fails("rename", new):
            super().rename(path, new)
            self._machine.disk.renamed(path, new)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file; the power may go before that is safe."""
        if not self._fails("truncate", path):
            os.truncate(path, size)
            self.sync(path)

    def remove(self, path: Path) -> None:
        """Remove a file; missing is fine."""
        if not self._fails("remove", path):
            super().remove(path)

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it; the power may go between them."""
        if folder.is_dir():
            # Whether its name needs a sync all the same is for the store itself to decide.
            if LEFT_FOLDERS not in self._machine.ignored:
                super().make_folder(folder)
        elif not self._fails("make", folder):
            super().make_folder(folder)

    def sync_folder(self, folder: Path) -> None:
        """Make the folder's own entries safe."""
        if not self._fails("sync-folder", folder) and "sync-folder" not in self._machine.ignored:
            self._machine.disk.sync_names(folder)

    def _fails(self, operation: str, path: Path) -> bool:
        return self._machine.report(self._machine.step(operation, path), path)


class MachineFile:
    """`AppendFile` on a `Machine`."""

    def __init__(self, path: Path, machine: Machine) -> None:
        self._path = path
        self._machine = machine

    def write(self, data: bytes) -> None:
        """Write at the end, as the store does when a system takes less than it was given."""
        write_all(self._write, data)

    def _write(self, rest: memoryview) -> int:
        """One call of the system; a failing or short one has written half."""
        number = self._machine.step("write", self._path)
        done = len(rest) if number is None else (len(rest) + 1) // 2
        with self._path.open("ab") as file:
            file.write(rest[:done])
        if number is not None and number != SHORT:
            self._machine.report(number, self._path)
            # Nobody was told, so nobody writes the other half.
            return len(rest)
        return done

    def sync(self) -> None:
        """Make what was written so far safe."""
        sync_content(self._machine, "fdatasync", self._path)

    def close(self) -> None:
        """Every write opens the file anew, so there is nothing to give back."""


def sync_content(machine: Machine, operation: str, path: Path) -> None:
    """Sync one file; a failing sync loses what was not safe, as Linux drops the pages."""
    number = machine.step(operation, path)
    if number is not None:
        machine.disk.revert(path)
        machine.report(number, path)
    elif operation not in machine.ignored:
        machine.disk.sync_content(path)
