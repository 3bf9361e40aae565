"""Lives of a fleet of which some still run: Kaplan-Meier, Weibull, and what is left given the age reached.

A unit that has not failed counts with the age it has reached (censored on the right). Leaving such units out
makes lives look too short.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import scipy
from scipy.stats import CensoredData, ecdf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

LEVEL: Final = 0.9
LEAST_FAILED: Final = 5
_DRAWS: Final = 200
_STEPS: Final = 50


class TooFewFailures(ValueError):  # noqa: N818 - says what is lacking
    """So few units failed that no law of their lives can be told."""


@dataclass(frozen=True, slots=True)
class Lives:
    """Ages of units.

    Attributes:
        age: at failure, or reached so far; above 0; shape ``(units,)``.
        failed: whether the unit failed at that age.
    """

    age: Values
    failed: NDArray[np.bool_]

    def censored(self) -> CensoredData:
        """As scipy takes them."""
        return CensoredData.right_censored(self.age, ~self.failed)


@dataclass(frozen=True, slots=True)
class Left:
    """Life left of a unit, in the unit of the ages.

    Attributes:
        median: half of such units have less.
        low, high: a new unit's life left lies between them in `level` of the cases, the uncertainty of the
            law included.
        failed, running: units behind it.
    """

    median: float
    low: float
    high: float
    failed: int
    running: int


@dataclass(frozen=True, slots=True)
class Survival:
    """Kaplan and Meier's share of units that survive an age.

    Attributes:
        age: at which a unit failed or left, rising.
        share: that survives it; ``low`` and ``high`` are the ends of the interval (log-log, by Greenwood).
    """

    age: Values
    share: Values
    low: Values
    high: Values

    @classmethod
    def of(cls, lives: Lives, level: float = LEVEL) -> Self:
        """Estimate without any law (JASA 53, 1958)."""
        found = ecdf(lives.censored()).sf
        # Where all or none survive, the interval of the log-log form is not defined.
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = found.confidence_interval(level, method="log-log")
        return cls(found.quantiles, found.probabilities, ends.low.probabilities, ends.high.probabilities)


class WeibullLife:
    """A Weibull law of a fleet's lives, with draws of it that say how well it is known.

    Attributes:
        shape: above 1 for wear, below 1 for early failures.
        scale: age at which 63 % have failed.
    """

    def __init__(self, lives: Lives, shape: float, scale: float, draws: Values) -> None:
        self.shape = shape
        self.scale = scale
        self._lives = lives
        self._draws = draws

    @classmethod
    def fit(cls, lives: Lives, draws: int = _DRAWS) -> Self:
        """Most likely law.

        Args:
            lives: of a fleet of like units.
            draws: of the fleet with replacement, for the uncertainty of the law.

        Raises:
            TooFewFailures: fewer than five units failed.
        """
        if lives.failed.sum() < LEAST_FAILED:
            raise TooFewFailures(f"{int(lives.failed.sum())} units failed, {LEAST_FAILED} needed")
        rng = np.random.default_rng(20)
        found: list[tuple[float, float]] = []
        while len(found) < draws:
            rows = rng.integers(0, len(lives.age), len(lives.age))
            drawn = Lives(lives.age[rows], lives.failed[rows])
            # A draw in which all failures are one unit's has no law.
            if len(np.unique(drawn.age[drawn.failed])) > 1:
                found.append(_most_likely(drawn))
        return cls(lives, *_most_likely(lives), np.array(found))

    def survival(self, age: Values) -> Values:
        """Share that survives an age."""
        share: Values = np.exp(-((age / self.scale) ** self.shape))
        return share

    def left(self, age: float, level: float = LEVEL) -> Left:
        """Life left of a unit that has reached an age without failing.

        The interval is of the mixture of all draws: what a single unit may do, and what is not known of the
        law. Quantile of one law: ``scale ((age/scale)^shape - ln(1 - u))^(1/shape) - age``.
        """
        tail = (1 - level) / 2
        u = (np.arange(_STEPS) + 0.5) / _STEPS
        shape, scale = self._draws[:, :1], self._draws[:, 1:]
        mixed = _left(age, shape, scale, u[None, :]).ravel()
        low, high = (float(end) for end in np.quantile(mixed, [tail, 1 - tail]))
        median = float(_left(age, self.shape, self.scale, 0.5))
        failed = int(self._lives.failed.sum())
        return Left(median, low, high, failed, len(self._lives.failed) - failed)

    def misfit(self) -> float:
        """Largest distance from Kaplan-Meier's steps; above about 1.2/√failures the law is doubtful."""
        steps = Survival.of(self._lives)
        return float(np.max(np.abs(self.survival(steps.age) - steps.share)))


def _left(age: float, shape: Values | float, scale: Values | float, u: Values | float) -> Values:
    lasted: Values = scale * ((age / scale) ** shape - np.log1p(-u)) ** (1 / shape) - age
    return lasted


def _most_likely(lives: Lives) -> tuple[float, float]:
    """Shape and scale. With the shape given, the scale follows; so one equation in the shape is left.

    Its root is unique (Farnum and Booth, IEEE Trans. Reliability 46, 1997); `weibull_min.fit` seeks two
    numbers at once and is a thousand times slower, which the draws could not afford.
    """
    age = lives.age / lives.age.max()
    log = np.log(age)
    mean = float(log[lives.failed].mean())

    def equation(shape: float) -> float:
        weight = age**shape
        return float(weight @ log / weight.sum() - 1 / shape - mean)

    high = 1.0
    while equation(high) < 0 and high < 1e6:  # noqa: PLR2004 - lives all alike have no upper end
        high *= 2
    shape = float(scipy.optimize.brentq(equation, 1e-3, high))
    scale = (np.sum(age**shape) / lives.failed.sum()) ** (1 / shape) * lives.age.max()
    return shape, float(scale)
