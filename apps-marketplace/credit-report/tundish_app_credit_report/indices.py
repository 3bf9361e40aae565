"""Index numbers by month, their trend and their stability; robust, because one odd month is no trend."""

from __future__ import annotations

from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

BASE_MONTHS: Final = 3
LEAST_MONTHS: Final = 4
# Makes the median absolute deviation of normal values their standard deviation.
_NORMAL: Final = 1.4826


def months_between(first: str, last: str) -> list[str]:
    """``2026-01`` to ``2026-03``, both included."""
    start, end = (12 * int(month[:4]) + int(month[5:]) - 1 for month in (first, last))
    return [f"{place // 12:04d}-{place % 12 + 1:02d}" for place in range(start, end + 1)]


def indices(counts: Sequence[float]) -> list[int] | None:
    """Each month against the mean of the first `BASE_MONTHS`, which is 100; None where those hold nothing."""
    base = sum(counts[:BASE_MONTHS]) / BASE_MONTHS
    return [round(100 * count / base) for count in counts] if base else None


def trend(values: Sequence[float]) -> float | None:
    """Slope a month in percent of the median (Theil and Sen); None for fewer than two or a median of 0."""
    middle = median(values) if values else 0.0
    slopes = [(values[b] - values[a]) / (b - a) for a, b in combinations(range(len(values)), 2)]
    return 100 * median(slopes) / middle if slopes and middle else None


def stability(values: Sequence[float]) -> float | None:
    """1 for equal values, 0 where they spread as far as their median or farther; the trend is taken out.

    None for a median of 0 or fewer than two values.
    """
    slope = trend(values)
    if slope is None:
        return None
    middle = median(values)
    flat = [value - slope / 100 * middle * place for place, value in enumerate(values)]
    centre = median(flat)
    spread = _NORMAL * median(abs(value - centre) for value in flat)
    return max(0.0, 1.0 - spread / middle)
