"""From notifications to the spool: nothing is acknowledged before `Intake.flush` has said that it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import structlog

from tundish_connectors.collect.checkpoint import Checkpoint, read_checkpoint
from tundish_connectors.collect.rows import gap_batch
from tundish_connectors.opcua.columns import BatchBuilder
from tundish_connectors.opcua.decode import DecodeError, decode_bodies
from tundish_connectors.opcua.gaps import NEVER, GapTracker, Progress
from tundish_connectors.opcua.queues import full_queues
from tundish_connectors.opcua.slots import SlotTable
from tundish_connectors.opcua.thinned import ThinnedColumns
from tundish_connectors.spool import SpoolError
from tundish_platform.samples import GapReason, encode_batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tundish_connectors.collect.thinning import ThinRule
    from tundish_connectors.delivery import Counters
    from tundish_connectors.opcua.decode import Column
    from tundish_connectors.opcua.publish import Notification
    from tundish_connectors.opcua.queues import Queues
    from tundish_connectors.opcua.survey import Desired
    from tundish_connectors.spool import Spool

_log = structlog.get_logger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    """The wall clock in microseconds since 1970."""
    return (datetime.now(UTC) - _EPOCH) // timedelta(microseconds=1)


class Intake:
    """Belongs to one connection and outlives its sessions.

    Attributes:
        table: the signals.
        full: the last flush was refused for want of room or because the disk failed.
        queues: what the server keeps for each item, as far as it granted any.
    """

    def __init__(
        self, spool: Spool, counters: Counters, state_dir: Path, thin: Sequence[ThinRule] = ()
    ) -> None:
        self.table = SlotTable()
        self._tracker = GapTracker(self.table)
        self.full = False
        self.queues: Queues | None = None
        self._spool = spool
        self._counters = counters
        self._thinned = ThinnedColumns(thin)
        self._builder = BatchBuilder(self.table, self._thinned)
        self._arrived = 0
        self._checkpoint_path = state_dir / "last.json"
        self._resumed = read_checkpoint(self._checkpoint_path, spool)
        self._before: Progress | None = None
        self._touched: list[NDArray[np.uint32]] = []
        self._bodies: list[memoryview] = []
        spool.on_roll = self.save

    def bind(self, desired: Sequence[Desired], numbers: dict[str, int]) -> list[int]:
        """Give signals their slots, in the order given; new ones go on where an earlier process stopped."""
        self._settle()
        known = len(self.table)
        slots = [self.table.add(one.spec, numbers[one.spec.path], one.enum, one.pick) for one in desired]
        for slot in range(known, len(self.table)):
            self._thinned.follow(int(self.table.signal[slot]), self.table.specs[slot])
        if len(self.table) > known:
            self._tracker.grow()
            self._tracker.resume(self._resumed, range(known, len(self.table)))
        return slots

    @property
    def oddities(self) -> dict[str, int]:
        """What had to be mended in values, counted by kind."""
        return dict(self._builder.oddities)

    @property
    def tracker(self) -> GapTracker:
        """How far each signal has come, with everything taken so far."""
        self._settle()
        return self._tracker

    def take(self, notification: Notification) -> None:
        """Add the values of a notification to what the next flush keeps."""
        if self._before is None:
            self._before = self._tracker.progress()
        if notification.columns:
            self._settle()
            self._follow(notification.columns)
        self._bodies += notification.bodies

    def _settle(self) -> None:
        """Decode what was taken, all of it at once."""
        bodies, self._bodies = self._bodies, []
        if not bodies:
            return
        try:
            columns = decode_bodies(bodies)
        except DecodeError:
            self._settle_singly(bodies, {})
            return
        full = full_queues(columns, bodies, self.queues) if self.queues is not None else {}
        if full:
            self._settle_singly(bodies, full)
        else:
            self._follow(columns)

    def _settle_singly(self, bodies: Sequence[memoryview], full: dict[int, NDArray[np.int64]]) -> None:
        for number, body in enumerate(bodies):
            if number in full:
                # What the server dropped lies before this message and behind the one before.
                self._tracker.mark(GapReason.OVERFLOW, full[number])
            try:
                self._follow(decode_bodies([body]))
            except DecodeError as error:
                # It would come no better a second time, so it counts as missed.
                _log.warning("a notification could not be read", reason=str(error))
                self._tracker.mark(GapReason.SEQUENCE)

    def _follow(self, columns: Sequence[Column]) -> None:
        arrival = now_us()
        if self._thinned:
            # Both samples beside a gap are kept: the one that is held back, and the next one.
            self._builder.cut(self.table.signal[self._tracker.pending])
        slots, times, status = self._builder.add(columns, arrival)
        self._arrived += len(slots)
        self._touched.append(slots)
        self._tracker.observe(slots, times, status, arrival)

    def flush(self) -> bool:
        """Make everything taken durable; False when it could not be kept, which is then recorded as a gap."""
        self._settle()
        before = self._before = self._before or self._tracker.progress()
        touched, self._touched = self._touched, []
        arrived, self._arrived = self._arrived, 0
        arrival = datetime.now(UTC)
        batches = self._builder.build(arrival)
        gaps = self._tracker.take_rows()
        if gaps:
            batches.append(gap_batch(gaps, arrival))
        try:
            if batches:
                self._spool.append([encode_batch(batch) for batch in batches])
        except SpoolError as error:
            self._refuse(before, touched, arrived, error)
            return False
        finally:
            self._before = None
        self._counters.add(received=arrived + len(gaps), thinned=self._thinned.settle())
        self.full = False
        return True

    def _refuse(
        self, before: Progress, touched: list[NDArray[np.uint32]], rows: int, error: SpoolError
    ) -> None:
        if not self.full:
            _log.error("values could not be kept; a gap will be recorded", reason=str(error))
        self.full = True
        self._tracker.go_back(before)
        self._thinned.go_back()
        if touched:
            slots = np.unique(np.concatenate(touched)).astype(np.int64)
            self._tracker.mark(GapReason.SPOOL_FULL, slots)
        self._counters.add(received=rows, dropped=rows)

    def close(self) -> None:
        """Keep what was held back by thinning, and write down how far each signal came."""
        self._builder.release()
        self.flush()
        self.save()

    def save(self) -> None:
        """Write down how far each signal has come; older segments are not needed for that any more."""
        # What is not in the spool yet does not count, nor does what is being written when a segment begins.
        reached = self._tracker.last if self._before is None else self._before.last
        signals = self.table.signal[: len(reached)]
        last = {
            int(signal): int(time) for signal, time in zip(signals, reached, strict=True) if time != NEVER
        }
        last |= self._thinned.on_disk()
        try:
            Checkpoint(number=self._spool.last, last=self._resumed | last).write(self._checkpoint_path)
        except OSError as error:
            _log.warning("the checkpoint could not be written", reason=str(error))
