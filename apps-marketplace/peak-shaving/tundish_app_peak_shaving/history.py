"""From a meter's samples to the demand of each quarter of an hour; what is not known stays unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.oee.counters import read_counter

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from tundish_platform.sdk import AppInputs, SignalInfo

    Values = NDArray[np.float64]

QUARTER_S: Final = 900
_HOUR_S: Final = 3_600
_UNITS: Final = {"kW.h": 1.0, "W.h": 1e-3, "MW.h": 1e3, "MJ": 1 / 3.6, "kJ": 1 / 3_600}
# A quarter known by less than this share has no demand.
_ENOUGH: Final = 0.9
_SILENCE: Final = 1.5


class UnknownUnit(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The signal has a unit that is no energy."""


@dataclass(frozen=True, slots=True)
class History:
    """Demand by quarters of an hour up to the window's end.

    Attributes:
        begin: start of the first quarter, UTC.
        demand: kW, NaN where unknown, shape ``(n,)``.
        first_step: quarters from a Monday's midnight of the plant's zone to the first.
        zone: the plant's.
    """

    begin: datetime
    demand: Values
    first_step: int
    zone: ZoneInfo

    @property
    def known(self) -> float:
        """Share of quarters with a demand."""
        return float(np.isfinite(self.demand).mean()) if self.demand.size else 0.0

    def at(self, step: int) -> datetime:
        """Start of a quarter, in the plant's zone."""
        return (self.begin + timedelta(seconds=QUARTER_S * step)).astimezone(self.zone)


def history_of(inputs: AppInputs, key: str, signal: SignalInfo, zone: ZoneInfo) -> History:
    """The demands of the window.

    Raises:
        UnknownUnit: the signal's unit is no energy.
    """
    factor = _UNITS.get(signal.unit)
    if factor is None:
        raise UnknownUnit(f"{signal.path}: {signal.unit!r}")
    times, values = inputs.good(signal)
    seconds = times.astype(np.int64) / 1e6
    period = signal.period_s or (float(np.median(np.diff(seconds))) if seconds.size > 1 else QUARTER_S)
    begins, ends, energy = _pieces(key, seconds, values * factor, period)
    first = int(inputs.start.timestamp() // QUARTER_S + 1)
    last = int(inputs.end.timestamp() // QUARTER_S)
    edges = (np.arange(first, last + 1) * QUARTER_S).astype(np.float64)
    total, covered = (_between(begins, ends, amount, edges) for amount in (energy, ends - begins))
    demand = np.where(covered >= _ENOUGH * QUARTER_S, total * _HOUR_S / np.maximum(covered, 1.0), np.nan)
    begin = datetime.fromtimestamp(first * QUARTER_S, tz=UTC)
    local = begin.astimezone(zone)
    step = local.weekday() * 96 + local.hour * 4 + local.minute // 15
    return History(begin, demand, step, zone)


def _pieces(key: str, seconds: Values, energy: Values, period: float) -> tuple[Values, Values, Values]:
    """Begins, ends and energies of stretches of time that are known."""
    if key == "interval":
        begins = seconds - period
        begins[1:] = np.maximum(begins[1:], seconds[:-1])
        return begins, seconds, energy
    if seconds.size < 2:  # noqa: PLR2004 - a step has two ends
        return seconds[:0], seconds[:0], energy[:0]
    steps = read_counter(seconds, energy).steps
    # A counter knows the energy of a silence, but not in which quarter it was used.
    near = np.diff(seconds) <= max(_SILENCE * period, float(QUARTER_S))
    return seconds[:-1][near], seconds[1:][near], steps[near]


def _between(begins: Values, ends: Values, amount: Values, edges: Values) -> Values:
    """How much of each stretch's amount lies between neighbouring edges, spread evenly over the stretch."""
    if begins.size == 0:
        return np.zeros(edges.size - 1)
    knots = np.column_stack([begins, ends]).ravel()
    reached = np.column_stack([np.cumsum(amount) - amount, np.cumsum(amount)]).ravel()
    inside: Values = np.diff(np.interp(edges, knots, reached))
    return inside
