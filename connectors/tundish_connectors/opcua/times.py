"""Source times of OPC UA as microseconds since 1970, whatever a server sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TICKS_1970 = 116_444_736_000_000_000
# OPC 10000-6, 5.2.2.5: 0 and anything from the end of 9999 on stand for "no time" and "for ever".
_TICKS_9999 = 2_650_467_743_990_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def resolve_times(
    source: NDArray[np.int64], server: NDArray[np.int64], arrival_us: int
) -> tuple[NDArray[np.int64], int]:
    """The time that decides: the source's, else the server's, else the arrival.

    Args:
        source: FILETIME ticks, shape ``(n,)``; 0 where absent.
        server: the same of the server's clock.
        arrival_us: microseconds since 1970.

    Returns:
        Microseconds since 1970, and for how many values the source's time could not be used.
    """
    usable = _usable(source)
    if usable.all():
        return (source - TICKS_1970) // 10, 0
    ticks = np.where(usable, source, server)
    micros = np.where(
        usable | _usable(server), (np.where(_usable(ticks), ticks, 0) - TICKS_1970) // 10, arrival_us
    )
    return micros.astype(np.int64), int(len(source) - usable.sum())


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970; a moment without a zone is UTC, as asyncua gives it."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _usable(ticks: NDArray[np.int64]) -> NDArray[np.bool_]:
    good: NDArray[np.bool_] = (ticks > 0) & (ticks < _TICKS_9999)
    return good
