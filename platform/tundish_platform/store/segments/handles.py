"""How files of a tenant are reached: below its own folder only, opened for one reading and closed again.

With its footer at hand a Parquet file opens in 0.03 ms, so no descriptor is kept: a file that is gone is
known to be gone at once, and idle tenants hold nothing open. Footers and indexes are what is worth keeping;
one bounded `Pool` keeps them for all tenants.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
_ROOT: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER: Final = _ROOT | os.O_NOFOLLOW
# Without waiting, should somebody have put a pipe there.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LED_ASTRAY: Final = (errno.ELOOP, errno.ENOTDIR)


class FileVanished(Exception):  # noqa: N818 - says what became of the file
    """A file is gone; a merge or retention may have replaced it meanwhile.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is gone")
        self.path = path


class SegmentDamaged(Exception):  # noqa: N818 - says what is wrong with the file
    """A file is there, and is not what was written.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path} is damaged: {what}")
        self.path = path


class OutsideFolder(ValueError):  # noqa: N818 - says where a path leads
    """A path leads out of the tenant's own folder."""


class Identity(NamedTuple):
    """What changes if another file takes a name."""

    device: int
    inode: int
    size: int
    changed: int


class Opened(NamedTuple):
    """A file that is open for reading.

    Attributes:
        path: of the file, for messages.
        descriptor: valid inside the block of `Files` only.
        identity: of this very file.
    """

    path: str
    descriptor: int
    identity: Identity

    def read(self, size: int, offset: int) -> bytes:
        """So many bytes from there.

        Raises:
            SegmentDamaged: they are not there, or the disk cannot read them.
        """
        try:
            found = os.pread(self.descriptor, size, offset)
        except OSError as error:
            raise SegmentDamaged(self.path, str(error)) from error
        if len(found) != size:
            raise SegmentDamaged(self.path, f"it ends within {size} bytes from {offset}")
        return found

    def fill(self, target: memoryview, offset: int) -> None:
        """As `read`, into memory that is there already."""
        try:
            found = os.preadv(self.descriptor, [target], offset)
        except OSError as error:
            raise SegmentDamaged(self.path, str(error)) from error
        if found != target.nbytes:
            raise SegmentDamaged(self.path, f"it ends within {target.nbytes} bytes from {offset}")


class Files:
    """Files by their paths below a folder, opened one by one and closed together at the end of the block.

    No symbolic link below the folder is followed. The folders on the way to a file stay open for the next
    one, which mostly is its neighbour.

    Args:
        folder: nothing outside is opened.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._way: list[tuple[str, int]] = []
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for descriptor in (*self._descriptors, *(descriptor for _, descriptor in self._way)):
            os.close(descriptor)
        self._descriptors, self._way = [], []

    def open(self, path: str) -> Opened:
        """Open a file.

        Raises:
            OutsideFolder: the path leads elsewhere.
            FileVanished: nothing has that name.
            SegmentDamaged: it is no file.
        """
        whole = f"{self._folder}/{path}"
        try:
            descriptor = self._descriptor(path)
        except FileNotFoundError as error:
            raise FileVanished(whole) from error
        except OSError as error:
            if error.errno in _LED_ASTRAY:
                raise OutsideFolder(f"{whole} leads out of {self._folder} by a link") from error
            raise
        self._descriptors.append(descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SegmentDamaged(whole, "it is no file")
        identity = Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        return Opened(whole, descriptor, identity)

    def _descriptor(self, path: str) -> int:
        *between, name = path.split("/")
        # An empty step is an absolute path, which would begin anew at the root.
        if not {"", ".", ".."}.isdisjoint((*between, name)):
            raise OutsideFolder(f"{path!r} is no path below {self._folder}")
        steps = [str(self._folder), *between]
        known = [step for step, _ in self._way]
        while self._way and known != steps[: len(known)]:
            os.close(self._way.pop()[1])
            known.pop()
        # One step after the other, each from the open folder before: nobody can swap one for a link.
        for step in steps[len(known) :]:
            above = self._way[-1][1] if self._way else None
            flags = _FOLDER if self._way else _ROOT
            self._way.append((step, os.open(step, flags, dir_fd=above)))
        return os.open(name, _FILE, dir_fd=self._way[-1][1])


class Pool:
    """What was learnt of files, kept while it is in use; bounded in number and bytes over all tenants.

    Args:
        most: entries.
        most_bytes: their size together.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._entries: OrderedDict[str, tuple[Identity, int, Any]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """Size of all entries."""
        return self._bytes

    def get(self, file: Opened, make: Callable[[Opened], tuple[T, int]]) -> T:
        """What is known of a file; made with its size in bytes, if nothing is known of this very file."""
        with self._lock:
            known = self._entries.get(file.path)
            if known is not None and known[0] == file.identity:
                self._entries.move_to_end(file.path)
                found: T = known[2]
                return found
        made, size = make(file)
        self._keep(file.path, file.identity, made, size)
        return made

    def paths(self) -> list[str]:
        """Files of which something is kept, the longest unused first."""
        with self._lock:
            return list(self._entries)

    def forget(self, path: str) -> None:
        """The file is gone."""
        with self._lock:
            self._drop(path)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def _keep(self, path: str, identity: Identity, made: object, size: int) -> None:
        with self._lock:
            self._drop(path)
            self._entries[path] = (identity, size, made)
            self._bytes += size
            # The newest one stays however large it is: whoever made it is about to use it.
            while len(self._entries) > 1 and (
                len(self._entries) > self._most or self._bytes > self._most_bytes
            ):
                self._bytes -= self._entries.popitem(last=False)[1][1]

    def _drop(self, path: str) -> None:
        known = self._entries.pop(path, None)
        if known is not None:
            self._bytes -= known[1]
