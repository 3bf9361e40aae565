"""From samples to pieces of energy: stretches of time with the energy of each, and holes between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_platform.sdk import AppInputs, SignalInfo

    Numbers = NDArray[np.float64]

HOUR: Final = 3_600.0
# UCUM codes → kWh or kW.
_ENERGY_UNITS: Final = {"kW.h": 1.0, "W.h": 1e-3, "MW.h": 1e3, "kJ": 1 / 3_600, "MJ": 1 / 3.6}
_POWER_UNITS: Final = {"kW": 1.0, "W": 1e-3, "MW": 1e3}
_ROLLOVERS: Final = (2.0**16, 2.0**32)
_NEAR_ROLLOVER: Final = 0.02
# A jump above 1.5 × the greatest possible energy is suspect.
_SUSPECT: Final = 1.5
_SILENCE: Final = 2.5


@dataclass(frozen=True, slots=True)
class Pieces:
    """Energy over time.

    Attributes:
        start, end: of each piece in seconds since 1970, shape ``(n,)``, sorted, without overlap.
        energy: of each piece in kWh, shape ``(n,)``.
        resets: how often a counter fell without rolling over.
        suspect: pieces left out, because no machine draws that much.
    """

    start: Numbers
    end: Numbers
    energy: Numbers
    resets: int = 0
    suspect: int = 0

    def within(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """Energy in kWh and covered seconds between neighbouring places (sorted seconds), ``(m − 1,)``."""
        if self.start.size == 0:
            return np.zeros(places.size - 1), np.zeros(places.size - 1)
        knots = np.column_stack([self.start, self.end]).ravel()
        energy = np.column_stack([np.cumsum(self.energy) - self.energy, np.cumsum(self.energy)]).ravel()
        length = self.end - self.start
        covered = np.column_stack([np.cumsum(length) - length, np.cumsum(length)]).ravel()
        return np.diff(np.interp(places, knots, energy)), np.diff(np.interp(places, knots, covered))


class UnknownUnit(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """The signal has a unit that is no energy or power; nothing is guessed."""


def pieces_of(inputs: AppInputs, key: str, signal: SignalInfo, max_power_kw: float | None) -> Pieces:
    """Pieces of one signal: ``key`` says whether it is an interval, a counter or a power.

    Raises:
        UnknownUnit: the unit is no energy (or, for power, no power).
    """
    times, values = inputs.good(signal)
    seconds = times.astype("datetime64[us]").astype(np.int64) / 1e6
    factor = (_POWER_UNITS if key == "power" else _ENERGY_UNITS).get(signal.unit)
    if factor is None:
        raise UnknownUnit(f"{signal.path} has the unit {signal.unit!r}")
    scaled = values * factor
    if key == "interval":
        return _intervals(seconds, scaled, signal.period_s)
    return (
        _powers(seconds, scaled, signal.period_s)
        if key == "power"
        else _counter(seconds, scaled, max_power_kw)
    )


def _intervals(seconds: Numbers, energy: Numbers, period: float | None) -> Pieces:
    """A value stands for the period that ends at its time, or since the value before if that is nearer."""
    length = period or (float(np.median(np.diff(seconds))) if seconds.size > 1 else 0.0)
    start = seconds - length
    start[1:] = np.maximum(start[1:], seconds[:-1])
    return Pieces(start, seconds, energy)


def _powers(seconds: Numbers, power: Numbers, period: float | None) -> Pieces:
    """Between two samples near enough to each other, their mean power; silences are not bridged."""
    if seconds.size < 2:  # noqa: PLR2004 - a piece has two ends
        return Pieces(seconds[:0], seconds[:0], power[:0])
    steps = np.diff(seconds)
    kept = steps <= _SILENCE * (period or float(np.median(steps)))
    energy = (power[1:] + power[:-1]) / 2 * steps / HOUR
    return Pieces(seconds[:-1][kept], seconds[1:][kept], energy[kept])


def _counter(seconds: Numbers, counter: Numbers, max_power_kw: float | None) -> Pieces:
    """Differences of a counter; a fall is a roll-over at 2^16 or 2^32, else a reset counted from 0."""
    before, after, steps = counter[:-1], counter[1:], np.diff(seconds)
    energy = after - before
    fell = energy < 0
    reset = fell.copy()
    for top in _ROLLOVERS:
        rolled = (
            fell & (before > top * (1 - _NEAR_ROLLOVER)) & (before < top) & (after < top * _NEAR_ROLLOVER)
        )
        energy = np.where(rolled, after + top - before, energy)
        reset &= ~rolled
    energy = np.where(reset, after, energy)
    limit = np.inf if max_power_kw is None else max_power_kw * _SUSPECT * steps / HOUR
    kept = energy <= limit
    return Pieces(
        seconds[:-1][kept], seconds[1:][kept], energy[kept], int(reset.sum()), int(np.count_nonzero(~kept))
    )
