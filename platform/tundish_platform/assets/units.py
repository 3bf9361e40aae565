"""Converting values between units of one quantity; what is stored never changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tundish_platform.samples.semantics import semantic_kind
from tundish_platform.samples.units import units

if TYPE_CHECKING:
    from pint import UnitRegistry

    from tundish_platform.samples import SignalSpec


@dataclass(frozen=True, slots=True)
class Linear:
    """``value · factor + offset``."""

    factor: float = 1.0
    offset: float = 0.0

    def __call__(self, value: Any) -> Any:  # noqa: ANN401 - a number or an array of them
        """The value in the other unit."""
        return value * self.factor + self.offset


class UnitMismatch(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """Two units do not convert into each other, or one is not known.

    Attributes:
        held: UCUM code of what there is.
        wanted: UCUM code of what was asked for.
    """

    def __init__(self, held: str, wanted: str) -> None:
        super().__init__(f"{held or 'no unit'} does not convert to {wanted or 'no unit'}")
        self.held = held
        self.wanted = wanted


@cache
def conversion(held: str, wanted: str, *, difference: bool = False) -> Linear:
    """From one unit to another of the same quantity.

    Args:
        held: UCUM code of what there is.
        wanted: UCUM code of what is asked for.
        difference: values are differences: 20 °C more are 20 K more.

    Raises:
        UnitMismatch: one is not in the vocabulary, or they are of different quantities.
    """
    known = units()
    one, other = known.get(held), known.get(wanted)
    if one is None or other is None or one.quantity != other.quantity:
        raise UnitMismatch(held, wanted)
    if one == other:
        return Linear()
    registry = _registry()
    factor = registry.Quantity(1.0, one.difference).to(other.difference).magnitude
    if difference or (one.pint == one.difference and other.pint == other.difference):
        return Linear(float(factor))
    return Linear(float(factor), float(registry.Quantity(0.0, one.pint).to(other.pint).magnitude))


def conversion_of(signal: SignalSpec, wanted: str) -> Linear:
    """From a signal's unit to another one; what its semantic kind says of differences counts.

    Raises:
        UnitMismatch: the signal has no unit, or none of that quantity.
    """
    kind = semantic_kind(signal.semantic)
    return conversion(signal.unit, wanted, difference=kind is not None and kind.difference)


@cache
def _registry() -> UnitRegistry[float]:
    # pint takes a quarter of a second to load, which only who converts shall wait for.
    from pint import UnitRegistry  # noqa: PLC0415 - see above

    return UnitRegistry()
