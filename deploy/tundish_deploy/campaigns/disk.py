"""A model of a disk: what is left of a folder when the power goes."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from pathlib import Path

SECTOR: Final = 512
_TORN: Final = 0.05
# How much of what was not synced reached the disk; a disk is seldom half done with everything.
_SHARES: Final = (0.0, 0.3, 0.7, 1.0)


@dataclass
class Disk:
    """Knows which bytes and which names of a folder are safe; all others are lost or not by chance.

    Unsynced sectors come in any order, whole, torn or not at all; a file that grew may end anywhere and hold
    zeros where a sector is missing (ext4 and XFS never show what lay there before); names appear and
    disappear one by one until their folder is synced, but a rename inside a folder happens whole or not at
    all, as in every journalling file system.

    Attributes:
        root: the folder; all of it is under this model.
        chance: decides what survives.
    """

    root: Path
    chance: random.Random
    _content: dict[int, bytes] = field(default_factory=dict)
    _names: dict[Path, int] = field(default_factory=dict)
    _folders: set[Path] = field(default_factory=set)
    _renamed: list[tuple[Path, Path]] = field(default_factory=list)
    _open: dict[int, IO[bytes]] = field(default_factory=dict)

    def settle(self) -> None:
        """Call everything that is there now safe."""
        self.close()
        self._folders = {path for path in self.root.rglob("*") if path.is_dir()}
        for path in self._files():
            self.sync_content(path)
            self.sync_name(path)

    def sync_content(self, path: Path) -> None:
        """A file's bytes are safe as they are now."""
        self._content[self._inode(path)] = path.read_bytes()

    def sync_name(self, path: Path) -> None:
        """One file's name is safe, as SQLite syncs the folder of a journal."""
        self._names[path] = self._inode(path)

    def sync_names(self, folder: Path) -> None:
        """A folder's entries are safe as they are now."""
        self._names = {path: inode for path, inode in self._names.items() if path.parent != folder}
        self._folders = {path for path in self._folders if path.parent != folder}
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                self._folders.add(path)
            else:
                self.sync_name(path)
        self._renamed = [pair for pair in self._renamed if folder not in {path.parent for path in pair}]

    def renamed(self, path: Path, new: Path) -> None:
        """A rename was done that no folder's sync has made safe yet."""
        self._renamed.append((path, new))

    def revert(self, path: Path) -> None:
        """What a failed sync leaves: the bytes that were not safe are gone, and nobody is told again."""
        path.write_bytes(self._content.get(self._inode(path), b""))

    def cut(self, *, worst: bool = False) -> None:
        """Turn the folder into what is found when power is back.

        Args:
            worst: nothing is left of what was not safe, so that chance cannot hide it.
        """
        if worst:
            self._become({path: self._content.get(inode, b"") for path, inode in self._safe_names().items()})
            return
        now = {path: path.stat().st_ino for path in self._files()}
        bytes_now = {inode: path.read_bytes() for path, inode in now.items()}
        gone = self._lost_folders()
        files = {}
        for path, inode in sorted(self._kept(now).items()):
            # Drawn before it is asked whether the folder survives, so that a seed means the same cuts.
            data = survives(self.chance, self._content.get(inode, b""), bytes_now.get(inode))
            if not gone & {*path.parents}:
                files[path] = data
        self._become(files)

    def _safe_names(self) -> dict[Path, int]:
        roots = {*self._folders, self.root, *self.root.parents}
        return {path: inode for path, inode in self._names.items() if roots.issuperset(path.parents)}

    def _become(self, files: dict[Path, bytes]) -> None:
        folders = self._folders
        shutil.rmtree(self.root)
        self.root.mkdir()
        for folder in sorted(folders):
            folder.mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self.settle()

    def close(self) -> None:
        """Let all files go."""
        for file in self._open.values():
            file.close()
        self._content, self._names, self._open = {}, {}, {}
        self._folders, self._renamed = set(), []

    def _files(self) -> list[Path]:
        # SQLite's shared memory is memory: it is made anew after every start.
        found = (path for path in self.root.rglob("*") if not path.name.endswith("-shm"))
        return sorted(path for path in found if path.is_file())

    def _lost_folders(self) -> set[Path]:
        """Folders that no sync has made safe; each is there or not."""
        loose = {path for path in self.root.rglob("*") if path.is_dir()} - self._folders
        return {path for path in sorted(loose) if self.chance.random() < 0.5}  # noqa: PLR2004 - a coin

    def _kept(self, now: dict[Path, int]) -> dict[Path, int]:
        """By path, the inode it names after the cut."""
        whole = {path: self.chance.random() < 0.5 for pair in self._renamed for path in pair}  # noqa: PLR2004
        for old, new in self._renamed:
            whole[old] = whole[new]
        kept = {}
        for path in sorted({*now, *self._names}):
            was, is_ = self._names.get(path), now.get(path)
            done = whole.get(path, self.chance.random() < 0.5)  # noqa: PLR2004 - a coin
            inode = was if was == is_ or not done else is_
            if inode is not None:
                kept[path] = inode
        for old, new in self._renamed:
            # A new file under its first name, as when it was written and not yet renamed.
            if not whole[new] and new in now and old not in kept and self.chance.random() < 0.5:  # noqa: PLR2004
                kept[old] = now[new]
        return kept

    def _inode(self, path: Path) -> int:
        """A file's number; held open, so that no later file gets the same one."""
        file = path.open("rb")
        number = os.fstat(file.fileno()).st_ino
        if number in self._open:
            file.close()
        else:
            self._open[number] = file
        return number


def survives(chance: random.Random, safe: bytes, now: bytes | None) -> bytes:
    """A file after a power cut: the safe bytes, and of what changed since some sectors.

    Args:
        chance: what decides.
        safe: the content at the last sync.
        now: the content at the cut; none if the file was removed.
    """
    if now is None or now == safe:
        return safe
    share = chance.choice(_SHARES)
    size = chance.choice([len(safe), len(now), chance.randint(*sorted((len(safe), len(now))))])
    found = bytearray(safe[:size].ljust(size, b"\0"))
    for at in range(0, min(size, len(now)), SECTOR):
        end = min(at + SECTOR, size)
        if found[at:end] == now[at:end]:
            continue
        if chance.random() < share:
            torn = at + chance.randrange(SECTOR) if chance.random() < _TORN else end
            stop = min(torn, end, len(now))
            found[at:stop] = now[at:stop]
    return bytes(found)
