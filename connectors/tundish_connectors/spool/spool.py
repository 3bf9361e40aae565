"""The spool: batches on disk between collector and platform.

`Spool.append` returns only when the bytes are durable. Records leave in order, and their segment files are
removed only after `Spool.acknowledge`. The newest segment stays even when it is delivered, because a
starting collector reads from it how far each signal had come.
"""

from __future__ import annotations

import errno
import threading
import time
from typing import TYPE_CHECKING

import structlog

from tundish_connectors.spool.files import Files
from tundish_connectors.spool.position import Position
from tundish_connectors.spool.rate import Ages, FillRate
from tundish_connectors.spool.reader import Segment, SegmentReader, SpoolRecord
from tundish_connectors.spool.segment import (
    MAX_PAYLOAD_BYTES,
    Quarantined,
    pack_group,
    scan_newest,
    scan_segment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_log = structlog.get_logger(__name__)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_RESERVE_BYTES = 16 * 1024 * 1024
_POSITION = "delivered.json"
_SUFFIX = ".seg"
_POSITION_S = 1.0
_NO_END = 2**63


class SpoolError(OSError):
    """The disk failed; nothing of the append was acknowledged, and nothing older is lost."""


class SpoolFull(SpoolError):  # noqa: N818 - a state of the spool, named as people speak of it
    """The bound in bytes or hours is reached or the disk is full; the append was refused as a whole."""


class Spool:
    """An ordered, bounded, durable queue of byte records in a directory of its own.

    Safe for one thread that appends and another that reads and acknowledges; neither waits for the other's
    disk.

    Attributes:
        quarantined: damaged byte ranges found at opening, with the file each was copied to.

    Args:
        directory: created if absent; belongs to one process at a time.
        max_bytes: bound over all segment files.
        max_hours: nothing more is taken while the oldest undelivered record is older; None for no such bound.
        segment_bytes: size at which a new segment file is begun.
        compress: pack records with zstd.
        files: file operations; replaced in tests only.
        on_roll: called before a new segment is begun.
        clock: Unix time in seconds.
    """

    def __init__(  # noqa: PLR0913 - bounds, and what tests replace
        self,
        directory: Path,
        *,
        max_bytes: int = 2 * 1024**3,
        max_hours: float | None = None,
        segment_bytes: int = 8 * 1024**2,
        compress: bool = False,
        files: Files | None = None,
        on_roll: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if segment_bytes * 2 > max_bytes:
            raise ValueError("max_bytes must hold at least two segments")
        self._directory = directory
        self._max_bytes = max_bytes
        self._max_hours = max_hours
        self._segment_bytes = segment_bytes
        self._compress = compress
        self._files = files or Files()
        self._clock = clock
        self.on_roll = on_roll
        # The writer's lock is held while the disk works, the other one never.
        self._writing = threading.RLock()
        self._lock = threading.RLock()
        self._appended = threading.Condition(self._lock)
        self._rate = FillRate()
        self._ages = Ages()
        self._descriptor: int | None = None
        self._segments: list[Segment] = []
        self._readers = (SegmentReader(), SegmentReader())
        self._staged: list[bytes] = []
        self._position_kept = 0.0
        self.quarantined: list[Quarantined] = []
        directory.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        paths = sorted(self._directory.glob(f"*{_SUFFIX}"))
        for path in paths:
            self._open_segment(path, newest=path == paths[-1])
        kept = self._read_position()
        newest = max((segment.last for segment in self._segments), default=0)
        # A lost or older position only means that some records are sent again.
        self._position = kept.within(newest) if newest else Position(kept.delivered)
        self._next = max(newest, kept.delivered, kept.ahead) + 1
        self._remove_delivered()

    def _open_segment(self, path: Path, *, newest: bool) -> None:
        data = path.read_bytes()
        scan = scan_newest(data) if newest else scan_segment(data)
        for start, end in scan.damaged:
            self._set_aside(path, start, data[start:end])
        size = len(data)
        if scan.torn_at is not None:
            _log.debug(
                "an unfinished write was cut off the spool", segment=path.name, bytes=size - scan.torn_at
            )
            self._cut(path, scan.torn_at)
            size = scan.torn_at
        if scan.places:
            # Its records are at least as old as its last write; hours are judged too kindly by one segment.
            self._ages.add(scan.places[0].number, path.stat().st_mtime)
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

    def _read_position(self) -> Position:
        try:
            return Position.from_text((self._directory / _POSITION).read_text())
        except (OSError, UnicodeDecodeError):
            return Position()

    def append(self, payloads: Sequence[bytes]) -> int:
        """Append records and make them durable together.

        Returns:
            The number of the last record.

        Raises:
            SpoolFull: there is no room; nothing was kept.
            SpoolError: the disk failed; nothing was kept.
            ValueError: a record is longer than 64 MiB.
        """
        with self._writing:
            for payload in payloads:
                self.stage(payload)
            return self.commit()

    def stage(self, payload: bytes) -> None:
        """Add a record to what the next `commit` makes durable; until then it is in memory only.

        Raises:
            ValueError: it is longer than 64 MiB; what was staged before is still there.
        """
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"a spool record may have {MAX_PAYLOAD_BYTES} bytes at most")
        with self._writing:
            self._staged.append(payload)

    def commit(self) -> int:
        """Make all staged records durable with one write and one sync.

        Returns:
            The number of the last record.

        Raises:
            SpoolFull: there is no room; nothing of what was staged is kept.
            SpoolError: the disk failed; nothing of what was staged is kept.
        """
        with self._writing:
            payloads, self._staged = self._staged, []
            if not payloads:
                return self.last
            data = pack_group(self._next, payloads, compress=self._compress)
            self._check_room(len(data))
            segment = self._writable(len(data))
            self._write(segment, data)
            with self._appended:
                segment.size += len(data)
                self._next += len(payloads)
                segment.last = self._next - 1
                self._rate.add(len(data))
                self._ages.add(segment.last, self._clock())
                self._appended.notify_all()
                return self._next - 1

    def _check_room(self, size: int) -> None:
        if self.used_bytes + size > self._max_bytes:
            raise SpoolFull(errno.ENOSPC, f"the spool in {self._directory} has reached its bound in bytes")
        if self._max_hours is not None and self.oldest_hours() > self._max_hours:
            raise SpoolFull(errno.ENOSPC, f"the spool in {self._directory} has reached its bound in hours")

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
        with self._lock:
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
        with self._lock:
            self._next += 1_000_000
            segment.size = max(segment.size, self._segment_bytes)

    def _close_descriptor(self) -> None:
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._files.close(descriptor)

    def read(
        self, max_bytes: int, *, after: int | None = None, until: int = _NO_END, limit: int = 4096
    ) -> list[SpoolRecord]:
        """The oldest records behind a number (default: behind the last acknowledged), in order.

        At least one record is returned if there is any up to ``until``, further ones up to ``max_bytes`` in
        all. What was acknowledged ahead is left out only by the choice of ``after`` and ``until``.
        """
        with self._lock:
            behind = self._position.delivered if after is None else after
            segments = [
                Segment(segment.path, segment.size, segment.last)
                for segment in self._segments
                if segment.last > behind
            ]
        # Two lanes read far apart; each keeps the layout of its own segment.
        reader = self._readers[int(after is not None and after >= self._position.ahead_after > 0)]
        records = reader.read(segments, behind, until, max_bytes, limit)
        self._name_damage(reader)
        return records

    def _name_damage(self, reader: SegmentReader) -> None:
        damaged, reader.damaged = reader.damaged, []
        known = {(damage.segment, damage.start) for damage in self.quarantined} if damaged else set()
        for path, start, end in damaged:
            if (path.name, start) not in known:
                with path.open("rb") as file:
                    file.seek(start)
                    self._set_aside(path, start, file.read(end - start))

    def acknowledge(self, number: int) -> None:
        """Note that everything up to a number is safe at the platform, and free what can be freed."""
        with self._lock:
            self._moved(self._position.with_delivered(number))

    def acknowledge_ahead(self, after: int, number: int) -> None:
        """Note that everything behind ``after`` up to a number is safe, whatever of older records.

        Raises:
            ValueError: another stretch ahead is not joined yet.
        """
        with self._lock:
            self._moved(self._position.with_ahead(after, number))

    def _moved(self, position: Position) -> None:
        if position == self._position:
            return
        self._position = position
        # The note only saves sending again, so a second's worth may be lost with a kill.
        if time.monotonic() - self._position_kept >= _POSITION_S:
            self._keep_position()
        self._remove_delivered()

    def _keep_position(self) -> None:
        self._position_kept = time.monotonic()
        try:
            self._files.replace_text(self._directory / _POSITION, self._position.to_text())
        except OSError as error:
            # Without the note the records are sent once more after a restart, which the store bears.
            _log.warning("the delivered position could not be written", reason=str(error))

    def _remove_delivered(self) -> None:
        gone = [one for one in self._segments[:-1] if self._position.covers(one.first, one.last)]
        for segment in gone:
            self._segments.remove(segment)
            self._files.remove(segment.path)

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is something undelivered; False when the time has passed without."""
        with self._appended:
            return self._appended.wait_for(self._waiting, timeout_s)

    def _waiting(self) -> bool:
        position = self._position
        return self.last > self.newest_delivered or position.delivered < position.ahead_after

    def wake(self) -> None:
        """Let a waiting reader look again, as when the process is to end."""
        with self._appended:
            self._appended.notify_all()

    @property
    def last(self) -> int:
        """Number of the newest record on disk, or of the last delivered one."""
        with self._lock:
            return max([self.newest_delivered, *(segment.last for segment in self._segments)])

    @property
    def delivered(self) -> int:
        """Number up to which the platform has acknowledged everything."""
        with self._lock:
            return self._position.delivered

    @property
    def position(self) -> Position:
        """What the platform has, the stretch ahead included."""
        with self._lock:
            return self._position

    @property
    def newest_delivered(self) -> int:
        """The highest number that the platform has."""
        with self._lock:
            return max(self._position.delivered, self._position.ahead)

    @property
    def used_bytes(self) -> int:
        """Bytes in segment files, delivered but not yet removed ones included."""
        with self._lock:
            return sum(segment.size for segment in self._segments)

    def undelivered_bytes(self) -> int:
        """Bytes that wait, counted by whole segments but for the newest delivered one."""
        with self._lock:
            return sum(
                segment.size
                for segment in self._segments
                if not self._position.covers(segment.first, segment.last)
            )

    def oldest_hours(self) -> float:
        """How long the oldest undelivered record has waited, to the minute; 0 for none."""
        with self._lock:
            since = self._ages.of(self._position.delivered + 1) if self._waiting() else None
            return 0.0 if since is None else max(0.0, self._clock() - since) / 3600

    def hours_left(self) -> float | None:
        """Hours until the spool is full if nothing is delivered, at the present rate; None without a rate."""
        rate = self._rate.bytes_per_second()
        if rate <= 0:
            return None
        disk = max(0, self._files.free_bytes(self._directory) - _RESERVE_BYTES)
        hours = max(0, min(self._max_bytes - self.used_bytes, disk)) / rate / 3600
        return (
            hours if self._max_hours is None else min(hours, max(0.0, self._max_hours - self.oldest_hours()))
        )

    def close(self) -> None:
        """Close the segment file; everything appended is durable already."""
        with self._writing, self._lock:
            self._close_descriptor()
            self._keep_position()
            self._appended.notify_all()


def _spool_error(error: OSError) -> SpoolError:
    kind = SpoolFull if error.errno in _FULL else SpoolError
    return kind(error.errno, f"the spool could not be written: {error.strerror}")


__all__ = ["Spool", "SpoolError", "SpoolFull", "SpoolRecord"]
