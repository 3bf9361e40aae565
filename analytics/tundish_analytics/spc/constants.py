"""Control chart constants, computed from the definitions for normal samples instead of tabulated.

Sources: ISO 7870-2, ASTM E2587. ``d2`` and ``d3`` are mean and standard deviation of the range of ``n``
standard normal values, ``c4`` is the mean of their standard deviation.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The integrands vanish to 1e-16 beyond ±8.5; a trapezoid of this step is exact to 1e-5 and better.
_REACH, _STEP = 8.5, 0.01
_MOST: Final = 50


def c4(n: int) -> float:
    """Mean of the standard deviation of ``n`` standard normal values, in units of sigma."""
    _check(n)
    return math.sqrt(2 / (n - 1)) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))


@lru_cache(maxsize=_MOST)
def d2(n: int) -> float:
    """Mean range of ``n`` standard normal values: the integral of 1 − F^n − (1 − F)^n."""
    _check(n)
    below = _normal_cdf()
    return float(np.trapezoid(1 - below**n - (1 - below) ** n, dx=_STEP))


@lru_cache(maxsize=_MOST)
def d3(n: int) -> float:
    """Standard deviation of the range of ``n`` standard normal values.

    The mean square of the range is the double integral, over all smallest and largest values x and y, of
    1 − F(y)^n − (1 − F(x))^n + (F(y) − F(x))^n.
    """
    _check(n)
    below = _normal_cdf()
    # A row at a time: the whole square takes more memory than an app has in its sandbox.
    rows = [np.trapezoid(_overlap(below, at, n), dx=_STEP) for at in below.tolist()]
    return math.sqrt(float(np.trapezoid(rows, dx=_STEP)) - d2(n) ** 2)


def range_factors(n: int) -> tuple[float, float, float]:
    """``A2, D3, D4`` of an X̄-R chart with subgroups of ``n``."""
    spread = 3 * d3(n) / d2(n)
    return 3 / (d2(n) * math.sqrt(n)), max(0.0, 1 - spread), 1 + spread


def deviation_factors(n: int) -> tuple[float, float, float]:
    """``A3, B3, B4`` of an X̄-S chart with subgroups of ``n``."""
    spread = 3 * math.sqrt(1 - c4(n) ** 2) / c4(n)
    return 3 / (c4(n) * math.sqrt(n)), max(0.0, 1 - spread), 1 + spread


def _overlap(below: NDArray[np.float64], at: float, n: int) -> NDArray[np.float64]:
    low, high = np.minimum(below, at), np.maximum(below, at)
    inner: NDArray[np.float64] = 1 - high**n - (1 - low) ** n + (high - low) ** n
    return inner


@lru_cache(maxsize=1)
def _normal_cdf() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    places = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    return np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in places], np.float64)


def _check(n: int) -> None:
    if not 2 <= n <= _MOST:  # noqa: PLR2004 - a range needs two values
        raise ValueError(f"subgroups have 2 to {_MOST} values, not {n}")
