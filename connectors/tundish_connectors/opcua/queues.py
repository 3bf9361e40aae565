"""Queues that came back exactly full: so a server shows what it dropped without setting the overflow bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_connectors.opcua.decode import Column
    from tundish_connectors.opcua.items import Granted

_SHORTEST = 2


class Queues(Protocol):
    """What the server keeps for each item between two messages.

    Attributes:
        granted: the items, by slot.
        shortest_queue: no queue is shorter; 0 without items.
    """

    granted: dict[int, Granted]
    shortest_queue: int


def full_queues(
    columns: Sequence[Column], bodies: Sequence[memoryview], queues: Queues
) -> dict[int, NDArray[np.int64]]:
    """Slots with as many values in one message as their queue holds, by the number of the body.

    Args:
        columns: what the bodies were decoded to, together.
        bodies: data changes of one message each.
        queues: of the items.
    """
    shortest = queues.shortest_queue
    sizes = [int.from_bytes(body[:4], "little", signed=True) for body in bodies]
    if shortest < _SHORTEST or max(sizes, default=0) < shortest:
        return {}
    found: dict[int, list[int]] = {}
    for number, slot, count in _counts(columns, bodies, sizes):
        if count >= shortest and slot in queues.granted and count == queues.granted[slot].queue:
            found.setdefault(number, []).append(slot)
    return {number: np.array(slots, np.int64) for number, slots in found.items()}


def _counts(
    columns: Sequence[Column], bodies: Sequence[memoryview], sizes: Sequence[int]
) -> list[tuple[int, int, int]]:
    """How often each slot stands in each body, where it is more than once: body, slot, count."""
    if not columns:
        return []
    ends = np.cumsum([len(body) for body in bodies])
    alone = np.repeat(np.arange(len(bodies)), np.maximum(sizes, 0))
    keys = [
        (alone if column.order is None else np.searchsorted(ends, column.order, "right")) << 32
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
