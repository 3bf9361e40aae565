"""Made histories of a city: stages whose law of moving is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray


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
