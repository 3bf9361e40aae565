"""Which signals of a tenant measure energy, and which is the best of each line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tundish_analytics.energy import ENERGY_UNITS, POWER_UNITS
from tundish_dashboards.plant.conditions import DERIVED_ROLES, line_of
from tundish_platform.samples import SampleKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tundish_platform.samples import SignalInfo

_NUMBERS: Final = frozenset({SampleKind.NUMERIC, SampleKind.INTEGER})
_POWER: Final = "power.active"


class Basis(StrEnum):
    """What a meter tells, the most direct first."""

    INTERVAL = "interval"
    COUNTER = "counter"
    POWER = "power"


_BASES: Final = {"energy.active.interval": Basis.INTERVAL, "energy.active": Basis.COUNTER}


@dataclass(frozen=True, slots=True)
class Meter:
    """A signal that measures energy, directly or as power.

    Attributes:
        factor: makes kWh, or kW of a power, out of the signal's unit.
    """

    signal: SignalInfo
    basis: Basis
    factor: float

    @property
    def line(self) -> str:
        """Path of its line."""
        return line_of(self.signal)

    def limit_kw(self, threshold: float) -> float | None:
        """A limit of the signal as demand; None where it says nothing of demand."""
        if self.basis is Basis.COUNTER or (self.basis is Basis.INTERVAL and self.signal.period_s is None):
            return None
        hours = (self.signal.period_s or 3_600.0) / 3_600 if self.basis is Basis.INTERVAL else 1.0
        return threshold * self.factor / hours


def meters_of(signals: Iterable[SignalInfo]) -> list[Meter]:
    """Meters, the best of each line first.

    Signals whose unit is no energy are left out: nothing is guessed.
    """
    found = [meter for signal in signals if (meter := _meter(signal)) is not None]
    order = list(Basis)
    return sorted(found, key=lambda m: (m.line, order.index(m.basis), m.signal.semantic, m.signal.path))


def best_by_line(meters: Iterable[Meter]) -> Mapping[str, Meter]:
    """The first meter of each line: a main meter and what lies behind it must not be added up."""
    found: dict[str, Meter] = {}
    for meter in meters:
        found.setdefault(meter.line, meter)
    return found


def _meter(signal: SignalInfo) -> Meter | None:
    if signal.kind not in _NUMBERS or signal.role in DERIVED_ROLES:
        return None
    basis = _BASES.get(signal.semantic)
    if basis is None and (signal.semantic == _POWER or signal.semantic.startswith(f"{_POWER}.")):
        basis = Basis.POWER
    factor = (POWER_UNITS if basis is Basis.POWER else ENERGY_UNITS).get(signal.unit)
    return None if basis is None or factor is None else Meter(signal, basis, factor)
