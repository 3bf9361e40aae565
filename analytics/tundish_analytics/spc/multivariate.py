"""Hotelling's T² of several signals together, with each signal's part in it.

Limits: Tracy, Young and Mason, Journal of Quality Technology 24 (1992) for single rows; Alt (1985), as in
Montgomery, Introduction to Statistical Quality Control, chapter 11, for groups. Parts: Runger, Alt and
Montgomery (1996): how much T² falls when a signal is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

FALSE_ALARMS: Final = 0.0027
# Condition of the correlations beyond which their inverse is rounding noise.
_SINGULAR: Final = 1e12


@dataclass(frozen=True, slots=True)
class VectorBaseline:
    """Phase I of several signals.

    Attributes:
        centre: means, shape ``(p,)``.
        covariance: of one row, shape ``(p, p)``.
        rows: rows or groups it came from (m).
        size: rows in a group (n); 1 for single rows.
    """

    centre: Points
    covariance: Points
    rows: int
    size: int = 1


@dataclass(frozen=True, slots=True)
class TSquaredChart:
    """T² over time.

    Attributes:
        statistic: shape ``(m,)``; NaN where a row has a missing value.
        upper: the limit; there is no lower one.
        parts: ``(m, p)``: fall of T² without that signal, given the others; never negative.
    """

    statistic: Points
    upper: float
    parts: Points
    baseline: VectorBaseline

    def outside(self) -> NDArray[np.bool_]:
        """Points strictly above the limit."""
        return self.statistic > self.upper


def t_squared_rows(
    rows: Points, baseline: VectorBaseline | None = None, *, alpha: float = FALSE_ALARMS
) -> TSquaredChart:
    """Single rows ``(m, p)``: phase I (Beta limit) without a baseline, phase II (F limit) with one.

    Raises:
        ValueError: phase I has fewer whole rows than signals and two more, or the signals are not
        independent.
    """
    p = rows.shape[1]
    base = baseline or _of_rows(rows)
    m = base.rows
    if baseline is None:
        upper = (m - 1) ** 2 / m * float(scipy.stats.beta.ppf(1 - alpha, p / 2, (m - p - 1) / 2))
    else:
        upper = p * (m + 1) * (m - 1) / (m * m - m * p) * float(scipy.stats.f.ppf(1 - alpha, p, m - p))
    return _chart(rows - base.centre, base, upper)


def t_squared_groups(
    groups: Points, baseline: VectorBaseline | None = None, *, alpha: float = FALSE_ALARMS
) -> TSquaredChart:
    """Groups ``(m, n, p)``: their means against the pooled covariance; phase II where a baseline is given.

    Raises:
        ValueError: as for `t_squared_rows`.
    """
    _, n, p = groups.shape
    base = baseline or _of_groups(groups)
    m = base.rows
    freedom = m * n - m - p + 1
    ahead = m - 1 if baseline is None else m + 1
    upper = p * ahead * (n - 1) / freedom * float(scipy.stats.f.ppf(1 - alpha, p, freedom))
    return _chart((groups.mean(axis=1) - base.centre) * np.sqrt(n), base, upper)


def _chart(offset: Points, base: VectorBaseline, upper: float) -> TSquaredChart:
    scale = np.sqrt(np.diag(base.covariance))
    if not np.all(scale > 0) or np.linalg.cond(base.covariance / np.outer(scale, scale)) > _SINGULAR:
        raise ValueError("a signal is constant or a combination of the others; leave it out")
    inverse = np.linalg.inv(base.covariance)
    solved = offset @ inverse
    # Without signal j, T² falls by (S⁻¹x)_j² / (S⁻¹)_jj: the block inverse makes a second inversion needless.
    parts = solved**2 / np.diag(inverse)
    return TSquaredChart(np.einsum("ij,ij->i", solved, offset), upper, parts, base)


def _of_rows(rows: Points) -> VectorBaseline:
    whole = rows[np.isfinite(rows).all(axis=1)]
    if len(whole) < rows.shape[1] + 2:
        raise ValueError(f"{rows.shape[1]} signals need at least {rows.shape[1] + 2} whole rows")
    return VectorBaseline(whole.mean(axis=0), np.atleast_2d(np.cov(whole, rowvar=False)), len(whole))


def _of_groups(groups: Points) -> VectorBaseline:
    whole = groups[np.isfinite(groups).all(axis=(1, 2))]
    _, n, p = whole.shape
    if len(whole) * (n - 1) < p + 1:
        raise ValueError("too few groups to estimate how the signals vary together")
    centred = whole - whole.mean(axis=1, keepdims=True)
    covariance = np.einsum("gik,gil->kl", centred, centred) / (len(whole) * (n - 1))
    return VectorBaseline(whole.mean(axis=(0, 1)), covariance, len(whole), n)
