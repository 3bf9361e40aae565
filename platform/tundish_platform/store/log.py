"""The append log: every acknowledged batch of all tenants, on disk before the answer.

A file is `MAGIC` and then records, each ``length u32, crc32 u32, sequence u64, tenant u32`` and the batch as
`encode_batch` wrote it; the checksum covers everything behind itself. Little endian throughout.
"""

from __future__ import annotations

import errno
import struct
import threading
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import structlog

from tundish_platform.store.files import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tundish_platform.store.files import AppendFile, FileLayer

MAGIC = b"TNDLOG1\n"
_HEAD = struct.Struct("<II")
_BODY = struct.Struct("<QI")
_MAX_RECORD = 80 * 1024 * 1024

log = structlog.get_logger(__name__)


class StoreFailed(Exception):  # noqa: N818 - the store's state, not a kind of mistake
    """A write or sync failed. Nothing is acknowledged any more until the store was opened again."""


class StoreFull(StoreFailed):
    """No space is left. Reads go on; writers keep their batches and try again later."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One batch in the log.

    Attributes:
        sequence: counts up over all tenants; of two values of a signal and time the higher one holds.
        tenant: row number of the tenant.
        payload: the encoded batch.
    """

    sequence: int
    tenant: int
    payload: bytes


class Log(Protocol):
    """Where acknowledged batches are safe until they lie in segments."""

    def append(self, tenant: int, payloads: Sequence[bytes]) -> Sequence[int]:
        """Make batches durable; returns their sequence numbers. Safe to call from several threads.

        Raises:
            StoreFull: no space is left.
            StoreFailed: it cannot be said that they are durable.
        """
        ...

    def replay(self) -> Iterator[LogRecord]:
        """All records that are still kept, in order."""
        ...

    def release(self, before: int) -> None:
        """Records with a lower sequence are not needed any more."""
        ...

    def close(self) -> None:
        """Give all files back."""
        ...


@dataclass(slots=True)
class _Request:
    tenant: int
    payloads: Sequence[bytes]
    sequences: list[int] = field(default_factory=list)
    error: StoreFailed | None = None
    done: bool = False


