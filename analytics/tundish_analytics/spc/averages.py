"""Part average testing: parts within specification that are unlike their own kind (AEC-Q001).

Robust centre is the median, robust sigma the distance of the quartiles over 1.35; limits lie six sigmas out
and never widen the specification. Static limits come from several lots that passed, dynamic ones from the
lot itself. An outlier is put aside for a decision, its record is never deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tundish_analytics.spc.indices import Specification

    Points = NDArray[np.float64]

SIGMAS: Final = 6.0
LEAST_LOTS: Final = 6
LEAST_PARTS: Final = 30
# Distance of a normal law's quartiles in sigmas, as the guideline rounds it.
_QUARTILES: Final = 1.35


class NoLimits(ValueError):  # noqa: N818 - says what is lacking
    """These parts give no limits; the message says why."""


@dataclass(frozen=True, slots=True)
class PatLimits:
    """Limits in the values' unit, already within the specification.

    Attributes:
        centre, sigma: robust ones; of log10 where ``logarithmic``.
    """

    lower: float
    upper: float
    centre: float
    sigma: float
    parts: int
    logarithmic: bool

    def outliers(self, values: Points) -> NDArray[np.bool_]:
        """Parts strictly outside; a missing value is none."""
        return (values < self.lower) | (values > self.upper)

    def loss(self, values: Points) -> float:
        """Share of the measured parts that these limits put aside; NaN of none."""
        known = np.isfinite(values)
        return float(self.outliers(values)[known].mean()) if known.any() else float("nan")


def static_limits(
    lots: Sequence[Points], specification: Specification | None = None, *, logarithmic: bool = False
) -> PatLimits:
    """Limits from all parts of the lots that passed.

    Args:
        lots: at least six, each with at least thirty measured parts.
        specification: limits that these may tighten but never widen.
        logarithmic: work on log10, above only, for leakage currents and the like; values must lie above 0.

    Raises:
        NoLimits: too few lots or parts, values that do not vary, or none above 0 for a logarithm.
    """
    counts = [int(np.isfinite(lot).sum()) for lot in lots]
    if len(lots) < LEAST_LOTS or min(counts) < LEAST_PARTS:
        raise NoLimits(f"static limits need {LEAST_LOTS} lots of {LEAST_PARTS} parts at least")
    return _limits(np.concatenate(lots), specification, logarithmic=logarithmic)


def dynamic_limits(
    lot: Points, specification: Specification | None = None, *, logarithmic: bool = False
) -> PatLimits:
    """Limits from the lot or wafer under test; arguments and errors as with `static_limits`."""
    if int(np.isfinite(lot).sum()) < LEAST_PARTS:
        raise NoLimits(f"dynamic limits need {LEAST_PARTS} parts at least")
    return _limits(lot, specification, logarithmic=logarithmic)


def _limits(values: Points, specification: Specification | None, *, logarithmic: bool) -> PatLimits:
    known = values[np.isfinite(values)]
    if logarithmic:
        if known.min() <= 0:
            raise NoLimits("a logarithm needs values above 0")
        known = np.log10(known)
    first, centre, third = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
    if third <= first:
        raise NoLimits("half of the parts or more have one and the same value")
    sigma = (third - first) / _QUARTILES
    low, high = centre - SIGMAS * sigma, centre + SIGMAS * sigma
    if logarithmic:
        low, high = -np.inf, 10**high
    if specification is not None:
        low = max(low, -np.inf if specification.lower is None else specification.lower)
        high = min(high, np.inf if specification.upper is None else specification.upper)
    return PatLimits(float(low), float(high), centre, sigma, known.size, logarithmic)
