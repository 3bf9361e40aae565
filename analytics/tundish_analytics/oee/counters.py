"""Counts out of counters that roll over, are reset or jump."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How much faster than its rate a counter may seem to run before the step is doubted.
_TOLERANCE: Final = 1.5
# A rollover starts near the top and ends near the bottom.
_NEAR: Final = 0.1


@dataclass(frozen=True, slots=True)
class CounterRead:
    """What a counter counted.

    Attributes:
        steps: counted from each reading to the next, shape ``(n − 1,)``; 0 where doubtful.
        resets: indices of readings after which the counter had begun anew.
        suspects: indices of readings that came with an impossible jump, left out of the sum.
    """

    steps: NDArray[np.float64]
    resets: tuple[int, ...]
    suspects: tuple[int, ...]

    @property
    def total(self) -> float:
        """All of it."""
        return float(self.steps.sum())


def read_counter(
    seconds: NDArray[np.float64],
    values: NDArray[np.float64],
    *,
    modulus: float | None = None,
    rate: float | None = None,
) -> CounterRead:
    """Steps of a counter that only rises.

    Args:
        seconds: times of the readings, rising, shape ``(n,)``.
        values: readings.
        modulus: where the counter rolls over to 0, such as 2³²; None where it does not.
        rate: most counts per second that are possible.

    Raises:
        ValueError: times don't rise.
    """
    elapsed = np.diff(seconds)
    if np.any(elapsed <= 0):
        raise ValueError("times of readings must rise")
    steps = np.diff(values)
    fell = steps < 0
    rolled = np.zeros(steps.size, np.bool_)
    if modulus is not None:
        rolled = fell & (values[:-1] > (1 - _NEAR) * modulus) & (values[1:] < _NEAR * modulus)
        steps = np.where(rolled, steps + modulus, steps)
    reset = fell & ~rolled
    steps = np.where(reset, values[1:], steps)
    doubtful = np.zeros(steps.size, np.bool_) if rate is None else steps > _TOLERANCE * rate * elapsed
    return CounterRead(
        np.where(doubtful, 0.0, steps),
        tuple((np.flatnonzero(reset) + 1).tolist()),
        tuple((np.flatnonzero(doubtful) + 1).tolist()),
    )
