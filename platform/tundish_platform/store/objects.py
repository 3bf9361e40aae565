"""Where finished segments live: immutable files under names, in a folder or in an object store."""

from __future__ import annotations

import enum
import errno
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Protocol

from tundish_platform.store.files import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tundish_platform.store.files import FileLayer

_PART: Final = re.compile(r"[A-Za-z0-9_=][A-Za-z0-9_=.-]*")
# Half-written files; nobody names them.
_UNFINISHED: Final = ".tmp"


class Fault(enum.Enum):
    """What to do about an object store that refused: ask again later, make room, or call somebody."""

    RETRY = errno.EAGAIN
    FULL = errno.ENOSPC
    FAILED = errno.EIO


class ObjectsFailed(OSError):  # noqa: N818 - like `StoreFailed`, a state and not a mistake
    """An object store did not do what it was asked.

    Attributes:
        fault: what to do about it; `errno` says the same to callers that know files only.
    """

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(fault.value, message)
        self.fault = fault


class Objects(Protocol):
    """Immutable files under names like ``steel/numeric/2026-03-01/17-ab.parquet``.

    Every method raises `OSError` if the place fails and `ValueError` for a name that would lead elsewhere.
    """

    def staged(self, name: str) -> Path:
        """Where to write what is to be put under a name; the folder is there."""
        ...

    def put(self, name: str, source: Path) -> None:
        """Make a finished local file durable under a name, at once or not at all, and take the file away.

        After an `OSError` nothing is left under the name, and the file is gone as well.
        """
        ...

    def put_all(self, files: Sequence[tuple[str, Path]]) -> None:
        """Like `put` for (name, file) that belong together: after an `OSError` nothing is left of any."""
        ...

    def local(self, name: str) -> Path:
        """A local file with the content, to be opened soon and never written to.

        Raises:
            FileNotFoundError: nothing has this name.
        """
        ...

    def reading(self, folder: str) -> tuple[Path, Callable[[str], Path] | None]:
        """Where the files of a folder's objects lie, and what finds one by its name below the folder.

        Without the latter a file lies under its own name.
        """
        ...

    def sizes(self, folder: str, names: Sequence[str]) -> dict[str, int]:
        """Bytes of those objects, by their names below the folder, that are there."""
        ...

    def renewed(self, name: str) -> bool:
        """Let a local copy go, so that the next reading fetches it anew; False where there are no copies."""
        ...

    def remove(self, name: str) -> None:
        """Remove one; missing is fine."""
        ...

    def remove_all(self, folder: str) -> None:
        """Remove all whose names begin with ``folder/``, and the folder itself; missing is fine."""
        ...

    def remove_many(self, names: Sequence[str]) -> None:
        """Remove several, durably; missing is fine."""
        ...

    def table(self, folder: str) -> Path | str:
        """Where Delta tables of a folder's objects lie: a folder, or a URL for which `table_options` hold."""
        ...

    @property
    def table_options(self) -> dict[str, str] | None:
        """Storage options of `table`, as delta-rs takes them."""
        ...

    def listing(self, folder: str = "") -> Iterator[tuple[str, int]]:
        """(name, bytes) of all below a folder, in no order; half-written ones are not listed."""
        ...

    def sweep(self, folder: str) -> None:
        """Remove what is half written below a folder; nobody may be writing to it."""
        ...

    def put_aside(self, name: str, new_name: str) -> None:
        """Give one another name, durably.

        Raises:
            FileNotFoundError: nothing has this name.
        """
        ...


def checked(name: str, *, folder: bool = False) -> str:
    """The name itself, if it stays inside its root.

    Raises:
        ValueError: it would lead elsewhere, or could be taken for an unfinished file.
    """
    if folder and not name:
        return name
    if not all(_PART.fullmatch(part) for part in name.split("/")) or name.endswith(_UNFINISHED):
        raise ValueError(f"{name!r} cannot name an object")
    return name


