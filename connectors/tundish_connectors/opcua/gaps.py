"""How far each signal has come, and records of what was never received.

A signal can be *pending*: something may have been missed. At its next sample the record is written, from just
behind the last known sample to the new one. Times are microseconds of source time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tundish_platform.samples import GapReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tundish_connectors.opcua.slots import SlotTable

NEVER = int(np.iinfo(np.int64).min)
_LATEST = int(np.iinfo(np.int64).max)
_REASONS = tuple(GapReason)
# OPC 10000-4, 7.39: info type "data value" together with the overflow bit.
_INFO_TYPE, _INFO_DATA_VALUE, _OVERFLOW = 0x0C00, 0x0400, 0x0080
_DAY_US = 86_400_000_000
# A held value is known until shortly before the loss: anything older has been reported by then.
_HELD_MARGIN_US = 60_000_000

_MOST_HOLES = 20_000

GapRow = tuple[int, int, int, str]


@dataclass(frozen=True, slots=True)
class Hole:
    """A recorded gap that history may fill: from µs (with) to µs (without, a sample is there)."""

    slot: int
    start: int
    end: int
    reason: GapReason


@dataclass(frozen=True, slots=True)
class Progress:
    """A copy of the tracker's state, to go back to when a batch could not be kept."""

    last: NDArray[np.int64]
    pending: NDArray[np.int8]
    since: NDArray[np.int64]


