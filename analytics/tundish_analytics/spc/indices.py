"""Capability (Cp, Cpk), performance (Pp, Ppk) and Cpm of normal values, each with its interval.

Intervals: Cp and Pp by the chi-square law (Chou, Owen and Borrego 1990); one-sided indices, Cpk and Ppk
after Bissell, Applied Statistics 39 (1990); Cpm after Boyles, Journal of Quality Technology 23 (1991).
Formulas also in ISO 22514-2 and Montgomery, chapter 8. No specification limit is ever invented: what needs
a missing one is None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import scipy

from tundish_analytics.spc.capability import ENOUGH_VALUES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tundish_analytics.spc.chart import Baseline

    Points = NDArray[np.float64]
    Verdict = Literal["capable", "not capable", "undecided"]

# Below so many values the interval itself is a guess, and nothing is judged.
LEAST_VALUES: Final = 25
CURRENT_PROCESS: Final = 1.33
_SHORTEST: Final = 2


@dataclass(frozen=True, slots=True)
class Specification:
    """Limits that somebody set, in the values' unit.

    Raises:
        ValueError: there is no limit, or they are swapped, or the target lies outside.
    """

    lower: float | None = None
    upper: float | None = None
    target: float | None = None

    def __post_init__(self) -> None:
        if self.lower is None and self.upper is None:
            raise ValueError("capability needs a specification limit on one side at least")
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        if low >= high:
            raise ValueError("the lower specification limit must lie below the upper one")
        if self.target is not None and not low <= self.target <= high:
            raise ValueError("the target lies outside the specification")

    @property
    def middle(self) -> float | None:
        """The target, else the middle between both limits; None with one limit and no target."""
        if self.target is None and self.lower is not None and self.upper is not None:
            return (self.lower + self.upper) / 2
        return self.target


@dataclass(frozen=True, slots=True)
class Index:
    """One index and the interval that holds the true one with the asked confidence."""

    value: float
    low: float
    high: float
    method: str


@dataclass(frozen=True, slots=True)
class Indices:
    """All indices of one characteristic; None where a limit or a within-group sigma is missing.

    Attributes:
        count: values. cpl, cpu: of the lower and the upper limit by the spread within groups; ``ppl``,
        ``ppu`` by the whole spread. expected_outside: share outside the specification under the normal law,
        by the whole spread. observed_outside: share of the values that lie outside.
    """

    count: int
    cp: Index | None
    cpl: Index | None
    cpu: Index | None
    cpk: Index | None
    pp: Index | None
    ppl: Index | None
    ppu: Index | None
    ppk: Index
    cpm: Index | None
    expected_outside: float
    observed_outside: float

    @property
    def note(self) -> tuple[str, str] | None:
        """What to say of too few values, in Chinese and English; None where there are enough."""
        return few_values(self.count)


def indices(
    values: Points, specification: Specification, within: Baseline | None = None, *, confidence: float = 0.95
) -> Indices:
    """Indices of a process that a control chart shows stable, from normal values.

    Args:
        values: any shape; NaN is left out.
        specification: in the values' unit.
        within: sigma within groups with its degrees of freedom, as `from_ranges` gives it; without it no Cp.
        confidence: of the two-sided intervals.

    Raises:
        ValueError: there are fewer than two values, or they do not vary.
    """
    known = values[np.isfinite(values)]
    deviation = float(known.std(ddof=1)) if known.size >= _SHORTEST else 0.0
    if deviation <= 0:
        raise ValueError("capability needs two values at least that differ")
    overall = _side_indices(known, specification, deviation, known.size - 1.0, confidence)
    if within is not None and within.sigma > 0:
        freedom = within.freedom if math.isfinite(within.freedom) else known.size - 1.0
        short = _side_indices(known, specification, within.sigma, freedom, confidence)
    else:
        short = {}
    low, high = _limits(specification)
    law = scipy.stats.norm(known.mean(), deviation)
    return Indices(
        known.size,
        short.get("both"),
        short.get("lower"),
        short.get("upper"),
        _worse(short),
        overall.get("both"),
        overall.get("lower"),
        overall.get("upper"),
        _worse(overall) or next(iter(overall.values())),
        _cpm(known, specification, deviation, confidence),
        float(law.cdf(low) + law.sf(high)),
        float(np.mean((known < low) | (known > high))),
    )


def judge(index: Index, count: int, bar: float = CURRENT_PROCESS) -> Verdict:
    """Whether the interval lies above or below the bar; undecided where it holds it or values are few."""
    if count < LEAST_VALUES:
        return "undecided"
    if index.low >= bar:
        return "capable"
    return "not capable" if index.high < bar else "undecided"


def few_values(count: int) -> tuple[str, str] | None:
    """What to say of so many values, in Chinese and English; None where there are enough."""
    if count < LEAST_VALUES:
        return (
            f"只有{count}个值,不足{LEAST_VALUES}个,不作判定",
            f"only {count} values, fewer than {LEAST_VALUES}: nothing is judged",
        )
    if count < ENOUGH_VALUES:
        return (
            f"只有{count}个值,不足{ENOUGH_VALUES}个,结果为初步",
            f"only {count} values, fewer than {ENOUGH_VALUES}: preliminary",
        )
    return None


def chi_square_index(value: float, freedom: float, confidence: float, method: str) -> Index:
    """An index whose only uncertain part is a standard deviation with so many degrees of freedom."""
    tail = (1 - confidence) / 2
    low, high = (math.sqrt(float(scipy.stats.chi2.ppf(p, freedom)) / freedom) for p in (tail, 1 - tail))
    return Index(value, value * low, value * high, method)


def bissell_index(value: float, count: int, freedom: float, confidence: float) -> Index:
    """An index of one side: mean and standard deviation are both uncertain."""
    half = float(scipy.stats.norm.ppf(0.5 + confidence / 2)) * math.sqrt(
        1 / (9 * count) + value**2 / (2 * freedom)
    )
    return Index(value, value - half, value + half, "Bissell")


def _side_indices(
    known: Points, specification: Specification, sigma: float, freedom: float, confidence: float
) -> dict[str, Index]:
    mean, found = float(known.mean()), {}
    if specification.lower is not None:
        value = (mean - specification.lower) / (3 * sigma)
        found["lower"] = bissell_index(value, known.size, freedom, confidence)
    if specification.upper is not None:
        value = (specification.upper - mean) / (3 * sigma)
        found["upper"] = bissell_index(value, known.size, freedom, confidence)
    if specification.lower is not None and specification.upper is not None:
        value = (specification.upper - specification.lower) / (6 * sigma)
        found["both"] = chi_square_index(value, freedom, confidence, "chi-square")
    return found


def _worse(found: dict[str, Index]) -> Index | None:
    sides = [found[side] for side in ("lower", "upper") if side in found]
    return min(sides, key=lambda index: index.value, default=None)


def _limits(specification: Specification) -> tuple[float, float]:
    low = -math.inf if specification.lower is None else specification.lower
    return low, math.inf if specification.upper is None else specification.upper


def _cpm(known: Points, specification: Specification, deviation: float, confidence: float) -> Index | None:
    if specification.lower is None or specification.upper is None or specification.middle is None:
        return None
    off = (float(known.mean()) - specification.middle) / deviation
    value = (specification.upper - specification.lower) / (6 * deviation * math.sqrt(1 + off**2))
    freedom = known.size * (1 + off**2) ** 2 / (1 + 2 * off**2)
    return chi_square_index(value, freedom, confidence, "Boyles")
