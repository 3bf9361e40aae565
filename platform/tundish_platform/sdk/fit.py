"""Whether a signal can serve as an app's input, and if not, what stands against it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tundish_platform.samples import SampleKind, SignalRole
from tundish_platform.samples.units import units

if TYPE_CHECKING:
    from tundish_platform.samples import SignalInfo
    from tundish_platform.sdk.manifest import Input

# What platform and apps computed is no input: an app reading its own output would feed on itself.
DERIVED_ROLES = frozenset({SignalRole.PREDICTION, SignalRole.OUTPUT})
# Clocks jitter: what comes every 1.05 s is not too slow for an input that wants a second.
_SLACK = 1.2


class Why(StrEnum):
    """What of a signal does not fit an input."""

    KIND = "kind"
    ROLE = "role"
    SEMANTIC = "semantic"
    UNIT = "unit"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that does not fit.

    Attributes:
        found: what the signal has; ``wanted``: what the input asks for. Seconds between samples for the rate.
    """

    why: Why
    found: str
    wanted: str


def obstacles(wanted: Input, signal: SignalInfo, period_s: float | None = None) -> tuple[Obstacle, ...]:
    """All that keeps a signal from serving as an input; empty where it fits.

    Args:
        wanted: the input.
        signal: of the tenant.
        period_s: seconds between samples as measured; as the source declares them without.
    """
    roles = wanted.roles or tuple(role for role in SignalRole if role not in DERIVED_ROLES)
    found = []
    if signal.kind not in wanted.kinds:
        found.append(Obstacle(Why.KIND, signal.kind, ", ".join(wanted.kinds)))
    if signal.role not in roles:
        found.append(Obstacle(Why.ROLE, signal.role, ", ".join(roles)))
    if not fnmatchcase(signal.semantic, wanted.semantic):
        found.append(Obstacle(Why.SEMANTIC, signal.semantic, wanted.semantic))
    if not _unit_fits(wanted, signal):
        found.append(Obstacle(Why.UNIT, signal.unit, wanted.unit))
    period, slack = (signal.period_s, 1.0) if period_s is None else (period_s, _SLACK)
    if wanted.max_period_s is not None and period is not None and period > slack * wanted.max_period_s:
        found.append(Obstacle(Why.RATE, f"{period:.3g}", f"{wanted.max_period_s:g}"))
    return tuple(found)


def _unit_fits(wanted: Input, signal: SignalInfo) -> bool:
    """Whether the values are in the unit that the input asks for, or can be converted into it."""
    if not wanted.unit or signal.unit == wanted.unit:
        return True
    known = units()
    if signal.kind is not SampleKind.NUMERIC or signal.unit not in known or wanted.unit not in known:
        return False
    return known[signal.unit].quantity == known[wanted.unit].quantity
