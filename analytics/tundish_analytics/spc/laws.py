"""Laws for values that are not normal, and the test that says whether they are.

Anderson-Darling with the p-value of D'Agostino and Stephens (1986); Box-Cox by maximum likelihood, as in
NIST/SEMATECH e-Handbook 6.5.2; Johnson's system by four percentiles, Slifker and Shapiro, Technometrics 22
(1980).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Points = NDArray[np.float64]

_POWERS: Final = (-3.0, 3.0)
# Slifker and Shapiro's z: where the four percentiles lie; too far out, small samples have none there.
_SPACINGS: Final = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_EVEN: Final = 0.02
_LEAST: Final = 8


class CannotFit(ValueError):  # noqa: N818 - says what happened
    """The law does not suit these values."""


@dataclass(frozen=True, slots=True)
class Law:
    """A fitted law.

    Attributes:
        parameters: as the law's source names them.
        quantile: value below which a share of all values lies.
        scores: values as standard normal ones.
    """

    name: str
    parameters: dict[str, float]
    quantile: Callable[[float], float]
    scores: Callable[[Points], Points]


def normality(values: Points) -> tuple[float, float]:
    """Anderson-Darling statistic, corrected for the number of values, and its p-value.

    Raises:
        ValueError: there are fewer than eight values, or they do not vary.
    """
    ordered = np.sort(values[np.isfinite(values)])
    n = ordered.size
    if n < _LEAST or ordered[0] == ordered[-1]:
        raise ValueError(f"a test for normality needs {_LEAST} values at least that differ")
    z = (ordered - ordered.mean()) / ordered.std(ddof=1)
    weights = 2 * np.arange(1, n + 1) - 1
    square = -n - float(np.mean(weights * (scipy.stats.norm.logcdf(z) + scipy.stats.norm.logsf(z)[::-1])))
    corrected = square * (1 + 0.75 / n + 2.25 / n**2)
    return corrected, _p_value(corrected)


def fit_normal(values: Points) -> Law:
    """The normal law by mean and standard deviation."""
    mean, sigma = float(values.mean()), float(values.std(ddof=1))
    return Law(
        "normal",
        {"mean": mean, "sigma": sigma},
        lambda p: mean + sigma * float(scipy.stats.norm.ppf(p)),
        lambda x: (x - mean) / sigma,
    )


def fit_box_cox(values: Points) -> Law:
    """Normal after the power λ that is most likely; 0 is the logarithm.

    Raises:
        CannotFit: a value is not above 0.
    """
    if values.min() <= 0:
        raise CannotFit("Box-Cox needs values above 0")
    logs = np.log(values)

    def unlikely(power: float) -> float:
        spread = np.expm1(power * logs).std() / abs(power) if power else logs.std()
        return float(logs.size * np.log(spread) - (power - 1) * logs.sum())

    power = float(scipy.optimize.minimize_scalar(unlikely, bounds=_POWERS, method="bounded").x)
    moved = scipy.stats.boxcox(values, power)
    mean, sigma = float(moved.mean()), float(moved.std(ddof=1))
    return Law(
        "Box-Cox",
        {"lambda": power, "mean": mean, "sigma": sigma},
        lambda p: float(
            np.nan_to_num(scipy.special.inv_boxcox(mean + sigma * scipy.stats.norm.ppf(p), power))
        ),
        lambda x: (scipy.stats.boxcox(x, power) - mean) / sigma,
    )


def fit_johnson(values: Points) -> Law:
    """Johnson's bounded, unbounded or lognormal law, at the spacing that leaves the most normal scores.

    Raises:
        CannotFit: no spacing gives a law that holds all values.
    """
    best: tuple[float, Law] | None = None
    for spacing in _SPACINGS:
        law = _johnson(values, spacing)
        if law is None:
            continue
        scores = law.scores(values)
        if not np.all(np.isfinite(scores)):
            continue
        distance = normality(scores)[0]
        if best is None or distance < best[0]:
            best = distance, law
    if best is None:
        raise CannotFit("no Johnson law holds all values")
    return best[1]


def _johnson(values: Points, spacing: float) -> Law | None:
    places = [float(scipy.stats.norm.cdf(k * spacing)) for k in (-3, -1, 1, 3)]
    far_low, low, high, far_high = np.quantile(values, places, method="hazen")
    m, n, p = far_high - high, low - far_low, high - low
    if min(m, n, p) <= 0:
        return None
    ratio = m * n / p**2
    middle = (high + low) / 2
    if ratio > 1 + _EVEN:
        return _unbounded(m / p, n / p, p, middle, spacing)
    if ratio < 1 - _EVEN:
        return _bounded(p / m, p / n, p, middle, spacing)
    return _lognormal(m / p, p, middle, spacing)


def _unbounded(m: float, n: float, p: float, middle: float, spacing: float) -> Law:
    eta = 2 * spacing / math.acosh((m + n) / 2)
    root = math.sqrt(m * n - 1)
    gamma = eta * math.asinh((n - m) / (2 * root))
    scale = 2 * p * root / ((m + n - 2) * math.sqrt(m + n + 2))
    shift = middle + p * (n - m) / (2 * (m + n - 2))
    return Law(
        "Johnson SU",
        {"gamma": gamma, "eta": eta, "lambda": scale, "epsilon": shift},
        lambda q: shift + scale * math.sinh((float(scipy.stats.norm.ppf(q)) - gamma) / eta),
        lambda x: gamma + eta * np.arcsinh((x - shift) / scale),
    )


def _bounded(m: float, n: float, p: float, middle: float, spacing: float) -> Law:
    product = (1 + m) * (1 + n)
    eta = spacing / math.acosh(math.sqrt(product) / 2)
    root = math.sqrt((product - 2) ** 2 - 4)
    gamma = eta * math.asinh((n - m) * math.sqrt(product - 4) / (2 * (m * n - 1)))
    scale = p * root / (m * n - 1)
    shift = middle - scale / 2 + p * (n - m) / (2 * (m * n - 1))

    def scores(x: Points) -> Points:
        part = (x - shift) / scale
        inside = (part > 0) & (part < 1)
        safe = np.where(inside, part, 0.5)
        return np.where(inside, gamma + eta * np.log(safe / (1 - safe)), np.nan)

    return Law(
        "Johnson SB",
        {"gamma": gamma, "eta": eta, "lambda": scale, "epsilon": shift},
        lambda q: shift + scale / (1 + math.exp(-(float(scipy.stats.norm.ppf(q)) - gamma) / eta)),
        scores,
    )


def _lognormal(m: float, p: float, middle: float, spacing: float) -> Law | None:
    if abs(m - 1) < _EVEN:
        return None
    eta = 2 * spacing / math.log(m)
    gamma = eta * math.log(abs(m - 1) / (p * math.sqrt(m)))
    shift = middle - p / 2 * (m + 1) / (m - 1)
    side = math.copysign(1, m - 1)

    def scores(x: Points) -> Points:
        part = side * (x - shift)
        return np.where(part > 0, gamma + eta * np.log(np.where(part > 0, part, 1)), np.nan)

    return Law(
        "Johnson SL",
        {"gamma": gamma, "eta": eta, "epsilon": shift},
        lambda q: shift + side * math.exp((float(scipy.stats.norm.ppf(q)) - gamma) / eta),
        scores,
    )


def _p_value(square: float) -> float:
    """D'Agostino and Stephens, Goodness-of-Fit Techniques (1986), table 4.9."""
    if square >= 0.6:  # noqa: PLR2004 - pieces of the published fit
        return min(1.0, math.exp(1.2937 - 5.709 * square + 0.0186 * square**2))
    if square >= 0.34:  # noqa: PLR2004 - the same
        return math.exp(0.9177 - 4.279 * square - 1.38 * square**2)
    if square >= 0.2:  # noqa: PLR2004 - the same
        return 1 - math.exp(-8.318 + 42.796 * square - 59.938 * square**2)
    return 1 - math.exp(-13.436 + 101.14 * square - 223.73 * square**2)
