"""Where a takeout goes: a folder of its own, or one zip stream that nobody has to seek in."""

from __future__ import annotations

import os
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO


class FolderTarget:
    """A new folder; each file is on the disk when it ends.

    Args:
        folder: must not exist, or be empty.

    Raises:
        FileExistsError: there is something already.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and any(folder.iterdir()):
            raise FileExistsError(f"{folder} is not empty; name a new folder")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    @contextmanager
    def member(self, name: str) -> Iterator[BinaryIO]:
        """A new file in the folder."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())


class ZipTarget:
    """A zip stream with the extension for large files. Parquet is compressed already, so nothing is again.

    Args:
        stream: only written to, never sought in; stays open.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._when = datetime.now(UTC).timetuple()[:6]

    @contextmanager
    def member(self, name: str) -> Iterator[BinaryIO]:
        """A new file in the zip."""
        info = zipfile.ZipInfo(name, self._when)
        info.external_attr = 0o600 << 16
        # Its size is not known beforehand and may be beyond 4 GiB.
        with self._zip.open(info, "w", force_zip64=True) as file:
            yield file  # type: ignore[misc]  # typeshed: IO[bytes], which is what BinaryIO is

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._zip.close()
