"""Moves records from the spool to the platform, each lane in order, and acknowledges them only then."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from tundish_connectors.connector import Backoff, ConnectorError, ErrorKind
from tundish_connectors.delivery.http import RefusedError, TooLargeError
from tundish_connectors.delivery.lanes import Lanes, Load
from tundish_platform.samples import CodecError, decode_batch

if TYPE_CHECKING:
    from pathlib import Path

    from tundish_connectors.delivery.http import HttpDelivery
    from tundish_connectors.spool import Spool

_log = structlog.get_logger(__name__)
_DENIED_WAIT_S = 30.0
_IDLE_WAIT_S = 1.0


@dataclass
class Counters:
    """Rows since the process started. ``queued`` is what was received but neither sent nor dropped.

    After a restart the spool may hold older rows, so more can be sent than was received. ``thinned`` are rows
    that exception reporting or the swinging door left out as set up; they were received, but are neither
    dropped nor queued, and are told only where there are any.
    """

    received: int = 0
    dropped: int = 0
    sent: int = 0
    left_over: int = 0
    thinned: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, received: int = 0, dropped: int = 0, sent: int = 0, thinned: int = 0) -> None:
        """Count rows."""
        with self._lock:
            self.thinned += thinned
            self.received += received
            self.dropped += dropped
            self.sent += sent

    def as_dict(self) -> dict[str, int]:
        """The counts as the heartbeat carries them."""
        with self._lock:
            queued = max(0, self.left_over + self.received - self.sent - self.dropped - self.thinned)
            counts = {
                "received": self.received,
                "queued": queued,
                "dropped": self.dropped,
                "sent": self.sent,
            }
            return counts | {"thinned": self.thinned} if self.thinned else counts


class Forwarder:
    """A thread that empties the spool.

    A refused token does not end it: collecting goes on into the spool, and delivery is tried again now and
    then, because the token may be mended at the platform.

    Attributes:
        trouble: why nothing is delivered at present; None while delivery works.
    """

    def __init__(
        self, spool: Spool, delivery: HttpDelivery, counters: Counters, *, request_bytes: int, rejected: Path
    ) -> None:
        self._spool = spool
        self._delivery = delivery
        self._counters = counters
        self._lanes = Lanes(spool, request_bytes)
        self._rejected = rejected
        self._stop = threading.Event()
        self._backoff = Backoff()
        self._thread = threading.Thread(target=self._run, name="forwarder", daemon=True)
        self.trouble: ConnectorError | None = None

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self, drain_s: float = 0.0) -> None:
        """End; before that, go on delivering for up to ``drain_s`` seconds while it works."""
        if drain_s > 0 and self._thread.is_alive():
            self._drained(drain_s)
        self._stop.set()
        self._spool.wake()
        if self._thread.is_alive():
            self._thread.join()

    def _drained(self, drain_s: float) -> None:
        pause = threading.Event()
        for _ in range(int(drain_s / 0.05)):
            if not self._spool.wait(0) or self.trouble is not None:
                return
            pause.wait(0.05)

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._spool.wait(_IDLE_WAIT_S):
                continue
            try:
                self._forward(self._lanes.next())
            except ConnectorError as error:
                self._pause(error)
            except OSError as error:
                self._pause(_unreadable(error))

    def _pause(self, error: ConnectorError) -> None:
        if self.trouble is None or self.trouble.message_en != error.message_en:
            _log.warning("delivery is held up", kind=error.kind.value, reason=error.message_en)
        self.trouble = error
        at_least = _DENIED_WAIT_S if error.kind is ErrorKind.FATAL else error.wait_s
        self._stop.wait(self._backoff.wait_s(at_least))

    def _forward(self, load: Load) -> None:
        """Send records in one request, or in halves where that is refused, down to the one at fault."""
        count = len(load.records)
        if not count or self._stop.is_set():
            return
        try:
            rows = self._delivery.send([record.payload for record in load.records])
        except (TooLargeError, RefusedError) as error:
            if count == 1:
                self._reject(load, error)
                return
            self._forward(load.part(0, count // 2))
            self._forward(load.part(count // 2, count))
            return
        self._lanes.delivered(load)
        self._counters.add(sent=rows)
        self.trouble = None
        self._backoff.reset()

    def _reject(self, load: Load, error: ConnectorError) -> None:
        record = load.records[0]
        self._rejected.mkdir(parents=True, exist_ok=True)
        copy = self._rejected / f"{record.number:020d}.batch"
        copy.write_bytes(record.payload)
        _log.error("a batch was refused and set aside", copy=str(copy), reason=error.message_en)
        self._counters.add(dropped=_rows(record.payload))
        self._lanes.delivered(load)


def _rows(payload: bytes) -> int:
    try:
        return len(decode_batch(payload))
    except CodecError:
        return 0


def _unreadable(error: OSError) -> ConnectorError:
    return ConnectorError(
        ErrorKind.RETRY,
        f"The spool on this gateway could not be read or written ({error}). Check its disk.",
        f"网关的本地缓存无法读写({error})。请检查磁盘。",
    )
