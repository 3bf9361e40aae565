"""Change points of a history: when a signal's level, or the levels of several together, began to be others.

PELT (Killick, Fearnhead and Eckley, JASA 107, 2012) finds the segmentation with the least squared error
plus a penalty per change; `ruptures` implements it in C for a linear kernel. The penalty is the one of the
Bayesian information criterion, ``(variables + 1) ln n`` times the noise variance, and the noise variance is
taken from differences of neighbours, which changes of level hardly touch. Rows that resemble their
neighbours make that variance too small and changes too many, so it is raised by how long a row is
remembered, read in differences of neighbouring sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

LEAST: Final = 10
_MAD: Final = 1.4826
_STRICT: Final = 2.0
_MOST: Final = 20_000
_LAGS: Final = 30
_TINY: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level.

    Attributes:
        row: first row of the new level.
        shift: new level less old one in each variable's own unit, shape ``(variables,)``.
        parts: share of each variable in the change, together 1.
    """

    row: int
    shift: Values
    parts: Values


def change_points(rows: Values, least: int = LEAST, strict: float = _STRICT) -> list[Change]:
    """Changes of level, in time order.

    Args:
        rows: shape ``(rows, variables)``, in time order; gaps are bridged by the value before.
        least: rows that a level must last.
        strict: times the criterion's penalty. 1 is the criterion itself; the default of 2 forgives noise
            with heavier tails than the normal law's.

    Raises:
        ValueError: more than 20,000 rows, which take minutes: average them first.
    """
    # ruptures pulls in every kernel it has; only histories need it.
    from ruptures import KernelCPD  # noqa: PLC0415 - see above

    if len(rows) > _MOST:
        raise ValueError(f"{len(rows)} rows; average them to at most {_MOST} first")
    if len(rows) < 2 * least:
        return []
    filled = _bridged(rows)
    noise = _noise(filled)
    kept = noise > 0
    if not kept.any():
        return []
    z = filled[:, kept] / noise[kept]
    z = z / np.sqrt(_memory(z))
    penalty = strict * (z.shape[1] + 1) * np.log(len(z))
    ends = KernelCPD(kernel="linear", min_size=least).fit(z).predict(pen=penalty)
    edges = [0, *ends]
    return [_change(filled, noise, edges[n - 1], edges[n], edges[n + 1]) for n in range(1, len(edges) - 1)]


def _change(filled: Values, noise: Values, begin: int, at: int, end: int) -> Change:
    shift = filled[at:end].mean(axis=0) - filled[begin:at].mean(axis=0)
    strength = np.where(noise > 0, (shift / np.maximum(noise, _TINY)) ** 2, 0.0)
    return Change(int(at), shift, strength / max(float(strength.sum()), _TINY))


def _bridged(rows: Values) -> Values:
    there = np.isfinite(rows)
    place = np.maximum.accumulate(np.where(there, np.arange(len(rows))[:, None], 0), axis=0)
    bridged = np.take_along_axis(rows, place, axis=0)
    first = np.take_along_axis(rows, there.argmax(axis=0)[None, :], axis=0)
    filled: Values = np.where(np.isfinite(bridged), bridged, np.nan_to_num(first))
    return filled


def _noise(filled: Values) -> Values:
    """Standard deviation of each variable about its level, from neighbours; 0 where it stands still."""
    steps = np.diff(filled, axis=0)
    robust = _MAD * np.median(np.abs(steps - np.median(steps, axis=0)), axis=0) / np.sqrt(2)
    # A coarse signal mostly repeats itself, so its median step is 0 though it does move.
    noise: Values = np.where(robust > 0, robust, steps.std(axis=0) / np.sqrt(2))
    return noise


def _memory(z: Values) -> Values:
    """How many times its neighbours' variance the mean of many rows has: 1 for independent rows.

    The spread of sums over `_LAGS` rows against what independent rows would give, from differences of
    neighbouring sums, robust against the few that hold a change.
    """
    blocks = len(z) // _LAGS
    if blocks < 4:  # noqa: PLR2004 - three differences are the least that have a middle
        return np.ones(z.shape[1])
    sums = z[: blocks * _LAGS].reshape(blocks, _LAGS, -1).sum(axis=1)
    steps = np.diff(sums, axis=0)
    spread = _MAD * np.median(np.abs(steps), axis=0) / np.sqrt(2 * _LAGS)
    remembered: Values = np.maximum(spread**2, 1.0)
    return remembered
