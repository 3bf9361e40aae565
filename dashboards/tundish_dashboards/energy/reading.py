"""What the energy page reads: quarters of an hour of a meter, and what a line made by the hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.energy import QUARTER_S, Quarters, counter_stretches, interval_stretches, quarters_of
from tundish_dashboards.energy.meters import Basis
from tundish_dashboards.hourly import counted_by_hour, good_samples, hours_of
from tundish_dashboards.instants import micros, moment
from tundish_dashboards.plant.conditions import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from tundish_dashboards.callbacks import TenantView
    from tundish_dashboards.energy.meters import Meter
    from tundish_platform.samples import SignalInfo

    Values = NDArray[np.float64]

HISTORY: Final = timedelta(days=63)
# The most direct first; a cycle is a piece only where nothing counts pieces.
_OUTPUTS: Final = ("mass.piece", "count.processed", "identity.piece", "count.cycle")
_TONNES: Final = {"t": 1.0, "kg": 1e-3, "g": 1e-6}


@dataclass(frozen=True, slots=True)
class Output:
    """What a line makes.

    Attributes:
        signal: that counts it.
        tonnes: whether the amount is a mass in tonnes; else pieces.
        hours: amount by hour, NaN where it is unknown, shape ``(n,)``.
    """

    signal: SignalInfo
    tonnes: bool
    hours: Values


def line_now(view: TenantView, signals: Iterable[SignalInfo], line: str) -> datetime | None:
    """Newest source time of a line, which tells until when its meters should have spoken."""
    ids = [signal.id for signal in signals if line_of(signal) == line]
    if not ids:
        return None
    table = view.context.telemetry.latest(view.scope, ids)
    horizon = datetime.now(UTC) + timedelta(days=1)
    return max((ts for ts in table["ts"].to_pylist() if ts <= horizon), default=None)


def expected_until(meter: Meter, now: datetime) -> datetime:
    """Until when the meter's values can be there: intervals come whole, at their end."""
    if meter.basis is Basis.POWER:
        # To the full minute: a page that is open is not drawn anew for each second's sample.
        return now.replace(second=0, microsecond=0)
    step = int((meter.signal.period_s or QUARTER_S) * 1_000_000)
    passed = micros(now) // step * step
    return moment(passed)


def read_quarters(view: TenantView, meter: Meter, start: datetime, end: datetime) -> Quarters:
    """Energy of the quarters from the one with ``start`` up to ``end``; bad samples are unknown."""
    first, last = micros(start), micros(end)
    if meter.basis is Basis.POWER:
        return _of_power(view, meter, first, last)
    margin = timedelta(seconds=2 * (meter.signal.period_s or QUARTER_S))
    ts, values = good_samples(view, meter.signal, start - margin, end + margin)
    seconds, kwh = ts / 1e6, values * meter.factor
    make = interval_stretches if meter.basis is Basis.INTERVAL else counter_stretches
    return quarters_of(make(seconds, kwh, meter.signal.period_s), first, last)


def _of_power(view: TenantView, meter: Meter, first: int, last: int) -> Quarters:
    width = QUARTER_S * 1_000_000
    numbers = np.arange(first // width, -(-last // width))
    windows = np.column_stack([numbers, numbers + 1]) * width
    table = view.context.telemetry.aggregate(view.scope, [meter.signal], windows)
    area, covered = (
        np.nan_to_num(table[name].to_numpy().astype(np.float64)) for name in ("integral", "good_s")
    )
    return Quarters(int(numbers[0]), area * meter.factor / 3_600, covered)


def outputs_of(
    view: TenantView, signals: Iterable[SignalInfo], line: str, start: datetime, end: datetime
) -> list[Output]:
    """Everything that counts what the line makes, by whole hours of ``[start, end)``, the best first.

    Of several signals of one kind the first by path counts: two machines of a line see the same piece.
    """
    found: dict[str, SignalInfo] = {}
    for signal in sorted(signals, key=lambda one: one.path):
        if line_of(signal) == line and signal.semantic in _OUTPUTS:
            found.setdefault(signal.semantic, signal)
    edges = hours_of(start, end)
    return [
        made
        for semantic in _OUTPUTS
        if semantic in found and (made := _output(view, found[semantic], edges)) is not None
    ]


def _output(view: TenantView, signal: SignalInfo, edges: NDArray[np.int64]) -> Output | None:
    mass = signal.semantic.startswith("mass.")
    if mass and signal.unit not in _TONNES:
        return None
    factor = _TONNES[signal.unit] if mass else None
    hours = counted_by_hour(view, signal, edges, factor)
    return None if hours is None else Output(signal, mass, hours)
