"""Made histories of a city: facts of enterprises by month, and stages whose law of moving is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tundish_platform.programme.series.panel import FACTS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

# Facts of an enterprise that grows from 0 to 1 and beyond; the law is plain and for load, not for truth.
_AT_FULL: Final = {
    "subscriptions": 3, "sources": 2, "users": 8, "user_bins": 20, "machine_bins": 30, "machines": 14,
    "lines": 2, "apps": 4, "app_bins": 28, "alerts": 6, "alerts_handled": 6,
}  # fmt: skip
_SHARES: Final = ("good_share", "alert_share")


def city_months(rng: Generator, enterprises: int, months: int) -> Iterator[pa.Table]:
    """Facts of so many enterprises, month after month; they join, grow fast or slowly and stand still."""
    number = np.arange(1, enterprises + 1, dtype=np.int32)
    joined = rng.integers(-months, months, enterprises)
    speed = rng.gamma(1.0, 0.06, enterprises)
    most = rng.beta(1.2, 1.6, enterprises) * 1.3
    for month in range(months):
        here = joined <= month
        level = np.minimum(most, speed * (month - joined))[here] * rng.normal(1.0, 0.03, here.sum())
        level = np.clip(level, 0.0, None)
        yield pa.table([pa.array(number[here]), *_columns(rng, level)], schema=SCHEMA)


def _columns(rng: Generator, level: NDArray[np.float64]) -> list[pa.Array]:
    columns = []
    for name in FACTS:
        if name in _SHARES:
            values = np.round(np.clip(level * rng.normal(1.1, 0.05, len(level)), 0, 1), 4)
            columns.append(pa.array(values))
        elif name in _AT_FULL:
            columns.append(pa.array(np.floor(level * _AT_FULL[name] + 0.3).astype(np.int32)))
        else:
            columns.append(pa.array(np.ones(len(level), np.int32)))
    return columns


def wandering(
    rng: Generator, enterprises: int, months: int, stages: int = 5, unevenness: float = 0.0
) -> NDArray[np.int8]:
    """Stages that move by one law each month, shape ``(n, m)``.

    Args:
        rng: of the moves.
        enterprises: on the register from the first month to the last.
        months: how many.
        stages: how many the rule would have.
        unevenness: how much months differ: variance of the factor, of mean 1, on who rises in a month.
    """
    rise, fall = rng.uniform(0.01, 0.06, stages), rng.uniform(0.0, 0.015, stages + 1)
    ranks = np.zeros((enterprises, months), np.int8)
    ranks[:, 0] = rng.integers(0, stages, enterprises)
    for month in range(1, months):
        factor = rng.gamma(1 / unevenness, unevenness) if unevenness else 1.0
        before = ranks[:, month - 1]
        up = np.append(np.minimum(rise * factor, 0.5), 0.0)[before]
        chance = rng.random(enterprises)
        ranks[:, month] = before + (chance < up) - ((chance >= 1 - fall[before]) & (before > 0))
    return ranks