class LocalObjects:
    """`Objects` in a folder of the local file system.

    Args:
        root: their folder.
        files: the file layer.
    """

    def __init__(self, root: Path, files: FileLayer | None = None) -> None:
        self._root = root
        self._files = files or LocalFiles()

    def staged(self, name: str) -> Path:
        """Beside its final place, so that it need not be copied there."""
        final = self._root / checked(name)
        self._files.make_folder(final.parent)
        return final.with_name(final.name + _UNFINISHED)

    def put(self, name: str, source: Path) -> None:
        """Make a finished local file durable under a name, and take the file away."""
        self.put_all([(name, source)])

    def put_all(self, files: Sequence[tuple[str, Path]]) -> None:
        """Like `put` for several; a folder that they share is synced once."""
        finals = [self._root / checked(name) for name, _ in files]
        try:
            for (_, source), final in zip(files, finals, strict=True):
                self._files.make_folder(final.parent)
                self._files.sync(source)
                self._files.rename(source, final)
            for folder in dict.fromkeys(final.parent for final in finals):
                self._files.sync_folder(folder)
        except OSError:
            # Nobody will ask for them: the next try writes other files.
            for (_, source), final in zip(files, finals, strict=True):
                source.unlink(missing_ok=True)
                final.unlink(missing_ok=True)
            raise

    def local(self, name: str) -> Path:
        """The file itself."""
        path = self._root / checked(name)
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "no such segment", str(path))
        return path

    def reading(self, folder: str) -> tuple[Path, Callable[[str], Path] | None]:
        """The folder itself."""
        return self._root / checked(folder), None

    def sizes(self, folder: str, names: Sequence[str]) -> dict[str, int]:
        """Bytes of the files that are there."""
        top = self._root / checked(folder)
        found = {}
        for name in names:
            try:
                found[name] = (top / checked(name)).stat().st_size
            except OSError:
                continue
        return found

    def renewed(self, name: str) -> bool:
        """There are no copies."""
        checked(name)
        return False

    def remove(self, name: str) -> None:
        """Remove one; missing is fine."""
        self._files.remove(self._root / checked(name))

    def remove_many(self, names: Sequence[str]) -> None:
        """Remove several, durably; missing is fine."""
        paths = [self._root / checked(name) for name in names]
        for path in paths:
            self._files.remove(path)
        for folder in dict.fromkeys(path.parent for path in paths):
            if folder.is_dir():
                self._files.sync_folder(folder)

    def table(self, folder: str) -> Path | str:
        """The folder itself."""
        return self._root / checked(folder)

    @property
    def table_options(self) -> dict[str, str] | None:
        """None are needed."""
        return None

    def remove_all(self, folder: str) -> None:
        """Remove all below a folder, unfinished files as well, and the folder itself."""
        top = self._root / checked(folder)
        if not top.is_dir():
            return
        for path in sorted(top.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                self._files.remove(path)
        top.rmdir()
        self._files.sync_folder(top.parent)

    def listing(self, folder: str = "") -> Iterator[tuple[str, int]]:
        """(name, bytes) of all below a folder."""
        top = self._root / checked(folder, folder=True)
        for path in top.rglob("*"):
            if path.suffix != _UNFINISHED and path.is_file():
                yield str(PurePosixPath(path.relative_to(self._root))), path.stat().st_size

    def sweep(self, folder: str) -> None:
        """Remove what a seal that was cut off has left."""
        for path in sorted((self._root / checked(folder)).glob(f"*/*/*{_UNFINISHED}")):
            # A table's own log is its publisher's business.
            if not path.parent.name.startswith("_"):
                self._files.remove(path)

    def put_aside(self, name: str, new_name: str) -> None:
        """Give one another name, durably."""
        old, new = self.local(name), self._root / checked(new_name)
        self._files.make_folder(new.parent)
        self._files.rename(old, new)
        self._files.sync_folder(new.parent)
        self._files.sync_folder(old.parent)