class FileLog:
    """`Log` in a local folder, with one sync for all callers that wait at that moment.

    Args:
        folder: of the log's files.
        files: the file layer.
        file_bytes: a new file is begun beyond this size.
        first_sequence: lowest number to give if the folder holds no record.
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
        self._active_path: Path | None = None
        self._active_bytes = 0
        self.problems: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._next = max(first_sequence, self._recover() + 1)

    @property
    def next_sequence(self) -> int:
        """The sequence that the next record gets."""
        with self._commit_lock:
            return self._next

    def append(self, tenant: int, payloads: Sequence[bytes]) -> Sequence[int]:
        """Make batches durable; returns their sequence numbers."""
        request = _Request(tenant, payloads)
        with self._waiting_lock:
            self._waiting.append(request)
        # Whoever gets the lock commits for all that wait; the others find their request done.
        with self._commit_lock:
            if not request.done:
                with self._waiting_lock:
                    group, self._waiting = self._waiting, []
                self._commit(group)
        if request.error is not None:
            raise request.error
        return request.sequences

    def replay(self) -> Iterator[LogRecord]:
        """All records that are still kept, in order."""
        for path in self._paths():
            yield from _scan(path.read_bytes()).records

    def release(self, before: int) -> None:
        """Remove files whose records all have a lower sequence; begin a new file for what comes."""
        with self._commit_lock:
            self._roll()
            paths = self._paths()
            for path, following in pairwise(paths):
                if _first_of(following) <= before:
                    self._files.remove(path)
            if paths and self._next <= before:
                self._files.remove(paths[-1])
            self._files.sync_folder(self._folder)

    def close(self) -> None:
        """Give all files back."""
        with self._commit_lock:
            self._roll()
            self._failed = self._failed or StoreFailed("the log is closed")

    def _commit(self, group: list[_Request]) -> None:
        error = self._failed
        try:
            if error is None:
                self._write(group)
        except OSError as problem:
            error = self._after_failure(problem)
        for request in group:
            request.error = error
            request.done = True

    def _after_failure(self, problem: OSError) -> StoreFailed:
        log.error("log write failed", folder=str(self._folder), problem=str(problem))
        if problem.errno in {errno.ENOSPC, errno.EDQUOT} and self._cut_back():
            return StoreFull(f"no space is left for the log: {problem}")
        # After a failed write or sync nobody knows what is on disk, so nothing may be acknowledged any more.
        self._failed = StoreFailed(f"the log could not be written: {problem}")
        return self._failed

    def _cut_back(self) -> bool:
        """Take away what a full disk left half written, so that writing can go on once space returns."""
        path = self._active_path
        try:
            self._roll()
            if path is not None and path.exists():
                if self._active_bytes <= len(MAGIC):
                    self._files.remove(path)
                else:
                    self._files.truncate(path, self._active_bytes)
        except OSError:
            log.exception("a half-written record could not be cut", folder=str(self._folder))
            return False
        return True

    def _write(self, group: list[_Request]) -> None:
        chunks = []
        following = self._next
        for request in group:
            for payload in request.payloads:
                chunks.append(_encode(following, request.tenant, payload))
                request.sequences.append(following)
                following += 1
        data = b"".join(chunks)
        active = self._open_active()
        active.write(data)
        active.sync()
        self._next = following
        self._active_bytes += len(data)
        if self._active_bytes > self._file_bytes:
            self._roll()

    def _open_active(self) -> AppendFile:
        if self._active is None:
            self._active_path = self._folder / f"{self._next:020d}.log"
            self._active_bytes = 0
            self._active = self._files.append(self._active_path)
            self._active.write(MAGIC)
            self._active_bytes = len(MAGIC)
            self._files.sync_folder(self._folder)
        return self._active

    def _roll(self) -> None:
        if self._active is not None:
            self._active.close()
            self._active = None

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("*.log"))

    def _recover(self) -> int:
        """Cut the torn tail, name what is corrupt; returns the highest sequence found."""
        highest = 0
        paths = self._paths()
        for path in paths:
            highest = max(highest, _first_of(path) - 1)
            data = path.read_bytes()
            scan = _scan(data)
            highest = max([highest, *(record.sequence for record in scan.records)])
            torn = scan.end < len(data)
            if scan.corrupt or (torn and path != paths[-1]):
                self._quarantine(path, data, [*scan.corrupt, scan.end][0])
            if torn and path == paths[-1]:
                self._cut(path, scan.end, len(data))
        return highest

    def _cut(self, path: Path, end: int, size: int) -> None:
        log.warning(
            "cut an unfinished record, which nobody was told is safe", file=path.name, bytes=size - end
        )
        if end <= len(MAGIC):
            self._files.remove(path)
        else:
            self._files.truncate(path, end)

    def _quarantine(self, path: Path, data: bytes, at: int) -> None:
        folder = self._folder / "quarantine"
        folder.mkdir(exist_ok=True)
        (folder / path.name).write_bytes(data)
        self.problems.append(
            f"{path.name} is corrupt at byte {at}; a copy lies in {folder}, what could be read was kept"
        )
        log.error("corrupt log file", file=path.name, at=at)


@dataclass(frozen=True, slots=True)
class _Scan:
    records: list[LogRecord]
    corrupt: list[int]
    end: int


def _scan(data: bytes) -> _Scan:
    """All readable records, where broken ones lie between them, and the end of the last readable one."""
    records: list[LogRecord] = []
    broken: list[int] = []
    corrupt: list[int] = []
    at = end = len(MAGIC) if data.startswith(MAGIC) else 0
    while data.startswith(MAGIC):
        following, record = _decode(data, at)
        if following == at:
            break
        if record is None:
            broken.append(at)
        else:
            records.append(record)
            corrupt, end = [*corrupt, *broken], following
            broken = []
        at = following
    return _Scan(records, corrupt, end)


def _encode(sequence: int, tenant: int, payload: bytes) -> bytes:
    body = _BODY.pack(sequence, tenant) + payload
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def _first_of(path: Path) -> int:
    return int(path.stem)


def _decode(data: bytes, at: int) -> tuple[int, LogRecord | None]:
    """End and record at a position.

    The record is None where its checksum is wrong; the end is `at` where not even its length can be right.
    """
    if at + _HEAD.size > len(data):
        return at, None
    length, checksum = _HEAD.unpack_from(data, at)
    end = at + _HEAD.size + length
    if not _BODY.size <= length <= _MAX_RECORD or end > len(data):
        return at, None
    body = data[at + _HEAD.size : end]
    if zlib.crc32(body) != checksum:
        return end, None
    sequence, tenant = _BODY.unpack_from(body)
    return end, LogRecord(sequence, tenant, body[_BODY.size :])
