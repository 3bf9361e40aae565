"""How much history there is that an app could be tried on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow.compute as pc

from tundish_platform.trials.plan import LONGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tundish_platform.samples import SignalInfo
    from tundish_platform.store.query.queries import Queries
    from tundish_platform.tenancy import TenantScope

_US: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A month by days says in which day it begins, that day by half hours from when on.
_STEPS: Final = (timedelta(days=1), timedelta(minutes=30))


def stretch_of(
    telemetry: Queries, scope: TenantScope, signals: Sequence[SignalInfo], now: datetime
) -> tuple[datetime, datetime] | None:
    """The last thirty days up to the newest sample, or from half an hour's precision on what there is.

    Args:
        telemetry: the store.
        scope: with the permission to read.
        signals: those that the app would read.
        now: the platform's clock, UTC; samples from the future do not count.

    Returns:
        Start and end; None where there is no sample.
    """
    newest = telemetry.latest(scope, [signal.id for signal in signals])
    ends = [at for at in newest.column("ts").to_pylist() if at <= now]
    if not ends:
        return None
    end = max(ends) + _US
    start = end - LONGEST
    for step in _STEPS:
        until = min(start + LONGEST, end) if step == _STEPS[0] else min(start + _STEPS[0], end)
        start = _first(telemetry, scope, signals, (start, until), step) or start
    return start, end


def _first(
    telemetry: Queries, scope: TenantScope, signals: Sequence[SignalInfo],
    stretch: tuple[datetime, datetime], step: timedelta,
) -> datetime | None:  # fmt: skip
    """Begin of the first piece of the stretch with a sample of any of the signals."""
    edges = np.arange(_us(stretch[0]), _us(stretch[1]), step // _US, dtype=np.int64)
    windows = np.stack([edges, np.append(edges[1:], _us(stretch[1]))], axis=1)
    found = telemetry.aggregate(scope, signals, windows)
    filled = found.filter(pc.greater(found.column("count"), 0))
    first: datetime | None = pc.min(filled.column("start")).as_py()
    return first


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _US
