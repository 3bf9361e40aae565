"""Watches each item by its own rate: a quiet one is looked at, and made anew if it held news back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from tundish_connectors.opcua.times import micros_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from tundish_connectors.opcua.batching import Batching
    from tundish_connectors.opcua.gaps import GapTracker
    from tundish_connectors.opcua.items import Items

_LEAST_S = 5.0
_USUALS = 10.0
_LONGEST_S = 300.0
_PATIENCE = 6.0
_LEAST_PATIENCE_S = 3.0
_MOST_AT_ONCE = 2000
_FRESH_US = 500_000


@dataclass(frozen=True, slots=True)
class _Suspect:
    at: int
    until: float
    sure: bool
    value: ua.Variant | None


class DeafWatch:
    """Finds items that do not deliver although their node's source time has moved on.

    A quiet item proves nothing: values that do not change are not sent. So a node that has been quiet for ten
    of its usual intervals (5 s at least) is read; if its source time is newer than the newest sample and that
    sample does not follow within a few publishing intervals, the item is deaf. The waits double.
    """

    def __init__(
        self, tracker: GapTracker, publishing_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tracker = tracker
        self._patience_s = max(_LEAST_PATIENCE_S, _PATIENCE * publishing_s)
        self._clock = clock
        self._last = np.zeros(0, np.int64)
        self._seen = np.zeros(0)
        self._usual = np.zeros(0)
        self._due = np.zeros(0)
        self._wait = np.zeros(0)
        self._suspects: dict[int, _Suspect] = {}

    def note(self) -> None:
        """Look at how far the signals have come; called about once a second."""
        now, last = self._clock(), self._tracker.last
        self._grow(len(last), now)
        moved = np.flatnonzero(last != self._last)
        interval = now - self._seen[moved]
        # The longest usual interval counts, slowly forgotten: rates of machines change with what they do.
        self._usual[moved] = np.maximum(interval, 0.98 * self._usual[moved])
        self._seen[moved] = now
        self._wait[moved] = np.clip(_USUALS * self._usual[moved], _LEAST_S, _LONGEST_S)
        self._due[moved] = now + self._wait[moved]
        self._last = last.copy()

    def _grow(self, count: int, now: float) -> None:
        more = count - len(self._last)
        if more > 0:
            self._last = np.concatenate([self._last, self._tracker.last[-more:]])
            self._seen = np.concatenate([self._seen, np.full(more, now)])
            self._usual = np.concatenate([self._usual, np.zeros(more)])
            self._wait = np.concatenate([self._wait, np.full(more, _LEAST_S)])
            self._due = np.concatenate([self._due, np.full(more, now + _LEAST_S)])

    async def look(self, items: Items, read: Batching) -> list[int]:
        """Read the quiet ones whose time has come; returns the slots that are deaf.

        Raises:
            asyncua.ua.UaError: the server refuses to be read at all.
            OSError, TimeoutError: the line is gone.
        """
        now = self._clock()
        due = [slot for slot in np.flatnonzero(self._due <= now).tolist() if _judged(items, slot)]
        due = due[:_MOST_AT_ONCE]
        self._wait[due] = np.minimum(2 * self._wait[due], _LONGEST_S)
        self._due[due] = now + self._wait[due]
        for slot, value in zip(due, await _read(due, items, read), strict=True):
            self._suspect(slot, value, items, now)
        return await self._deaf(items, read, now)

    def _suspect(self, slot: int, value: ua.DataValue, items: Items, now: float) -> None:
        at = _micros(value.SourceTimestamp)
        if at <= max(0, int(self._tracker.last[slot])):
            return
        until = now + self._patience_s + 3 * items.granted[slot].sampling_ms / 1000
        # Some servers stamp a value with the moment of reading: then only another value proves anything.
        sure = _micros(value.ServerTimestamp) - at > _FRESH_US
        self._suspects.setdefault(slot, _Suspect(at, until, sure, value.Value))

    async def _deaf(self, items: Items, read: Batching, now: float) -> list[int]:
        for slot, suspect in list(self._suspects.items()):
            if self._tracker.last[slot] >= suspect.at or not _judged(items, slot):
                del self._suspects[slot]
        over = {slot: suspect for slot, suspect in self._suspects.items() if now > suspect.until}
        for slot in over:
            del self._suspects[slot]
        unsure = [slot for slot, suspect in over.items() if not suspect.sure]
        again = dict(zip(unsure, await _read(unsure, items, read), strict=True))
        return [
            slot
            for slot, suspect in over.items()
            if suspect.sure or (again[slot].Value != suspect.value and self._tracker.last[slot] < suspect.at)
        ]


def _judged(items: Items, slot: int) -> bool:
    """Items whose filter the server refused do not report new times of equal values."""
    return slot in items.granted and items.granted[slot].filtered


async def _read(slots: Sequence[int], items: Items, read: Batching) -> list[ua.DataValue]:
    async def call(part: Sequence[int]) -> list[ua.DataValue]:
        parameters = ua.ReadParameters()
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.NodesToRead = [
            ua.ReadValueId(NodeId=items.granted[slot].node, AttributeId=AttributeIds.Value) for slot in part
        ]
        return await items.session.read(parameters)

    return await read.run(slots, call)


def _micros(moment: datetime | None) -> int:
    """Microseconds since 1970; 0 for none, which is never newer than a sample."""
    return micros_of(moment) if moment is not None else 0
