"""The log of a Delta table on the local file system, made to survive a power cut.

delta-rs writes a commit to a side file and links it to its name, but never syncs: after a power cut the
newest commit can be empty, torn or gone. An empty one reads as a valid commit of nothing: it must be found.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_platform.store.files import FileLayer

COUNT: Final = "tundishFiles"
_COMMIT: Final = re.compile(r"(\d{20})\.json")
_CHECKPOINT: Final = re.compile(r"(\d{20})\.checkpoint\.parquet")
_HINT: Final = "_last_checkpoint"

log = structlog.get_logger(__name__)


class DeltaLog:
    """``_delta_log`` of one table.

    Args:
        table: folder of the table.
        files: what syncs.
    """

    def __init__(self, table: Path, files: FileLayer) -> None:
        self._folder = table / "_delta_log"
        self._files = files

    def exists(self) -> bool:
        """Whether there is a first commit or a checkpoint to begin from."""
        return self._folder.is_dir() and (bool(self._newest(_COMMIT)) or bool(self._newest(_CHECKPOINT)))

    def keep(self, version: int) -> None:
        """Make a commit durable.

        Raises:
            OSError: it could not be, and was taken back: a second sync would lie about the first one's pages.
        """
        path = self._folder / f"{version:020d}.json"
        try:
            self._files.sync(path)
            self._files.sync_folder(self._folder)
            if not version:
                self._files.sync_folder(self._folder.parent)
        except OSError:
            self._files.remove(path)
            raise

    def keep_checkpoint(self, version: int) -> None:
        """Make a checkpoint durable; only then the commits behind it may go.

        Raises:
            OSError: it could not be, and was taken back.
        """
        path = self._folder / f"{version:020d}.checkpoint.parquet"
        try:
            self._files.sync(path)
            self._files.sync(self._folder / _HINT)
            self._files.sync_folder(self._folder)
        except OSError:
            self._drop_checkpoint(path)
            raise

    def mend(self) -> None:
        """Take away what a crash left half-written: only the newest commit and checkpoint can be."""
        if not self._folder.is_dir():
            return
        for path in self._folder.glob("*#*"):
            self._files.remove(path)
        newest = self._newest(_COMMIT)
        if newest is not None and not _whole(newest):
            log.warning("took a torn commit out of a table; it is published again", path=str(newest))
            self._files.remove(newest)
        checkpoint = self._newest(_CHECKPOINT)
        if checkpoint is not None and not _readable(checkpoint):
            log.warning("took a torn checkpoint out of a table", path=str(checkpoint))
            self._drop_checkpoint(checkpoint)
        elif not self._hint_fits():
            self._files.remove(self._folder / _HINT)
        self._files.sync_folder(self._folder)

    def put_aside(self) -> None:
        """Give the whole log another name, so that the table can begin anew."""
        number = len(list(self._folder.parent.glob("_delta_log.damaged-*")))
        self._files.rename(self._folder, self._folder.with_name(f"_delta_log.damaged-{number}"))
        self._files.sync_folder(self._folder.parent)

    def _newest(self, pattern: re.Pattern[str]) -> Path | None:
        found = [path for path in self._folder.iterdir() if pattern.fullmatch(path.name)]
        return max(found, default=None)

    def _hint_fits(self) -> bool:
        try:
            version = json.loads((self._folder / _HINT).read_bytes())["version"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return (self._folder / f"{version:020d}.checkpoint.parquet").exists()

    def _drop_checkpoint(self, path: Path) -> None:
        self._files.remove(self._folder / _HINT)
        self._files.remove(path)


def _whole(commit: Path) -> bool:
    """Whether a commit says something, and has as many files as it was written with if it is ours."""
    try:
        lines = [json.loads(line) for line in commit.read_bytes().splitlines()]
    except ValueError:
        return False
    said = [line["commitInfo"].get(COUNT) for line in lines if "commitInfo" in line]
    found = sum("add" in line or "remove" in line for line in lines)
    return bool(lines) and all(count in (None, found) for count in said)


def _readable(checkpoint: Path) -> bool:
    try:
        pq.read_table(checkpoint)
    except (pa.ArrowInvalid, OSError):
        return False
    return True
