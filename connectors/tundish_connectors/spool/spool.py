"""The spool: batches on disk between collector and platform.

`Spool.append` returns only when the bytes are durable. Records leave in order, and their segment files are
removed only after `Spool.acknowledge`. The newest segment stays even when it is delivered, because a
starting collector reads from it how far each signal had come.
"""

from __future__ import annotations

import errno
import json
import threading
from typing import TYPE_CHECKING

import structlog

from tundish_connectors.spool.files import Files
from tundish_connectors.spool.rate import FillRate
from tundish_connectors.spool.reader import Segment, SegmentReader, SpoolRecord
from tundish_connectors.spool.segment import MAX_PAYLOAD_BYTES, Quarantined, pack_record, scan_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_log = structlog.get_logger(__name__)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_RESERVE_BYTES = 16 * 1024 * 1024
_POSITION = "delivered.json"
_SUFFIX = ".seg"


class SpoolError(OSError):
    """The disk failed; nothing of the append was acknowledged, and nothing older is lost."""


class SpoolFull(SpoolError):  # noqa: N818 - a state of the spool, named as people speak of it
    """The bound in bytes is reached or the disk is full; the append was refused as a whole."""


class Spool:
    """An ordered, bounded, durable queue of byte records in a directory of its own.

    Safe for one thread that appends and another that reads and acknowledges.

    Attributes:
        quarantined: damaged byte ranges found at opening, with the file each was copied to.

    Args:
        directory: created if absent; belongs to one process at a time.
        max_bytes: bound over all segment files.
        segment_bytes: size at which a new segment file is begun.
        files: file operations; replaced in tests only.
        on_roll: called before a new segment is begun.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int = 2 * 1024**3,
        segment_bytes: int = 8 * 1024**2,
        files: Files | None = None,
        on_roll: Callable[[], None] | None = None,
    ) -> None:
        if segment_bytes * 2 > max_bytes:
            raise ValueError("max_bytes must hold at least two segments")
        self._directory = directory
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._files = files or Files()
        self.on_roll = on_roll
        self._lock = threading.RLock()
        self._appended = threading.Condition(self._lock)
        self._rate = FillRate()
        self._descriptor: int | None = None
        self._segments: list[Segment] = []
        self._reader = SegmentReader()
        self.quarantined: list[Quarantined] = []
        directory.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            self._open_segment(path)
        delivered = self._read_position()
        newest = max((segment.last for segment in self._segments), default=0)
        # A lost or older position only means that some records are sent again.
        self._delivered = min(delivered, newest) if newest else delivered
        self._next = max(newest, delivered) + 1
        self._remove_delivered()

    def _open_segment(self, path: Path) -> None:
        data = path.read_bytes()
        scan = scan_segment(data)
        for start, end in scan.damaged:
            self._set_aside(path, start, data[start:end])
        size = len(data)
        if scan.torn_at is not None:
            self._cut(path, scan.torn_at)
            size = scan.torn_at
        self._segments.append(Segment(path, size, scan.places[-1].number if scan.places else 0))

    def _cut(self, path: Path, size: int) -> None:
        descriptor = self._files.open_segment(path)
        try:
            self._files.truncate(descriptor, size)
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)

    def _set_aside(self, path: Path, start: int, data: bytes) -> None:
        folder = self._directory / "quarantine"
        folder.mkdir(exist_ok=True)
        copy = folder / f"{path.stem}-{start}.bin"
        copy.write_bytes(data)
        self.quarantined.append(Quarantined(path.name, start, start + len(data), copy))
        _log.error("damaged bytes in the spool", segment=path.name, start=start, copy=str(copy))

    def _read_position(self) -> int:
        try:
            return int(json.loads((self._directory / _POSITION).read_text())["delivered"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def append(self, payloads: Sequence[bytes]) -> int:
        """Append records and make them durable together.

        Returns:
            The number of the last record.

        Raises:
            SpoolFull: there is no room; nothing was kept.
            SpoolError: the disk failed; nothing was kept.
            ValueError: a record is longer than 64 MiB.
        """
        if any(len(payload) > MAX_PAYLOAD_BYTES for payload in payloads):
            raise ValueError(f"a spool record may have {MAX_PAYLOAD_BYTES} bytes at most")
        with self._lock:
            data = b"".join(pack_record(self._next + at, payload) for at, payload in enumerate(payloads))
            if self.used_bytes + len(data) > self._max_bytes:
                raise SpoolFull(errno.ENOSPC, f"the spool in {self._directory} has reached its bound")
            segment = self._writable(len(data))
            self._write(segment, data)
            segment.size += len(data)
            self._next += len(payloads)
            segment.last = self._next - 1
            self._rate.add(len(data))
            self._appended.notify_all()
            return self._next - 1

    def _writable(self, size: int) -> Segment:
        last = self._segments[-1] if self._segments else None
        if last is not None and (last.size == 0 or last.size + size <= self._segment_bytes):
            if self._descriptor is None:
                self._descriptor = self._open_descriptor(last.path)
            return last
        if self.on_roll is not None:
            self.on_roll()
        self._close_descriptor()
        path = self._directory / f"{self._next:020d}{_SUFFIX}"
        self._descriptor = self._open_descriptor(path)
        self._segments.append(Segment(path, 0))
        self._remove_delivered()
        return self._segments[-1]

    def _open_descriptor(self, path: Path) -> int:
        try:
            return self._files.open_segment(path)
        except OSError as error:
            raise _spool_error(error) from error

    def _write(self, segment: Segment, data: bytes) -> None:
        if self._descriptor is None:
            raise SpoolError(errno.EBADF, "the spool is closed")
        try:
            self._files.write(self._descriptor, data)
            self._files.sync(self._descriptor)
        except OSError as error:
            self._give_up_tail(segment)
            raise _spool_error(error) from error

    def _give_up_tail(self, segment: Segment) -> None:
        """Cut a failed write off; if even that fails, the file is left and a new one begun."""
        try:
            if self._descriptor is not None:
                self._files.truncate(self._descriptor, segment.size)
                self._files.sync(self._descriptor)
        except OSError:
            # After a failed sync the kernel may have dropped pages: never write behind them again.
            self._close_descriptor()
            self._skip_broken_tail(segment)

    def _skip_broken_tail(self, segment: Segment) -> None:
        # Numbers of the given-up tail may stand in the old file; later records must not repeat them.
        self._next += 1_000_000
        segment.size = max(segment.size, self._segment_bytes)

    def _close_descriptor(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._files.close(descriptor)

    def read(self, max_bytes: int, *, after: int | None = None, limit: int = 4096) -> list[SpoolRecord]:
        """The oldest records behind a number (default: behind the last acknowledged), in order.

        At least one record is returned if there is any, further ones up to ``max_bytes`` in all.
        """
        with self._lock:
            behind = self._delivered if after is None else after
            segments = [
                Segment(segment.path, segment.size, segment.last)
                for segment in self._segments
                if segment.last > behind
            ]
        records = self._reader.read(segments, behind, max_bytes, limit)
        self._name_damage()
        return records

    def _name_damage(self) -> None:
        known = {(damage.segment, damage.start) for damage in self.quarantined}
        damaged, self._reader.damaged = self._reader.damaged, []
        for path, start, end in damaged:
            if (path.name, start) not in known:
                with path.open("rb") as file:
                    file.seek(start)
                    self._set_aside(path, start, file.read(end - start))

    def acknowledge(self, number: int) -> None:
        """Note that everything up to a number is safe at the platform, and free what can be freed."""
        with self._lock:
            if number <= self._delivered:
                return
            self._delivered = number
            try:
                self._files.replace_text(self._directory / _POSITION, json.dumps({"delivered": number}))
            except OSError as error:
                # Without the note the records are sent once more after a restart, which the store bears.
                _log.warning("the delivered position could not be written", reason=str(error))
            self._remove_delivered()

    def _remove_delivered(self) -> None:
        while len(self._segments) > 1 and self._segments[0].last <= self._delivered:
            self._segments.pop(0).path.unlink(missing_ok=True)

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is something undelivered; False when the time has passed without."""
        with self._appended:
            return self._appended.wait_for(lambda: self.last > self._delivered, timeout_s)

    def wake(self) -> None:
        """Let a waiting reader look again, as when the process is to end."""
        with self._appended:
            self._appended.notify_all()

    @property
    def last(self) -> int:
        """Number of the newest record on disk, or of the last delivered one."""
        with self._lock:
            return max([self._delivered, *(segment.last for segment in self._segments)])

    @property
    def delivered(self) -> int:
        """Number up to which the platform has acknowledged."""
        with self._lock:
            return self._delivered

    @property
    def used_bytes(self) -> int:
        """Bytes in segment files, delivered but not yet removed ones included."""
        with self._lock:
            return sum(segment.size for segment in self._segments)

    def hours_left(self) -> float | None:
        """Hours until the spool is full if nothing is delivered, at the present rate; None without a rate."""
        rate = self._rate.bytes_per_second()
        if rate <= 0:
            return None
        disk = max(0, self._files.free_bytes(self._directory) - _RESERVE_BYTES)
        return max(0, min(self._max_bytes - self.used_bytes, disk)) / rate / 3600

    def close(self) -> None:
        """Close the segment file; everything appended is durable already."""
        with self._lock:
            self._close_descriptor()
            self._appended.notify_all()


def _spool_error(error: OSError) -> SpoolError:
    kind = SpoolFull if error.errno in _FULL else SpoolError
    return kind(error.errno, f"the spool could not be written: {error.strerror}")


__all__ = ["Spool", "SpoolError", "SpoolFull", "SpoolRecord"]
