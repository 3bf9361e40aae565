"""The append log: every acknowledged batch of all tenants, on disk before the answer."""

from __future__ import annotations

import errno
import threading
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import structlog

from tundish_platform.store.files import LocalFiles
from tundish_platform.store.log import records
from tundish_platform.store.log.interface import StoreFailed, StoreFull
from tundish_platform.store.log.records import LogRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tundish_platform.store.files import AppendFile, FileLayer

log = structlog.get_logger(__name__)


_FULL = "no space is left: samples are refused and wait at their senders until there is; reading goes on"


@dataclass(slots=True)
class _Request:
    tenant: int
    payloads: Sequence[bytes]
    taken: Callable[[Sequence[int]], None] | None
    sequences: list[int] = field(default_factory=list)
    done: bool = False
    # Only a finished commit takes this away, so that no path can acknowledge by forgetting to fail.
    error: StoreFailed | None = field(default_factory=lambda: StoreFailed("the commit broke off"))


class FileLog:
    """`Log` in a local folder, with one sync for all callers that wait at that moment.

    Args:
        folder: of the log's files.
        files: the file layer.
        file_bytes: a new file is begun beyond this size.
        first_sequence: lowest number to give if the folder holds no record.

    Raises:
        ForeignLog: a program of another version wrote a file of the folder.
    """

    def __init__(
        self,
        folder: Path,
        files: FileLayer | None = None,
        file_bytes: int = 64 * 1024 * 1024,
        first_sequence: int = 1,
    ) -> None:
        self._folder = folder
        self._files = files or LocalFiles()
        self._file_bytes = file_bytes
        self._waiting: list[_Request] = []
        self._waiting_lock = threading.Lock()
        self._commit_lock = threading.Lock()
        self._failed: StoreFailed | None = None
        self._active: AppendFile | None = None
        self._active_path = folder
        self._active_bytes = 0
        self._closed_bytes = 0
        self._header = b""
        self.problems: list[str] = []
        self._files.make_folder(folder)
        self._next = max(first_sequence, self._recover() + 1)
        self._measure()

    @property
    def next_sequence(self) -> int:
        """The sequence that the next record gets."""
        with self._commit_lock:
            return self._next

    @property
    def failed(self) -> StoreFailed | None:
        """Why nothing is taken any more, or None."""
        return self._failed

    @property
    def nbytes(self) -> int:
        """Size of all files."""
        return self._closed_bytes + self._active_bytes

    def append(
        self, tenant: int, payloads: Sequence[bytes], taken: Callable[[Sequence[int]], None] | None = None
    ) -> Sequence[int]:
        """Make batches durable; returns their sequence numbers."""
        if any(len(payload) > records.MAX_PAYLOAD for payload in payloads):
            raise ValueError(f"a batch may have {records.MAX_PAYLOAD} bytes at most; send it in parts")
        request = _Request(tenant, payloads, taken)
        with self._waiting_lock:
            self._waiting.append(request)
        # Whoever gets the lock commits for all that wait; the others find their request done.
        with self._commit_lock:
            if not request.done:
                with self._waiting_lock:
                    group, self._waiting = self._waiting, []
                self._commit(group)
        if request.error is not None:
            # One exception raised in several threads would collect the traces of all of them.
            raise type(request.error)(*request.error.args)
        return request.sequences

    def deliver(self, receiver: Callable[[LogRecord], None]) -> None:
        """Nothing: one process alone appends to files."""

    def replay(self) -> Iterator[LogRecord]:
        """All records that are still kept, in order."""
        for path in self._paths():
            yield from records.scan(path.read_bytes()).records

    def release(self, before: int) -> None:
        """Remove files whose records all have a lower sequence; begin a new one, so that this can go next."""
        with self._commit_lock:
            if self._failed is not None:
                return
            self._roll()
            paths = self._paths()
            for path, following in pairwise(paths):
                if _first_of(following) <= before:
                    self._files.remove(path)
            if paths and self._next <= before:
                self._files.remove(paths[-1])
            self._files.sync_folder(self._folder)
            self._measure()

    def close(self) -> None:
        """Give all files back."""
        with self._commit_lock:
            self._roll()
            self._failed = self._failed or StoreFailed("the log is closed")

    def _commit(self, group: list[_Request]) -> None:
        try:
            error = self._failed or self._write(group)
            if error is None:
                _tell(group)
        except BaseException as problem:
            # Half a group may be on disk or in memory, and its numbers must not be given twice.
            self._failed = StoreFailed(f"the log broke off: {problem}")
            raise
        for request in group:
            request.error = error
            request.done = True

    def _write(self, group: list[_Request]) -> StoreFailed | None:
        try:
            active = self._open_active()
            following, data = self._encode(group)
            active.write(data)
        except OSError as problem:
            return self._not_written(problem)
        try:
            active.sync()
        except OSError as problem:
            # Whoever syncs again may be told all is well although the pages are gone.
            return self._poison(problem)
        if _FULL in self.problems:
            self.problems.remove(_FULL)
        self._next = following
        self._active_bytes += len(data)
        if self._active_bytes > self._file_bytes:
            self._roll()
        return None

    def _encode(self, group: list[_Request]) -> tuple[int, bytes]:
        chunks = []
        following = self._next
        for request in group:
            for payload in request.payloads:
                record = LogRecord(following, request.tenant, payload)
                chunks.append(records.encode(self._header, self._active_bytes, record))
                request.sequences.append(following)
                following += 1
        return following, b"".join(chunks)

    def _poison(self, problem: OSError) -> StoreFailed:
        log.error("log write failed", folder=str(self._folder), problem=str(problem))
        self._failed = StoreFailed(
            f"the log could not be written ({problem}); mend the disk, then start again"
        )
        return self._failed

    def _not_written(self, problem: OSError) -> StoreFailed:
        """A full disk is left as it was, so that writing goes on once there is space; the rest is final."""
        if problem.errno in {errno.ENOSPC, errno.EDQUOT} and self._cut_back():
            log.error("no space for the log", folder=str(self._folder))
            if _FULL not in self.problems:
                self.problems.append(_FULL)
            return StoreFull(f"no space is left for the log: {problem}")
        return self._poison(problem)

    def _cut_back(self) -> bool:
        opened, kept = self._active is not None, self._active_bytes
        try:
            self._roll()
            if opened and kept <= len(self._header):
                # A second header would come into it otherwise, and hide all that follows.
                self._files.remove(self._active_path)
            elif opened:
                self._files.truncate(self._active_path, kept)
        except OSError:
            log.exception("a half-written record could not be cut", folder=str(self._folder))
            return False
        return True

    def _open_active(self) -> AppendFile:
        if self._active is None:
            self._active_path = self._folder / f"{self._next:020d}.log"
            self._active_bytes = 0
            self._header = records.new_header()
            self._active = self._files.append(self._active_path)
            self._active.write(self._header)
            # By itself: a cut that takes the header and leaves what follows would look like damage.
            self._active.sync()
            self._files.sync_folder(self._folder)
            self._active_bytes = len(self._header)
        return self._active

    def _roll(self) -> None:
        if self._active is not None:
            self._active.close()
            self._active = None
            self._closed_bytes += self._active_bytes
            self._active_bytes = 0

    def _measure(self) -> None:
        self._closed_bytes = sum(path.stat().st_size for path in self._paths())

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.log"))

    def _recover(self) -> int:
        """Cut the torn tail, name what is corrupt; returns the highest sequence found."""
        highest = 0
        paths = self._paths()
        for path in paths:
            data = path.read_bytes()
            scan = records.scan(data)
            highest = max([highest, _first_of(path) - 1, *(record.sequence for record in scan.records)])
            torn = scan.end < len(data)
            last = path == paths[-1]
            if scan.corrupt or (torn and not last):
                self._quarantine(path, data, [*scan.corrupt, scan.end][0])
            if not scan.records:
                self._files.remove(path)
            elif torn:
                log.warning("cut what was never acknowledged", file=path.name, bytes=len(data) - scan.end)
                self._files.truncate(path, scan.end)
            else:
                # Whoever wrote it may have died before the sync; a later cut must not tear it.
                self._files.sync(path)
        return highest

    def _quarantine(self, path: Path, data: bytes, at: int) -> None:
        """Keep a copy of a damaged file; what can be read of it is taken in as usual."""
        folder = self._folder / "quarantine"
        self._files.make_folder(folder)
        copy = folder / path.name
        self._files.remove(copy)
        file = self._files.append(copy)
        file.write(data)
        file.sync()
        file.close()
        self._files.sync_folder(folder)
        self.problems.append(
            f"log file {path.name} is damaged at byte {at}: samples may be missing. A copy lies in {folder}; "
            "what could be read was taken in. Check the disk and send the lost time again from the sources"
        )
        log.error("damaged log file", file=path.name, at=at)


def _tell(group: list[_Request]) -> None:
    for request in group:
        if request.taken is not None:
            request.taken(request.sequences)


def _first_of(path: Path) -> int:
    return int(path.stem)
