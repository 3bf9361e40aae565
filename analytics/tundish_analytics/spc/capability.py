"""Process capability against specification limits that somebody set; none is ever invented."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

# Below so many values a capability is called preliminary.
ENOUGH_VALUES: Final = 100


@dataclass(frozen=True, slots=True)
class Capability:
    """Cpk with a two-sided 95 % interval (Bissell 1990), and Cp where both limits are set.

    Attributes:
        cpk: of the nearer limit.
        low, high: interval of Cpk.
        cp: None where only one limit is set.
        preliminary: fewer than `ENOUGH_VALUES` values.
    """

    cpk: float
    low: float
    high: float
    cp: float | None
    preliminary: bool


def capability(
    mean: float, sigma: float, count: int, lower: float | None, upper: float | None
) -> Capability | None:
    """Capability of a process within its specification.

    Args:
        mean: of the process.
        sigma: of one value, within subgroups; above 0.
        count: values it was estimated from, at least 2.
        lower: specification limit in the unit of the values; None for none.
        upper: the same above.

    Returns:
        None where neither limit is set.

    Raises:
        ValueError: sigma is not above 0, there are fewer than two values, or the limits are swapped.
    """
    if sigma <= 0 or count < 2:  # noqa: PLR2004 - no spread of one value
        raise ValueError("capability needs a spread above 0 and two values at least")
    if lower is not None and upper is not None and lower >= upper:
        raise ValueError("the lower specification limit must lie below the upper one")
    sides = [(upper - mean) / (3 * sigma)] if upper is not None else []
    sides += [(mean - lower) / (3 * sigma)] if lower is not None else []
    if not sides:
        return None
    cpk = min(sides)
    half = NormalDist().inv_cdf(0.975) * math.sqrt(1 / (9 * count) + cpk**2 / (2 * (count - 1)))
    both = (upper - lower) / (6 * sigma) if upper is not None and lower is not None else None
    return Capability(cpk, cpk - half, cpk + half, both, count < ENOUGH_VALUES)
