"""From a meter's samples to the energy of each quarter of an hour; what is not known stays unknown.

A meter tells the energy of each interval, or counts it. A counter knows the energy of a silence, too, but
not when it was used, so silences belong to no quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tundish_analytics.oee.counters import read_counter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

QUARTER_S: Final = 900
# UCUM codes to kWh and to kW.
ENERGY_UNITS: Final = {"kW.h": 1.0, "W.h": 1e-3, "MW.h": 1e3, "kJ": 1 / 3_600, "MJ": 1 / 3.6}
POWER_UNITS: Final = {"kW": 1.0, "W": 1e-3, "MW": 1e3}
# A quarter known by less than this share has no demand: a mean over a part would be a guess.
ENOUGH: Final = 0.9
_HOUR_S: Final = 3_600
_QUARTER_US: Final = QUARTER_S * 1_000_000
_SILENCE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Stretches:
    """Energy over time.

    Attributes:
        start, end: of each stretch in seconds since 1970, shape ``(n,)``, in order, without overlap.
        kwh: of each stretch.
        resets: how often a counter began anew.
    """

    start: Values
    end: Values
    kwh: Values
    resets: int = 0


@dataclass(frozen=True, slots=True)
class Quarters:
    """Energy by quarters of an hour of UTC.

    Attributes:
        first: quarters from 1970 to the first of these.
        kwh: what is known of each, shape ``(n,)``; ``covered``: seconds for which it is known.
        resets: how often the counter began anew.
    """

    first: int
    kwh: Values
    covered: Values
    resets: int = 0

    @property
    def demand(self) -> Values:
        """Mean power of each quarter in kW, shape ``(n,)``; NaN where less than 0.9 of it is known."""
        known = self.covered >= ENOUGH * QUARTER_S
        return np.where(known, self.kwh * _HOUR_S / np.maximum(self.covered, 1.0), np.nan)

    def starts_us(self) -> NDArray[np.int64]:
        """Begin of each quarter, µs since 1970."""
        return (self.first + np.arange(self.kwh.size, dtype=np.int64)) * _QUARTER_US

    def within(self, bounds: NDArray[np.int64], until_us: int) -> tuple[Values, Values]:
        """Known energy in kWh and known share of windows.

        Args:
            bounds: ``[start, end)`` in µs since 1970, shape ``(m, 2)``; ends inside a quarter take its share.
            until_us: nothing is expected from then on, so a window that has just begun can be complete.
        """
        edges = (self.first + np.arange(self.kwh.size + 1, dtype=np.int64)) * _QUARTER_US
        found = []
        for amount in (self.kwh, self.covered):
            reached = np.concatenate([[0.0], np.cumsum(amount)])
            low, high = (np.interp(side, edges, reached) for side in bounds.T)
            found.append(high - low)
        expected = (np.minimum(bounds[:, 1], until_us) - bounds[:, 0]) / 1e6
        share = np.divide(found[1], expected, out=np.zeros(len(bounds)), where=expected > 0)
        return found[0], np.minimum(share, 1.0)


def interval_stretches(seconds: Values, kwh: Values, period_s: float | None) -> Stretches:
    """Of a meter that tells intervals: a value stands for the period that ends at its time.

    Args:
        seconds: times of the samples since 1970, rising, shape ``(n,)``.
        kwh: of each.
        period_s: length of an interval; the usual step between samples where it is not known.
    """
    if seconds.size == 0:
        return Stretches(seconds, seconds, kwh)
    length = period_s or (float(np.median(np.diff(seconds))) if seconds.size > 1 else float(QUARTER_S))
    start = seconds - length
    start[1:] = np.maximum(start[1:], seconds[:-1])
    return Stretches(start, seconds, kwh)


def counter_stretches(seconds: Values, kwh: Values, period_s: float | None) -> Stretches:
    """Of a meter that counts; arguments as above, ``kwh`` being readings."""
    if seconds.size < 2:  # noqa: PLR2004 - a step has two ends
        return Stretches(seconds[:0], seconds[:0], kwh[:0])
    read = read_counter(seconds, kwh)
    period = period_s or float(np.median(np.diff(seconds)))
    near = np.diff(seconds) <= max(_SILENCE * period, float(QUARTER_S))
    return Stretches(seconds[:-1][near], seconds[1:][near], read.steps[near], len(read.resets))


def quarters_of(stretches: Stretches, start_us: int, end_us: int) -> Quarters:
    """Quarters that touch ``[start, end)``; each stretch's energy is spread evenly over it."""
    first, last = start_us // _QUARTER_US, -(-end_us // _QUARTER_US)
    if stretches.start.size == 0:
        nothing = np.zeros(last - first)
        return Quarters(first, nothing, nothing.copy(), stretches.resets)
    edges = (np.arange(first, last + 1) * QUARTER_S).astype(np.float64)
    knots = np.column_stack([stretches.start, stretches.end]).ravel()
    parts = []
    for amount in (stretches.kwh, stretches.end - stretches.start):
        reached = np.column_stack([np.cumsum(amount) - amount, np.cumsum(amount)]).ravel()
        parts.append(np.diff(np.interp(edges, knots, reached)))
    return Quarters(first, parts[0], parts[1], stretches.resets)
