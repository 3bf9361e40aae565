"""Energy per piece and tonne, with the base load that runs whether anything is produced or not.

The line ``energy = base · time + specific · output`` is fitted by least squares over equal intervals (ISO
50006 calls its slope and intercept the relevant variable's and the base load). Interval ends are Student's
with Newey-West errors, because neighbouring intervals are alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import t as student

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

# kgce per kWh of electricity at its equivalent value (当量值), GB/T 2589.
KGCE_PER_KWH: Final = 0.1229
_LEAST: Final = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EnergyUse:
    """Energy against output.

    Attributes:
        total_kwh, output: sums over intervals that know both.
        per_output_kwh: total over output; None without output.
        base_kw: load at no output; ``specific_kwh``: what one more piece or tonne takes.
        base_share: share of the base load in all energy, between 0 and 1.
        explained: share of the variation that output explains (R²).
        coverage: share of intervals that know both energy and output.
    """

    total_kwh: float
    output: float
    per_output_kwh: float | None
    base_kw: Estimate | None
    specific_kwh: Estimate | None
    base_share: float | None
    explained: float | None
    coverage: float

    @property
    def kgce(self) -> float:
        """Coal equivalent of the total in kg."""
        return self.total_kwh * KGCE_PER_KWH


def energy_use(kwh: Values, output: Values, hours: float) -> EnergyUse:
    """Energy per output and base load.

    Args:
        kwh: energy of each interval, shape ``(n,)``; NaN where unknown.
        output: pieces or tonnes finished in it, not below 0.
        hours: length of an interval.

    Raises:
        ValueError: an interval has no length, or output is below 0.
    """
    known = np.isfinite(kwh) & np.isfinite(output)
    if hours <= 0 or np.any(output[known] < 0):
        raise ValueError("intervals have a length, and output is not below 0")
    energy, made = kwh[known], output[known]
    total, produced = float(energy.sum()), float(made.sum())
    fitted = energy.size >= _LEAST and np.ptp(made) > 0
    base, specific, explained = _line(made, energy) if fitted else (None, None, None)
    share = None if base is None or total <= 0 else min(max(base.value * energy.size / total, 0.0), 1.0)
    return EnergyUse(
        total,
        produced,
        total / produced if produced > 0 else None,
        None if base is None else Estimate(base.value / hours, base.low / hours, base.high / hours),
        specific,
        share,
        explained,
        float(known.mean()) if known.size else 0.0,
    )


def idle_energy(kwh: Values, producing: NDArray[np.bool_]) -> float:
    """Energy in kWh of the intervals in which nothing was produced."""
    return float(np.nansum(np.where(producing, 0.0, kwh)))


def _line(made: Values, energy: Values) -> tuple[Estimate, Estimate, float]:
    design = np.column_stack([np.ones(made.size), made])
    inverse = np.linalg.inv(design.T @ design)
    factors = inverse @ design.T @ energy
    residual = energy - design @ factors
    moments = design * residual[:, None]
    lags = int(4 * (made.size / 100) ** (2 / 9))
    middle = moments.T @ moments
    for lag in range(1, lags + 1):
        together = moments[lag:].T @ moments[:-lag]
        middle += (1 - lag / (lags + 1)) * (together + together.T)
    deviations = np.sqrt(np.maximum(np.diag(inverse @ middle @ inverse), 0.0))
    reach = float(student.ppf(0.975, made.size - 2)) * deviations
    base, specific = (
        Estimate(float(f), float(f - r), float(f + r)) for f, r in zip(factors, reach, strict=True)
    )
    spread = float(np.sum((energy - energy.mean()) ** 2))
    return base, specific, 1 - float(np.sum(residual**2)) / spread if spread > 0 else 0.0
