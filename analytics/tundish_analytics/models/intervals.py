"""95 % intervals of measured figures: whole units are drawn anew, since the rows of a unit err together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from scipy.stats import beta, t

from tundish_analytics.models.folds import SEED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

Ends: TypeAlias = tuple[float, float]

LEVEL: Final = 0.95
DRAWS: Final = 500
_LEAST: Final = 2


def drawn(
    units: NDArray[Any], score: Callable[[NDArray[np.int64]], float], draws: int = DRAWS
) -> Ends | None:
    """Percentile bootstrap of a score over whole units; ``None`` for fewer than two.

    Args:
        units: unit of each row, such as engine, day, experiment; shape ``(rows,)``.
        score: of some rows, given by number, where a row may come more than once.
        draws: how often units are drawn.
    """
    _, place = np.unique(units, return_inverse=True)
    rows = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    if len(rows) < _LEAST:
        return None
    generator = np.random.default_rng(SEED)
    found = [
        score(np.concatenate([rows[unit] for unit in generator.integers(0, len(rows), len(rows))]))
        for _ in range(draws)
    ]
    return _ends(found)


def _ends(found: Sequence[float]) -> Ends:
    low, high = np.nanquantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def of_share(hits: NDArray[np.bool_], units: NDArray[Any] | None = None) -> Ends:
    """Exact binomial ends of a share, for as many cases as the units leave independent.

    Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", Survey Methodology 24 (1998): Clopper-Pearson with the number of cases
    divided by the design effect. Where all cases agree, a unit counts as one case.

    Args:
        hits: whether each case counts; shape ``(cases,)``.
        units: unit of each case; without them every case is its own.
    """
    share, count = float(hits.mean()), float(len(hits))
    if units is not None:
        _, place, sizes = np.unique(units, return_inverse=True, return_counts=True)
        clusters = len(sizes)
        excess = np.bincount(place, weights=hits - share)
        plain = share * (1 - share) / count
        if plain == 0 or clusters < _LEAST:
            count = float(clusters)
        else:
            between = clusters / (clusters - 1) * float(np.sum(excess**2)) / count**2
            count /= max(between / plain, 1.0)
    right, tail = share * count, (1 - LEVEL) / 2
    low = float(beta.ppf(tail, right, count - right + 1)) if right > 0 else 0.0
    high = float(beta.ppf(1 - tail, right + 1, count - right)) if right < count else 1.0
    return low, high


def of_mean(values: Sequence[float], least: float = -np.inf, most: float = np.inf) -> Ends | None:
    """Student's interval of a mean over few units, within what the value can be; ``None`` for one unit."""
    if len(values) < _LEAST:
        return None
    half = float(t.ppf((1 + LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    middle = float(np.mean(values))
    return max(middle - half, least), min(middle + half, most)