class GapTracker:
    """Follows the last source time of every slot.

    Attributes:
        last: newest source time by slot, `NEVER` before the first sample.
    """

    def __init__(self, table: SlotTable) -> None:
        self._table = table
        self.last = np.zeros(0, np.int64)
        self._pending = np.zeros(0, np.int8)
        self._since = np.zeros(0, np.int64)
        self._rows: list[GapRow] = []
        self._holes: deque[Hole] = deque(maxlen=_MOST_HOLES)

    def grow(self) -> None:
        """Follow the slots that were added to the table."""
        more = len(self._table) - len(self.last)
        self.last = np.concatenate([self.last, np.full(more, NEVER)])
        self._pending = np.concatenate([self._pending, np.zeros(more, np.int8)])
        self._since = np.concatenate([self._since, np.full(more, NEVER)])

    def resume(self, last_by_signal: Mapping[int, int], slots: range) -> None:
        """Take up new slots where an earlier process stopped; what lies between was not collected."""
        for slot in slots:
            known = last_by_signal.get(int(self._table.signal[slot]))
            if known is not None:
                self.last[slot] = known
        self.mark(GapReason.COLLECTOR_STOPPED, np.arange(slots.start, slots.stop))

    @property
    def newest(self) -> int:
        """Newest source time of the signals with an expected period, else of all; `NEVER` at first.

        A server may mix clocks: its own diagnostics carry wall time while the machine's data lag behind, so
        what is known to come regularly is the better measure.
        """
        regular = self.last[self._table.period_us > 0]
        newest = int(regular.max()) if len(regular) else NEVER
        return newest if newest != NEVER else int(self.last.max(initial=NEVER))

    @property
    def pending(self) -> NDArray[np.int64]:
        """Slots of which something may be missing before their next sample."""
        return np.flatnonzero(self._pending)

    def mark(self, reason: GapReason, slots: NDArray[np.int64] | None = None) -> None:
        """Something may be missing from now on, for some slots or all; an earlier reason stays."""
        chosen = np.arange(len(self.last)) if slots is None else slots
        chosen = chosen[(self._pending[chosen] == 0) & (self.last[chosen] != NEVER)]
        if not len(chosen):
            return
        self._pending[chosen] = _REASONS.index(reason) + 1
        known_until = np.where(self._table.held[chosen], self.newest - _HELD_MARGIN_US, NEVER)
        self._since[chosen] = np.maximum(self.last[chosen] + 1, known_until)

    def unmark(self, reason: GapReason) -> None:
        """What a reason was given for is not lost after all."""
        self._pending[self._pending == _REASONS.index(reason) + 1] = 0

    def rewind(self, limit_us: int) -> None:
        """The server's clock was put back: what it stamped in its future must not hide what comes now."""
        ahead = (self.last > limit_us) & (self.last != NEVER)
        self.last[ahead] = limit_us
        self._since[ahead] = np.minimum(self._since[ahead], limit_us + 1)

    def observe(
        self, slots: NDArray[np.uint32], times: NDArray[np.int64], status: NDArray[np.uint32], arrival_us: int
    ) -> None:
        """Follow samples of one notification, each array ``(n,)``, in the order they came."""
        overflown = (status & np.uint32(_INFO_TYPE | _OVERFLOW)) == (_INFO_DATA_VALUE | _OVERFLOW)
        for index in np.flatnonzero(overflown).tolist():
            self._record_overflow(slots, times, index)
        # Times far in the future are kept as samples but must not make everything later look late.
        sane = (times >= 0) & (times <= arrival_us + _DAY_US)
        if not sane.all():
            slots, times = slots[sane], times[sane]
        if self._pending[slots].any():
            self._settle(slots, times)
        np.maximum.at(self.last, slots, times)

    def _settle(self, slots: NDArray[np.uint32], times: NDArray[np.int64]) -> None:
        first = np.full(len(self.last), _LATEST)
        newer = (self._pending[slots] > 0) & (times > self.last[slots])
        np.minimum.at(first, slots[newer], times[newer])
        for slot in np.flatnonzero(first != _LATEST).tolist():
            since, reason = int(self._since[slot]), _REASONS[self._pending[slot] - 1]
            self._row(slot, since, int(first[slot]), reason)
            self._holes.append(Hole(slot, since, int(first[slot]), reason))
            self._pending[slot] = 0
        # The very sample we knew last is still the newest: nothing was missed.
        same = slots[(self._pending[slots] > 0) & (times == self.last[slots])]
        self._pending[same] = 0

    def _record_overflow(self, slots: NDArray[np.uint32], times: NDArray[np.int64], index: int) -> None:
        slot = int(slots[index])
        earlier = times[:index][slots[:index] == slot]
        before = int(earlier.max()) if len(earlier) else int(self.last[slot])
        if before != NEVER:
            self._row(slot, before + 1, int(times[index]), GapReason.OVERFLOW)
            self._holes.append(Hole(slot, before + 1, int(times[index]), GapReason.OVERFLOW))

    def _row(self, slot: int, start: int, end: int, reason: GapReason) -> None:
        if end > start:
            self._rows.append((int(self._table.signal[slot]), start, end, reason.value))

    def amend(self, hole: Hole, start_us: int, end_us: int) -> None:
        """Record what of a hole is left; a record with the hole's own start replaces the first one.

        An empty record (start equals end) says that nothing is unknown any more.
        """
        self._rows.append((int(self._table.signal[hole.slot]), start_us, end_us, hole.reason.value))

    def take_holes(self) -> list[Hole]:
        """The closed holes since the last call, newest thousands only; all of them are recorded already."""
        holes = list(self._holes)
        self._holes.clear()
        return holes

    def record_silence(self, slots: NDArray[np.int64]) -> None:
        """Write how long silent signals have been unknown; a later record of equal start replaces it."""
        newest = self.newest
        self.mark(GapReason.SILENT, slots)
        for slot in slots.tolist():
            if self._pending[slot]:
                self._row(slot, int(self._since[slot]), newest, _REASONS[self._pending[slot] - 1])

    def take_rows(self) -> list[GapRow]:
        """The records since the last call: (signal, start µs, end µs, reason)."""
        rows, self._rows = self._rows, []
        return rows

    def progress(self) -> Progress:
        """The present state, for `go_back`."""
        return Progress(self.last.copy(), self._pending.copy(), self._since.copy())

    def go_back(self, progress: Progress) -> None:
        """Forget what was observed since ``progress``, because it could not be kept."""
        self.last, self._pending, self._since = progress.last, progress.pending, progress.since
        self._rows = []
