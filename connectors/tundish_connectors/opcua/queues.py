"""Queues that came back exactly full: so a server shows what it dropped without setting the overflow bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tundish_connectors.opcua.decode import Column, DecodeError, decode_bodies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tundish_connectors.opcua.items import Granted
    from tundish_connectors.opcua.publish import Notification

_SHORTEST = 2


def full_queues(
    notifications: Sequence[Notification], granted: Mapping[int, Granted], shortest: int
) -> dict[int, NDArray[np.int64]]:
    """Slots with as many values in one message as their queue holds, by the message's sequence number.

    All messages are looked at together: one by one, many small ones would cost more than decoding them.

    Args:
        notifications: as they came.
        granted: the items, by slot.
        shortest: no queue is shorter; what holds fewer values is left unread.
    """
    if shortest < _SHORTEST:
        return {}
    large = [one for one in notifications if one.values() >= shortest]
    if not large:
        return {}
    bodies = [body for one in large for body in one.bodies]
    try:
        columns = decode_bodies(bodies)
    except DecodeError:
        # Whoever takes it says so, and what it held counts as missed.
        return {}
    message = np.repeat(np.arange(len(large)), [len(one.bodies) for one in large])
    found: dict[int, list[int]] = {}
    for number, slot, count in _counts(columns, bodies, message):
        if count >= shortest and slot in granted and count == granted[slot].queue:
            found.setdefault(large[number].sequence, []).append(slot)
    return {sequence: np.array(slots, np.int64) for sequence, slots in found.items()}


def _counts(
    columns: Sequence[Column], bodies: Sequence[memoryview], message: NDArray[np.int64]
) -> list[tuple[int, int, int]]:
    """How often each slot stands in each message, where it is more than once: message, slot, count."""
    if not columns:
        return []
    ends = np.cumsum([len(body) for body in bodies])
    sizes = [int.from_bytes(body[:4], "little", signed=True) for body in bodies]
    alone = np.repeat(np.arange(len(bodies)), np.maximum(sizes, 0))
    keys = [
        message[alone if column.order is None else np.searchsorted(ends, column.order, "right")] << 32
        | column.handles.astype(np.int64)
        for column in columns
    ]
    key = np.sort(np.concatenate(keys))
    starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    counts = np.diff(np.append(starts, len(key)))
    more = counts > 1
    repeated = key[starts[more]]
    return list(
        zip((repeated >> 32).tolist(), (repeated & 0xFFFFFFFF).tolist(), counts[more].tolist(), strict=True)
    )
