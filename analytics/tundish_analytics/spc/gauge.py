"""Gauge repeatability and reproducibility of a crossed study, by analysis of variance.

Sources: AIAG, Measurement Systems Analysis, 4th edition, chapter III-B; Montgomery, 8.7.2. Every operator
measures every part the same number of times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import scipy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

# The manual pools an interaction that is not significant at this level.
POOL_ABOVE: Final = 0.25
_ACCEPTED, _CONDITIONAL = 10.0, 30.0
_CATEGORIES: Final = 5
_LEAST: Final = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A source of variation; ``f`` and ``p`` are NaN for the error."""

    squares: float
    freedom: int
    f: float
    p: float

    @property
    def mean_square(self) -> float:
        """Sum of squares over its degrees of freedom."""
        return self.squares / self.freedom


@dataclass(frozen=True, slots=True)
class GaugeStudy:
    """Standard deviations of the parts of the variation, in the values' unit.

    Attributes:
        part, operator, interaction, error: the table with the interaction in it.
        pooled: whether the interaction went into the error.
        ev: of one operator and part (equipment, repeatability).
        av: between operators; ``interaction_sigma`` of operators with parts (0 where pooled).
        grr: gauge in all (``ev``, ``av``, interaction); ``pv`` between parts; ``tv`` in all.
        clipped: components that came out below 0 and were set to 0.
        tolerance: upper minus lower specification limit, if given.
    """

    part: Row
    operator: Row
    interaction: Row
    error: Row
    pooled: bool
    ev: float
    av: float
    interaction_sigma: float
    pv: float
    clipped: tuple[str, ...]
    tolerance: float | None

    @property
    def grr(self) -> float:
        """Repeatability and reproducibility together."""
        return math.hypot(self.ev, self.av, self.interaction_sigma)

    @property
    def tv(self) -> float:
        """Total variation."""
        return math.hypot(self.grr, self.pv)

    @property
    def study_variation(self) -> float:
        """%GRR: 100 · GRR / TV."""
        return 100 * self.grr / self.tv if self.tv > 0 else math.nan

    @property
    def contribution(self) -> float:
        """Share of the gauge in the variance, in percent."""
        return 100 * (self.grr / self.tv) ** 2 if self.tv > 0 else math.nan

    @property
    def of_tolerance(self) -> float | None:
        """Six gauge sigmas in percent of the tolerance; None without one."""
        return None if self.tolerance is None else 600 * self.grr / self.tolerance

    @property
    def categories(self) -> int | None:
        """Number of distinct categories, ndc = ⌊1.41 · PV / GRR⌋; None where the gauge does not vary."""
        return None if self.grr == 0 else math.floor(1.41 * self.pv / self.grr)

    @property
    def verdict(self) -> Literal["accepted", "conditional", "rejected"]:
        """By the manual: below 10 % accepted, up to 30 % conditional; under 5 categories never accepted."""
        if not self.study_variation <= _CONDITIONAL:
            return "rejected"
        fine = self.categories is None or self.categories >= _CATEGORIES
        return "accepted" if self.study_variation < _ACCEPTED and fine else "conditional"


def gauge_study(
    measured: Points, *, tolerance: float | None = None, pool_above: float = POOL_ABOVE
) -> GaugeStudy:
    """A crossed study.

    Args:
        measured: shape ``(parts, operators, trials)``, nothing missing.
        tolerance: upper minus lower specification limit, above 0.
        pool_above: the interaction is pooled where its p-value lies above; 1 never pools, 0 always.

    Raises:
        ValueError: a dimension is below two, a value is missing or the tolerance is not above 0.
    """
    dimensions = 3
    if measured.ndim != dimensions or min(measured.shape) < _LEAST or not np.isfinite(measured).all():
        raise ValueError("a study needs two parts, two operators and two trials at least, nothing missing")
    if tolerance is not None and tolerance <= 0:
        raise ValueError("the tolerance lies above 0")
    p, o, r = measured.shape
    squares, freedom = _squares(measured)
    interaction, error = _row(squares, freedom, "interaction", "error"), _row(squares, freedom, "error", None)
    pooled = bool(interaction.p > pool_above)
    if pooled:
        against = (squares["interaction"] + squares["error"]) / (freedom["interaction"] + freedom["error"])
        repeat = against
    else:
        against, repeat = interaction.mean_square, error.mean_square
    part, operator = (_row(squares, freedom, key, "interaction") for key in ("part", "operator"))
    variances = {
        "ev": repeat,
        "av": (operator.mean_square - against) / (p * r),
        "interaction": 0.0 if pooled else (against - repeat) / r,
        "pv": (part.mean_square - against) / (o * r),
    }
    sigmas = {key: math.sqrt(max(value, 0.0)) for key, value in variances.items()}
    clipped = tuple(key for key, value in variances.items() if value < 0)
    return GaugeStudy(
        part,
        operator,
        interaction,
        error,
        pooled,
        sigmas["ev"],
        sigmas["av"],
        sigmas["interaction"],
        sigmas["pv"],
        clipped,
        tolerance,
    )


def _squares(measured: Points) -> tuple[dict[str, float], dict[str, int]]:
    p, o, r = measured.shape
    mean, cells = measured.mean(), measured.mean(axis=2)
    parts, operators = measured.mean(axis=(1, 2)) - mean, measured.mean(axis=(0, 2)) - mean
    both = cells - mean - parts[:, None] - operators[None, :]
    squares = {
        "part": o * r * float(np.sum(parts**2)),
        "operator": p * r * float(np.sum(operators**2)),
        "interaction": r * float(np.sum(both**2)),
        "error": float(np.sum((measured - cells[:, :, None]) ** 2)),
    }
    freedom = {
        "part": p - 1,
        "operator": o - 1,
        "interaction": (p - 1) * (o - 1),
        "error": p * o * (r - 1),
    }
    return squares, freedom


def _row(squares: dict[str, float], freedom: dict[str, int], key: str, against: str | None) -> Row:
    if against is None or squares[against] == 0:
        return Row(squares[key], freedom[key], math.nan, math.nan)
    ratio = squares[key] / freedom[key] / (squares[against] / freedom[against])
    return Row(
        squares[key], freedom[key], ratio, float(scipy.stats.f.sf(ratio, freedom[key], freedom[against]))
    )
