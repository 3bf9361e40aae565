"""What signals count, by whole hours; an hour that nobody can vouch for is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_analytics.oee.counters import read_counter
from tundish_dashboards.instants import micros, moment
from tundish_platform.samples import SampleKind, Severity

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from tundish_dashboards.callbacks import TenantView
    from tundish_platform.samples import SignalInfo

    Values = NDArray[np.float64]

HOUR_US: Final = 3_600_000_000
_SEVERITY_SHIFT: Final = 30
# An hour of which more is lost in recorded gaps counts too little.
_ENOUGH: Final = 0.9


def hours_of(start: datetime, end: datetime) -> NDArray[np.int64]:
    """Edges in µs since 1970 of whole hours, from the one with ``start`` to the last that ends by ``end``."""
    return np.arange(micros(start) // HOUR_US, micros(end) // HOUR_US + 1) * HOUR_US


def counted_by_hour(
    view: TenantView, signal: SignalInfo, edges: NDArray[np.int64], amount: float | None = None
) -> Values | None:
    """How many by hour, NaN where it is unknown, shape ``(hours,)``; None where nothing was counted at all.

    Args:
        view: who asks.
        signal: the name of each piece, a counter, or with ``amount`` a result for each piece.
        edges: of the hours.
        amount: each sample counts its value times this.
    """
    if edges.size < 2:  # noqa: PLR2004 - an hour has two ends
        return None
    start, end = moment(edges[0]), moment(edges[-1])
    if signal.kind is SampleKind.TEXT:
        times, amounts = _new_names(view, signal, start, end)
    else:
        times, values = good_samples(view, signal, start, end)
        if amount is not None:
            amounts = values * amount
        else:
            amounts = read_counter(times / 1e6, values).steps if times.size else values
            times = times[1:]
    if times.size == 0:
        return None
    sums = np.histogram(times, edges, weights=amounts)[0]
    return np.where(_known(view, signal, edges, times), sums, np.nan)


def good_samples(
    view: TenantView, signal: SignalInfo, start: datetime, end: datetime
) -> tuple[NDArray[np.int64], Values]:
    """Times in µs since 1970 and values of good samples, shape ``(n,)`` each."""
    table = view.context.telemetry.read(view.scope, [signal.id], start, end, signal.kind)
    ts = table["ts"].cast(pa.int64()).to_numpy()
    values = table["value"].cast(pa.float64()).to_numpy(zero_copy_only=False)
    status = table["status"].to_numpy()
    good = (status >> _SEVERITY_SHIFT == Severity.GOOD) & np.isfinite(values)
    return ts[good], values[good]


def _new_names(
    view: TenantView, signal: SignalInfo, start: datetime, end: datetime
) -> tuple[NDArray[np.int64], Values]:
    """When each piece's name was told first."""
    table = view.context.telemetry.read(view.scope, [signal.id], start, end, SampleKind.TEXT)
    ts = table["ts"].cast(pa.int64()).to_numpy()
    names = np.array(table["value"].to_pylist(), object)
    good = (table["status"].to_numpy() >> _SEVERITY_SHIFT == Severity.GOOD) & (names != None)  # noqa: E711 - by element
    ts, names = ts[good], names[good]
    new = np.append(True, names[1:] != names[:-1]) if names.size else np.zeros(0, np.bool_)
    return ts[new], np.ones(int(new.sum()))


def _known(
    view: TenantView, signal: SignalInfo, edges: NDArray[np.int64], times: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Hours in which the count can be trusted: between the first and the last, without a recorded gap."""
    gaps = view.context.telemetry.gaps(view.scope, [signal.id], moment(edges[0]), moment(edges[-1]))
    lost = np.zeros(edges.size - 1)
    for begin, until in zip(
        gaps["ts"].cast(pa.int64()).to_pylist(), gaps["end"].cast(pa.int64()).to_pylist(), strict=True
    ):
        lost += np.maximum(np.minimum(edges[1:], until) - np.maximum(edges[:-1], begin), 0)
    known: NDArray[np.bool_] = (
        (lost <= (1 - _ENOUGH) * HOUR_US) & (edges[:-1] >= times[0]) & (edges[1:] <= times[-1])
    )
    return known
