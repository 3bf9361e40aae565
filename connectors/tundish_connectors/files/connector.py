"""`FolderConnector`: reads each finished file of a folder once, and moves it when its rows are safe."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import structlog

from tundish_connectors.connector import ConnectorError, ErrorKind, Report, RunState
from tundish_connectors.files.long import LongFileError
from tundish_connectors.files.tabular import SUFFIXES, read_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tundish_connectors.collect.recorder import Recorder
    from tundish_connectors.files.config import FolderConnection

_log = structlog.get_logger(__name__)
DONE, FAILED = "done", "failed"
# Files that programs write before they give them their name, and lock files of Excel.
_UNFINISHED = ("*.part", "*.tmp", "~$*", ".*")
_DAY_S = 86_400.0


class FolderConnector:
    """Collects from one folder into a recorder.

    A file whose reading was cut off by a kill is read again from its beginning: the store keeps a sample
    once.
    """

    def __init__(
        self, connection: FolderConnection, recorder: Recorder, clock: Callable[[], float] = time.time
    ) -> None:
        self._connection = connection
        self._recorder = recorder
        self._clock = clock
        self._seen: dict[Path, tuple[int, int, float]] = {}
        self._counts = {"done": 0, "failed": 0, "rows": 0}
        self._waiting: list[str] = []

    @property
    def name(self) -> str:
        """Name of the source in the tenant."""
        return self._connection.name

    def details(self) -> dict[str, Any]:
        """Files read, and those that wait to be finished."""
        return {"files": dict(self._counts), "waiting": self._waiting[:100]}

    async def run(self, report: Report) -> None:
        """Watch until the task is cancelled or the folder is gone.

        Raises:
            ConnectorError: retry or fatal.
        """
        connection = self._connection
        specs = [one.spec(connection, one.kind, one.period_s) for one in connection.signals]
        await asyncio.to_thread(self._recorder.declare, specs)
        while True:
            try:
                finished = self._finished()
            except OSError as error:
                raise _gone(connection.folder, error) from error
            report(RunState.RUNNING)
            for path in finished:
                # In a thread, so that a long file holds up neither heartbeat nor the word to stop.
                await asyncio.to_thread(self._import, path)
            self._clear_done()
            await asyncio.sleep(connection.every_s)

    def _finished(self) -> list[Path]:
        """Files that have not changed for the settling time, oldest first."""
        now = self._clock()
        found: dict[Path, tuple[int, int, float]] = {}
        for path in self._connection.folder.iterdir():
            if not self._wanted(path):
                continue
            stat = path.stat()
            before = self._seen.get(path)
            unchanged = before is not None and before[:2] == (stat.st_size, stat.st_mtime_ns)
            # Judged by our own clock: a share's times may be of another one.
            found[path] = (stat.st_size, stat.st_mtime_ns, before[2] if before and unchanged else now)
        self._seen = found
        ready = [path for path, seen in found.items() if now - seen[2] >= self._connection.settle_s]
        self._waiting = sorted(path.name for path in found.keys() - set(ready))
        return sorted(ready, key=lambda path: (found[path][1], path.name))

    def _wanted(self, path: Path) -> bool:
        name = path.name
        return (
            path.suffix in SUFFIXES
            and fnmatchcase(name, self._connection.pattern)
            and not any(fnmatchcase(name, pattern) for pattern in _UNFINISHED)
            and path.is_file()
        )

    def _import(self, path: Path) -> None:
        numbers = {spec: self._recorder.number(spec) for spec in self._recorder.specs}
        rows = 0
        try:
            for table in read_tables(path, self._connection):
                if not self._recorder.keep_batches([table.batch(numbers, datetime.now(UTC))]):
                    # The spool is full: the file stays, and is read again from its beginning.
                    return
                rows += len(table)
        except (LongFileError, KeyError) as error:
            self._counts["failed"] += 1
            _log.error("a file was refused and set aside", file=path.name, reason=str(error))
            self._recorder.failed[f"{FAILED}/{path.name}"] = str(error)
            target = self._move(path, FAILED)
            target.with_name(target.name + ".reason.txt").write_text(f"{error}\n", "utf-8")
            return
        self._counts["done"] += 1
        self._counts["rows"] += rows
        self._move(path, DONE)

    def _move(self, path: Path, folder: str) -> Path:
        """Every row is durable by now, so a file moved twice or not at all does no harm."""
        place = self._connection.folder / folder
        place.mkdir(exist_ok=True)
        target = place / path.name
        number = 1
        while target.exists():
            number += 1
            target = place / f"{path.stem}-{number}{path.suffix}"
        path.rename(target)
        self._seen.pop(path, None)
        return target

    def _clear_done(self) -> None:
        days = self._connection.keep_done_days
        place = self._connection.folder / DONE
        if days is None or not place.is_dir():
            return
        for path in place.iterdir():
            if self._clock() - path.stat().st_ctime > days * _DAY_S:
                path.unlink()


def _gone(folder: Path, error: OSError) -> ConnectorError:
    return ConnectorError(
        ErrorKind.RETRY,
        f"The folder {folder} cannot be read ({error.strerror}). It is looked for again. Check that it "
        "exists, that the share is mounted, and that this gateway may read and write in it.",
        f"目录 {folder} 无法读取({error.strerror}),将自动重试。请检查目录是否存在、共享是否已挂载,"
        "以及网关是否有读写权限。",
    )
